"""Finding out which Confluence an address leads to, and what the credential may do there."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from headwater.adapters.confluence.addresses import Candidate, Deployment
from headwater.adapters.confluence.answers import (
    NOT_TOLD,
    AbsentError,
    LoginFailedError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import V1, V2, JsonClient
from headwater.adapters.confluence.paging import read_first
from headwater.adapters.confluence.payloads import (
    CurrentUser,
    ParentPayload,
    SpacePayload,
    make_space,
    parse,
)
from headwater.adapters.confluence.people import ask_names
from headwater.adapters.confluence.permissions import read_space_readers
from headwater.adapters.confluence.restrictions import read_restriction
from headwater.adapters.confluence.spaces import check_caller
from headwater.domain.content import Restriction, Space
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.ports import Capability

Reason = SourceRefusedError | SourceUnreachableError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a candidate turned out to be (``None``: not known), and why it cannot be used, if so."""

    deployment: Deployment | None
    reason: Reason | None = None


async def probe_cloud(client: JsonClient, candidate: Candidate) -> Verdict:
    """Tell whether Cloud answers here: v2 spaces, else v1's current user.

    Trouble that says nothing about what is here (no connection, throttled) is raised, and so is a
    login that failed: another try would bring the account closer to being locked.
    """
    try:
        await _list_one_space(client)
    except LoginFailedError:
        raise
    except NOT_TOLD as error:
        return await _probe_by_user(client, candidate, error)
    return Verdict(candidate.deployment)


async def _probe_by_user(client: JsonClient, candidate: Candidate, v2_error: Reason) -> Verdict:
    verdict = await probe_user(client, f"{V1}/user/current")
    if verdict.deployment is Deployment.CLOUD:
        # Cloud knows the caller and still keeps v2 from him: a missing scope or right
        return Verdict(candidate.deployment, v2_error)
    if verdict.deployment is None and isinstance(v2_error, SourceRefusedError):
        return Verdict(None, v2_error)
    return verdict


async def probe_user(client: JsonClient, path: str) -> Verdict:
    """Tell by the fields of the current user whose interface this is."""
    try:
        user = parse(CurrentUser, await client.get(path))
    except LoginFailedError:
        raise
    except NOT_TOLD as error:
        return Verdict(None, error)
    if user.account_id:
        return Verdict(Deployment.CLOUD)
    if user.user_key or user.username:
        return Verdict(Deployment.DATA_CENTER)
    return Verdict(
        None,
        SourceRefusedError(
            "Confluence treats the caller as anonymous: check user name and API token"
        ),
    )


async def probe_data_center(
    client: JsonClient, anonymous: JsonClient, candidate: Candidate
) -> Verdict:
    """Tell whether a Data Center answers here, if only by giving its version to anybody."""
    verdict = await probe_user(client, f"{candidate.context}/rest/api/user/current")
    if verdict.deployment is not None:
        return verdict
    try:
        server = await anonymous.get(f"{candidate.context}/rest/api/server-information")
    except NOT_TOLD:
        return verdict
    is_data_center = isinstance(server, dict) and {"version", "buildNumber"} <= server.keys()
    return Verdict(Deployment.DATA_CENTER, verdict.reason) if is_data_center else verdict


async def probe_capabilities(client: JsonClient, name: str) -> Sequence[Capability]:
    """Say which Confluence this is, by the name given, and try each kind of call a sync depends on."""
    return [
        Capability("Confluence", ok=True, detail=name),
        await _try("current user (v1)", "read:confluence-user", lambda: check_caller(client)),
        await _try("spaces (v2)", "read:space:confluence", lambda: _list_one_space(client)),
        await _try("search (v1)", "search:confluence", lambda: _search_one_page(client)),
        await _try("names of people (v2)", "read:user:confluence", lambda: _read_one_name(client)),
        await _try(
            "restrictions (v1)",
            "read:confluence-content.all",
            lambda: _read_one_restriction(client),
        ),
        await _try(
            "space permissions (v2)",
            "read:space.permission:confluence and read:configuration:confluence",
            lambda: _read_permissions(client),
        ),
        await _try("names of groups (v1)", "read:confluence-groups", lambda: _name_groups(client)),
        await _try(
            "folders (v2)", "read:folder:confluence", lambda: _knock(client, f"{V2}/folders/1")
        ),
        await _try(
            "files (v1)",
            "readonly:content.attachment:confluence",
            lambda: _knock(client, f"{V1}/content/1/child/attachment/att1/download"),
        ),
    ]


async def _list_one_space(client: JsonClient) -> None:
    await read_first(client, f"{V2}/spaces", {"limit": "1"})


async def _search_one_page(client: JsonClient) -> None:
    await read_first(client, f"{V1}/content/search", {"cql": "type = page", "limit": "1"})


async def _read_one_restriction(client: JsonClient) -> None:
    """Read a page's restriction, if there is a page at all."""
    for item in (await read_first(client, f"{V2}/pages", {"limit": "1"}))[:1]:
        content_id = ContentId(parse(ParentPayload, item).id)
        await _expect_readable(await read_restriction(client, content_id))


async def _read_one_name(client: JsonClient) -> None:
    user = parse(CurrentUser, await client.get(f"{V1}/user/current"))
    if user.account_id:
        await ask_names(client, [user.account_id])


async def _read_permissions(client: JsonClient) -> None:
    """Read who may view a space, if there is a space at all."""
    for space in await _take_one_space(client):
        readers = await read_space_readers(client, space)
        if not readers.restriction.readable and not readers.everyone:
            raise SourceRefusedError(
                "Confluence does not tell who may view a space: source_restriction closes the whole space"
            )


async def _name_groups(client: JsonClient) -> None:
    for space in await _take_one_space(client):
        if (await read_space_readers(client, space)).unnamed:
            raise SourceRefusedError(
                "Confluence does not name the groups that may view a space: under source_restriction"
                " only tokens that carry their ids pass"
            )


async def _take_one_space(client: JsonClient) -> Sequence[Space]:
    found = (await read_first(client, f"{V2}/spaces", {"limit": "1"}))[:1]
    return [make_space(parse(SpacePayload, item)) for item in found]


async def _knock(client: JsonClient, path: str) -> None:
    """Ask for what is not there: a missing scope is told before that."""
    with suppress(AbsentError, RejectedRequestError):
        await client.get(path)


async def _expect_readable(restriction: Restriction) -> None:
    if not restriction.readable:
        raise SourceUnreachableError("Confluence's answer about restrictions is not understood")


async def _try(name: str, scope: str, call: Callable[[], Awaitable[None]]) -> Capability:
    try:
        await call()
    except SourceRefusedError as error:
        return Capability(name, ok=False, detail=f"{error}; a scoped token needs {scope}")
    except SourceUnreachableError as error:
        return Capability(name, ok=False, detail=str(error))
    return Capability(name, ok=True, detail="works")
