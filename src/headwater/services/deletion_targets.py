"""What a link names among the documents that a tenant has: the page itself, all below it, a space, a site.

Read from the catalog alone. A link finds what was linked on its own host only, and where one host
has several sites, what is in the context that the link names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.removal import Candidate, Cleared
from headwater.pipeline.content_urls import ContentLink, parse_content_url, read_host
from headwater.ports import Inventory

Place = tuple[SiteId, SpaceKey]


@dataclass(frozen=True, slots=True)
class Selection:
    """Documents by themselves, and places of which everything is meant."""

    documents: tuple[Candidate, ...] = ()
    cleared: tuple[Cleared, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the link named nothing that is there."""
        return not (self.documents or self.cleared)


async def select_by_url(
    inventory: Inventory, tenant: TenantId, source_url: str, *, include_descendants: bool
) -> Selection:
    """Return what a link means: a page always with its attachments, a space or site always as a whole."""
    link = parse_content_url(source_url)
    if link.is_whole_space or link.site_path is not None:
        return Selection(cleared=await _find_places(inventory, tenant, link))
    found = await _find_content(inventory, tenant, link, source_url)
    if include_descendants:
        found = await _add_descendants(inventory, tenant, link, found)
    return Selection(documents=await add_attachments(inventory, tenant, found))


async def add_attachments(
    inventory: Inventory, tenant: TenantId, found: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """Return the documents with all that hangs on the pages among them, each once."""
    chosen = {item.document_id: item for item in found}
    pages = [item for item in found if item.kind is not DocumentKind.ATTACHMENT]
    for site, here in groupby(sorted(pages, key=_site), key=_site):
        page_ids = [item.content_id for item in here]
        files = await inventory.find_attachments(tenant, site, page_ids)
        chosen |= {item.document_id: item for item in files}
    return tuple(chosen.values())


async def _find_places(
    inventory: Inventory, tenant: TenantId, link: ContentLink
) -> tuple[Cleared, ...]:
    places = await inventory.find_places(tenant, _prefixes(link, link.site_path or ""))
    if link.site_path is None:
        named = [place for place in places if place[1] == link.space]
        spaces = _keep_one_site(named, await _sites_in_context(inventory, tenant, link))
        return tuple(Cleared(site, space) for site, space in spaces)
    sites = {site for site, _ in places}
    # A bare host with several sites behind it names none of them.
    return tuple(map(Cleared, sites)) if len(sites) == 1 else ()


async def _sites_in_context(
    inventory: Inventory, tenant: TenantId, link: ContentLink
) -> frozenset[SiteId]:
    places = await inventory.find_places(tenant, _prefixes(link, link.context))
    return frozenset(site for site, _ in places)


def _keep_one_site(places: Sequence[Place], in_context: frozenset[SiteId]) -> list[Place]:
    """Return the places if they are of one site; else those of the one site that the context names."""
    if len({site for site, _ in places}) <= 1:
        return list(places)
    kept = [place for place in places if place[0] in in_context]
    return kept if len({site for site, _ in kept}) == 1 else []


def _prefixes(link: ContentLink, path: str) -> list[str]:
    hosts = (f"https://{link.host}", f"https://{link.host}:443")
    plain = (f"http://{link.host}", f"http://{link.host}:80")
    return [f"{host}{path}/" for host in (*hosts, *plain)]


async def _find_content(
    inventory: Inventory, tenant: TenantId, link: ContentLink, source_url: str
) -> list[Candidate]:
    found = _choose(await _look_for(inventory, tenant, link), link)
    if not (found or link.content_ids):
        exact = list(await inventory.find_by_url(tenant, [source_url]))
        found = [item for item in exact if item.kind is not DocumentKind.ATTACHMENT] or exact
    if len({item.site for item in found}) > 1:
        sites = await _sites_in_context(inventory, tenant, link)
        found = [item for item in found if item.site in sites]
    return found if len({item.site for item in found}) == 1 else []


async def _look_for(
    inventory: Inventory, tenant: TenantId, link: ContentLink
) -> Sequence[Candidate]:
    if link.content_ids:
        return await inventory.find_by_id(tenant, link.content_ids)
    if link.page_id:
        pages = await inventory.find_by_id(tenant, [link.page_id])
        files = await add_attachments(inventory, tenant, pages)
        return [item for item in files if _is_file(item, link)]
    if link.space and link.title:
        return await inventory.find_by_title(tenant, link.space, link.title)
    return []


def _is_file(item: Candidate, link: ContentLink) -> bool:
    return item.kind is DocumentKind.ATTACHMENT and item.title in link.file_names


def _choose(found: Sequence[Candidate], link: ContentLink) -> list[Candidate]:
    """Return what is on the link's host: by its first id that is there, by its one title."""
    here = [item for item in found if read_host(item.source_url) == link.host]
    for content_id in link.content_ids:
        if chosen := [item for item in here if item.content_id == content_id]:
            return chosen
    if link.content_ids or link.file_names:
        return here
    kind = DocumentKind.BLOGPOST if link.posted_on else DocumentKind.PAGE
    alike = [item for item in here if item.kind is kind] or here
    return alike if _is_one_each(alike) else [item for item in alike if _ends_like(item, link)]


def _is_one_each(found: Sequence[Candidate]) -> bool:
    return len({item.site for item in found}) == len(found)


def _ends_like(item: Candidate, link: ContentLink) -> bool:
    """Tell whether the document's own link is by the same title and day."""
    own = parse_content_url(item.source_url)
    return (own.title, own.posted_on) == (link.title, link.posted_on)


async def _add_descendants(
    inventory: Inventory, tenant: TenantId, link: ContentLink, found: Sequence[Candidate]
) -> list[Candidate]:
    """Return the documents with all pages below them; below a folder too, which is no document itself."""
    chosen = {item.document_id: item for item in found}
    roots = {item.site: [item.content_id] for item in found}
    if not found and link.content_ids:
        places = await inventory.find_places(tenant, _prefixes(link, ""))
        roots = {site: list(link.content_ids) for site, _ in places}
    for site, ids in roots.items():
        await _descend(inventory, tenant, site, ids, chosen)
    return list(chosen.values())


async def _descend(
    inventory: Inventory,
    tenant: TenantId,
    site: SiteId,
    level: Sequence[ContentId],
    chosen: dict[DocumentId, Candidate],
) -> None:
    while level:
        children = await inventory.find_children(tenant, site, level)
        fresh = [item for item in children if item.document_id not in chosen]
        chosen |= {item.document_id: item for item in fresh}
        level = [item.content_id for item in fresh]


def _site(item: Candidate) -> SiteId:
    return item.site
