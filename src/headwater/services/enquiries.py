"""Asking Confluence itself about a page that the catalog does not have."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from headwater.domain.errors import (
    InvalidInputError,
    SourceRefusedError,
    SourceUnreachableError,
)
from headwater.domain.ids import ContentId, SiteId, SpaceId, TenantId
from headwater.pipeline.content_urls import ContentLink, parse_content_url, read_host
from headwater.ports import ContentStatus, LookedUp, Ports
from headwater.services.credentials import Login, find_credential
from headwater.services.job_reports import walk_jobs
from headwater.services.whereabouts import Presence, Whereabouts, explain_presence

_ABSENCES: Final[Mapping[ContentStatus, tuple[Presence, str]]] = {
    ContentStatus.ARCHIVED: (
        Presence.ARCHIVED,
        "it is archived in Confluence; a sync configuration with include_archived brings it in",
    ),
    ContentStatus.TRASHED: (Presence.TRASHED, "it is in Confluence's trash"),
    ContentStatus.GONE: (
        Presence.NOT_VISIBLE,
        "Confluence shows the account nothing there: restricted beyond it, a draft, or gone for good",
    ),
}


async def locate_page(
    ports: Ports, tenant: TenantId, source_url: str, given: Login | None
) -> Whereabouts:
    """Say where a page stands; what the catalog does not have is looked up in Confluence.

    With the given login, else with one that a job of the tenant keeps for that Confluence. Raises what
    opening a source raises for the given one only, and ``InvalidInputError`` for one of another
    Confluence than the link's.
    """
    link = parse_content_url(source_url)
    if given and read_host(given.address.web_url) != link.host:
        raise InvalidInputError(
            ("body", "authorization", "web_url_instance"),
            f"the link is of {link.host}; name the same Confluence",
            "value_error.url.other_site",
        )
    found = await explain_presence(ports.catalog, tenant, source_url)
    if found.entry is not None or not link.content_ids:
        return found
    login = given or await _find_login(ports, tenant, link)
    if login is None:
        note = (
            "Confluence was not asked: no credential for it is at hand (authorization brings one)"
        )
        return replace(found, message=f"{found.message}; {note}")
    try:
        return await _look_up(ports, tenant, login, link)
    except (SourceRefusedError, SourceUnreachableError) as error:
        if given:
            raise
        note = f"Confluence could not be asked with the stored credential: {error}"
        return replace(found, message=f"{found.message}; {note}")


async def _find_login(ports: Ports, tenant: TenantId, link: ContentLink) -> Login | None:
    """Return the login that the tenant's last job on the link's Confluence has left, if one has."""
    async with aclosing(walk_jobs(ports.jobs, tenant, space=link.space)) as jobs:
        async for job in jobs:
            if read_host(job.request.address.web_url) != link.host:
                continue
            if credential := await find_credential(ports, job):
                return Login(job.request.address, credential)
    return None


async def _look_up(ports: Ports, tenant: TenantId, login: Login, link: ContentLink) -> Whereabouts:
    async with ports.sources.open(login.address, login.credential) as source:
        answers = await source.look_up(link.content_ids)
        site = source.site
    content_id, answer = _choose(link, answers)
    presence, message = _ABSENCES.get(answer.status) or (
        Presence.NOT_SYNCED,
        await _explain_not_synced(ports, tenant, site, content_id, answer.space_id),
    )
    return Whereabouts(presence, message, None, ())


def _choose(link: ContentLink, answers: Mapping[ContentId, LookedUp]) -> tuple[ContentId, LookedUp]:
    """Return the first of the link's ids that Confluence knows, else the first."""
    known = [key for key in link.content_ids if answers[key].status is not ContentStatus.GONE]
    chosen = (known or link.content_ids)[0]
    return chosen, answers[chosen]


async def _explain_not_synced(
    ports: Ports, tenant: TenantId, site: SiteId, content_id: ContentId, space_id: SpaceId | None
) -> str:
    tombstones = await ports.deletions.tombstones(tenant, site)
    if any(item.content_id == content_id for item in tombstones):
        return (
            "Confluence has it, but it was deleted here on request, and comes back once it is edited"
            " or a full sync runs"
        )
    spaces = await ports.library.list_spaces(tenant)
    for space in spaces:
        if (space.site, space.space_id) == (site, space_id):
            return f"Confluence has it; the next sync of the space {space.space} brings it in"
    return "Confluence has it, in a space of which nothing was uploaded yet; upload that"
