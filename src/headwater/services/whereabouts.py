"""What is known of one page: why it is not here, and who may read it.

Answered from the catalog alone; ``enquiries`` asks Confluence about what is not in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headwater.domain.access import (
    FROZEN,
    Clause,
    Principal,
    Reader,
    ScopeRule,
    admits,
    make_reader,
    parse_principal,
    scope_chain,
)
from headwater.domain.errors import InvalidInputError, NotFoundError
from headwater.domain.ids import ContentId, TenantId
from headwater.domain.removal import DELETED
from headwater.domain.sync import DocumentState
from headwater.pipeline.content_urls import ContentLink, parse_content_url, read_host
from headwater.pipeline.planning import BEFORE_LAST_SYNC, OCR_OFF, UNSUPPORTED_FORMAT
from headwater.pipeline.selection import (
    ANCESTORS_UNKNOWN,
    BLACKLISTED,
    PAGE_NOT_LISTED,
    REASONS,
)
from headwater.ports import Catalog, CatalogEntry

_SKIPS: Final = {
    DELETED: "it, or the page it hangs on, was deleted on request, and comes back once that is edited"
    " or a full sync runs",
    BLACKLISTED: "the tenant's blacklist names it, or the page it hangs on",
    ANCESTORS_UNKNOWN: "a rule asks what it stands under, and Confluence does not show all of that",
    PAGE_NOT_LISTED: "no sync has seen the page it hangs on yet, so that no rule could judge it",
    BEFORE_LAST_SYNC: "it is older than the last_sync that the space's first sync was given",
    OCR_OFF: "it needs OCR, which its last sync did not ask for",
    UNSUPPORTED_FORMAT: "its format is not read",
}


class Presence(StrEnum):
    """Where a page stands."""

    HERE = "here"
    STALE = "stale"
    """Here, but as it was: its last update failed."""
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_KNOWN = "not_known"
    """Not in the catalog, and Confluence was not asked; the rest are its own word."""
    NOT_SYNCED = "not_synced"
    ARCHIVED = "archived"
    TRASHED = "trashed"
    NOT_VISIBLE = "not_visible"


@dataclass(frozen=True, slots=True)
class Link:
    """One scope on the way up: a restricted page, or the space at the end."""

    rule: ScopeRule
    title: str | None
    """Of the page, or the space's name; ``None`` for what is in no catalog, such as a folder."""
    names: tuple[str, ...]
    """What each clause of the rule is."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of the page that a URL names; no entry where it was never seen."""

    presence: Presence
    message: str
    entry: CatalogEntry | None
    chain: tuple[Link, ...]

    @property
    def restricted(self) -> bool:
        """Whether some token of the tenant may not read it."""
        return not _judge_reader(self.chain, ()).admitted


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a reader passes, clause by clause along the chain."""

    principals: tuple[Principal, ...]
    admitted: bool
    passes: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class AccessReport:
    """Who of those asked about may read a document, each alone and all of them as one reader."""

    entry: CatalogEntry
    chain: tuple[Link, ...]
    each: tuple[Verdict, ...]
    together: Verdict


async def explain_presence(catalog: Catalog, tenant: TenantId, source_url: str) -> Whereabouts:
    """Say whether the page is here, since when, or why not; ``InvalidInputError`` for no page's URL."""
    link = _parse(source_url)
    entry = await _find(catalog, tenant, link)
    if entry is None:
        return Whereabouts(
            Presence.NOT_KNOWN, await _explain_absence(catalog, tenant, link), None, ()
        )
    presence = judge_presence(entry)
    chain = await read_chain(catalog, tenant, entry)
    return Whereabouts(presence, describe_presence(entry), entry, chain)


async def explain_access(
    catalog: Catalog, tenant: TenantId, source_url: str, principals: Sequence[str]
) -> AccessReport:
    """Say which clauses admit or block each principal; ``NotFoundError`` where the page is not known."""
    entry = await find_entry(catalog, tenant, source_url)
    if entry is None:
        raise NotFoundError("no such page is known; POST /v2/confluence/why tells more")
    named = tuple(map(parse_principal, principals))
    return judge_access(entry, await read_chain(catalog, tenant, entry), named)


def judge_access(
    entry: CatalogEntry, chain: tuple[Link, ...], named: tuple[Principal, ...]
) -> AccessReport:
    """Say how each of these fares along a document's chain, and all of them as one reader."""
    each = tuple(_judge_reader(chain, (principal,)) for principal in named)
    return AccessReport(entry, chain, each, _judge_reader(chain, named))


async def find_entry(catalog: Catalog, tenant: TenantId, source_url: str) -> CatalogEntry | None:
    """Return the document that a URL names; ``InvalidInputError`` for no page's URL."""
    return await _find(catalog, tenant, _parse(source_url))


def _parse(source_url: str) -> ContentLink:
    link = parse_content_url(source_url)
    if not link.names_content:
        raise InvalidInputError(
            ("body", "source_url"),
            "this names no page, blog post or attachment; copy its link from Confluence",
            "value_error.url.content",
        )
    return link


