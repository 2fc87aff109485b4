"""What the credential may do on a Data Center."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from headwater.adapters.confluence.answers import LoginFailedError
from headwater.adapters.confluence.client import Ask
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.paging import Item, read_results
from headwater.adapters.confluence.payloads import SpacePayload, parse
from headwater.domain.errors import SourceRefusedError, SourceUnreachableError
from headwater.ports import Capability

_BRIEF = Ask(attempts=2)
_SCAN = "older versions lack it; spaces are then listed by offset, which takes no longer"
_PERMISSIONS = (
    "it needs Confluence 9.1 and an account that administers the space; "
    "without it source_restriction closes the whole space"
)


async def probe_capabilities(rest: Rest) -> Sequence[Capability]:
    """Try each kind of call that a sync depends on; a wrong login ends it at once."""
    return [
        await _try("current user", "log in again", rest.check_caller),
        await _try("spaces", "check the account", lambda: _read_first(rest, "/space")),
        await _try("scan", _SCAN, lambda: _read_first(rest, "/content/scan")),
        await _try("search", "check the index", lambda: _search(rest)),
        await _try("space permissions", _PERMISSIONS, lambda: _read_permissions(rest)),
    ]


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
