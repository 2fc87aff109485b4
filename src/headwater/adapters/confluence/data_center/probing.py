"""What the credential may do on a Data Center."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from headwater.adapters.confluence.answers import (
    NOT_TOLD,
    AbsentError,
    LoginFailedError,
    RejectedRequestError,
)
from headwater.adapters.confluence.client import Ask
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.paging import Item, read_results
from headwater.adapters.confluence.payloads import SpacePayload, parse
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.ports import Capability

_BRIEF = Ask(attempts=2)
_SCAN = "not there, as in older versions; spaces are listed by offset, which takes no longer"
_PERMISSIONS = (
    "it needs Confluence 9.1 and an account that administers the space; "
    "without it source_restriction closes the whole space"
)


async def probe_capabilities(rest: Rest, name: str) -> Sequence[Capability]:
    """Say which Confluence this is, by the name given, and try each kind of call a sync depends on.

    A wrong login ends it at once: Data Center locks accounts.
    """
    caller = await _try("current user", "log in again", rest.check_caller)
    return [
        Capability("Confluence", ok=True, detail=f"{name}{await _read_version(rest)}"),
        caller,
        await _try("spaces", "check the account", lambda: _read_first(rest, "/space")),
        await _try_scan(rest),
        await _try("search", "check the index", lambda: _search(rest)),
        await _try("space permissions", _PERMISSIONS, lambda: _read_permissions(rest)),
    ]


async def _read_version(rest: Rest) -> str:
    try:
        server = await rest.get("/server-information", ask=_BRIEF)
    except LoginFailedError:
        raise
    except NOT_TOLD:
        return ""  # versions before 8.4 do not tell
    version = server.get("version") if isinstance(server, dict) else None
    return f", version {version}" if isinstance(version, str) else ""


async def _try_scan(rest: Rest) -> Capability:
    """Try the scan, without which as much can be done."""
    try:
        await _read_first(rest, "/content/scan")
    except (AbsentError, RejectedRequestError):
        return Capability("scan", ok=True, detail=_SCAN)
    except (SourceRefusedError, SourceUnreachableError) as error:
        return Capability("scan", ok=False, detail=str(error))
    return Capability("scan", ok=True, detail="works")


async def _read_first(rest: Rest, tail: str, **params: str) -> list[Item]:
    return read_results(await rest.get(tail, {"limit": "1", **params}, _BRIEF), tail)


async def _search(rest: Rest) -> None:
    await _read_first(rest, "/content/search", cql="type = page")


async def _read_permissions(rest: Rest) -> None:
    """Read those of one space, if there is a space at all."""
    for item in (await _read_first(rest, "/space"))[:1]:
        key = quote(parse(SpacePayload, item).key, safe="~")
        await rest.get(f"/space/{key}/permissions", ask=_BRIEF)


async def _try(name: str, remedy: str, call: Callable[[], Awaitable[object]]) -> Capability:
    try:
        await call()
    except LoginFailedError:
        raise
    except (SourceRefusedError, SourceUnreachableError) as error:
        return Capability(name, ok=False, detail=f"{error}; {remedy}")
    return Capability(name, ok=True, detail="works")