async def _find(catalog: Catalog, tenant: TenantId, link: ContentLink) -> CatalogEntry | None:
    """Return the entry on the link's own host: other sites use the same ids."""
    if link.content_ids:
        found = await catalog.read_entries(tenant, link.content_ids)
        order = {key: place for place, key in enumerate(link.content_ids)}
        found = sorted(found, key=lambda item: order[item.known.content_id])
    elif link.page_id:
        found = await catalog.read_files(tenant, link.page_id, link.file_names)
    elif link.space and link.title:
        found = await catalog.read_titled(tenant, link.space, link.title)
    else:
        found = []
    return next((item for item in found if read_host(item.known.source_url) == link.host), None)


async def _explain_absence(catalog: Catalog, tenant: TenantId, link: ContentLink) -> str:
    spaces = await catalog.list_spaces(tenant, link.space) if link.space else []
    if link.space and not spaces:
        return f"nothing of the space {link.space} is here: never uploaded, or deleted on request"
    synced = [space.last_complete_sync for space in spaces if space.last_complete_sync]
    if not synced:
        return (
            "no sync has brought it in: its space was not uploaded since it is there, or it is a draft,"
            " archived, deleted there or here on request, or the account may not see it"
        )
    return (
        f"the last complete sync, of {max(synced):%Y-%m-%d %H:%M} UTC, did not see it: it is newer,"
        " a draft, archived, deleted there or here on request, in another space, or the account may"
        " not see it"
    )


def judge_presence(entry: CatalogEntry) -> Presence:
    """Return where a document of the catalog stands."""
    if entry.known.state is DocumentState.INDEXED:
        return Presence.STALE if entry.known.attempts else Presence.HERE
    return Presence(entry.known.state.value)


def describe_presence(entry: CatalogEntry) -> str:
    """Say in a sentence where a document of the catalog stands, and why."""
    known = entry.known
    return {
        Presence.HERE: f"version {known.version} is searchable for whoever may read it",
        Presence.STALE: f"version {known.version} is searchable; its update failed {known.attempts}"
        f" time(s): {entry.error_message}",
        Presence.HELD: "it vanished with many others at once and is searchable until the deletion is"
        " approved, or a second complete sync misses it too",
        Presence.FAILED: f"it failed {known.attempts} time(s): {entry.error_message}",
        Presence.SKIPPED: _describe_skip(known.skip_reason or ""),
    }[judge_presence(entry)]


def _describe_skip(reason: str) -> str:
    """Say in words what the counters call by a name."""
    by_setting = "this setting of its last sync leaves it, or the page it hangs on, out"
    words = _SKIPS.get(reason, by_setting if reason in REASONS else "")
    return f"it was left out ({reason}){words and f': {words}'}"


async def read_chain(catalog: Catalog, tenant: TenantId, entry: CatalogEntry) -> tuple[Link, ...]:
    """Return every step that a reader of the document must pass, nearest first."""
    rules = scope_chain(entry.known.access_scope, await catalog.scope_rules(tenant))
    pages = [_content_of(rule) for rule in rules]
    known = await catalog.known(tenant, entry.site, [page for page in pages if page])
    space = await catalog.find_space(tenant, entry.site, entry.space)
    titles = {page: item.title for page, item in known.items()}
    name = space.name if space else None
    applies_source = space is not None and space.restriction.source_restriction
    return tuple(
        Link(
            rule,
            title=titles.get(page) if page else None if rule.parent else name,
            names=_name_clauses(rule, is_page=page is not None, applies_source=applies_source),
        )
        for rule, page in zip(rules, pages, strict=True)
    )


def _content_of(rule: ScopeRule) -> ContentId | None:
    kind, _, rest = rule.scope.partition(":")
    return ContentId(rest.rpartition(":")[2]) if kind == "r" else None


def _name_clauses(rule: ScopeRule, *, is_page: bool, applies_source: bool) -> tuple[str, ...]:
    """Name the clauses by what wrote them: a space's are its audience, then its view permission.

    A frozen rule's are those that the document stood under when a sync last saw it.
    """
    if rule.scope.startswith(FROZEN):
        return ("as_last_seen",) * len(rule.clauses)
    if is_page:
        return ("restriction",) * len(rule.clauses)
    second = "space_permission" if applies_source else "audience"
    return tuple(second if place == 1 else "audience" for place in range(len(rule.clauses)))


def _judge_reader(chain: Iterable[Link], principals: tuple[Principal, ...]) -> Verdict:
    reader = Reader(make_reader().principals | frozenset(principals))
    passes = tuple(_pass(link.rule.clauses, reader) for link in chain)
    return Verdict(principals, all(all(passed) for passed in passes), passes)


def _pass(clauses: Iterable[Clause], reader: Reader) -> tuple[bool, ...]:
    return tuple(admits([clause], reader) for clause in clauses)
