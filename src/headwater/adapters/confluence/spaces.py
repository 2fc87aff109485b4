"""The caller and the spaces it sees."""

from collections.abc import Sequence

from headwater.adapters.confluence.answers import AbsentError, RejectedRequestError
from headwater.adapters.confluence.client import V1, V2, JsonClient, Params
from headwater.adapters.confluence.paging import read_pages
from headwater.adapters.confluence.payloads import CurrentUser, SpacePayload, make_space, parse
from headwater.domain.content import Space
from headwater.domain.errors import SourceRefusedError, SpaceNotFoundError
from headwater.domain.ids import SpaceKey

_STATUSES = ("current", "archived")
_PAGE_SIZE = "250"


async def check_caller(client: JsonClient, rest: str = V1) -> None:
    """Raise ``SourceRefusedError`` unless Confluence knows the caller.

    Sites with anonymous access answer 200 to anybody, and a listing of theirs proves nothing.
    ``rest`` is the path below which v1 answers.
    """
    try:
        user = parse(CurrentUser, await client.get(f"{rest}/user/current"))
    except AbsentError as error:
        raise SourceRefusedError(
            "Confluence does not say who the caller is; check instance_url and the API token"
        ) from error
    if user.type != "known":
        raise SourceRefusedError(
            "Confluence treats the caller as anonymous: check user name and API token"
        )


async def list_spaces(client: JsonClient) -> Sequence[Space]:
    """Return every visible space once, current ones first."""
    found: dict[str, Space] = {}
    for status in _STATUSES:
        for payload in await _read_spaces(client, {"status": status}):
            found.setdefault(payload.id, make_space(payload))
    return tuple(found.values())


async def find_space(client: JsonClient, key: SpaceKey) -> Space:
    """Return the space with this key or alias; ``SpaceNotFoundError`` if absent or invisible.

    Confluence's own filter does not reliably match personal spaces and aliases, so a miss is
    confirmed by a scan of all spaces.
    """
    space = await _find_directly(client, key) or await _find_by_scan(client, key)
    if space is None:
        raise SpaceNotFoundError(
            f"The space {key} does not exist, or the account behind the API token may not view it"
        )
    return space


async def _find_directly(client: JsonClient, key: SpaceKey) -> Space | None:
    try:
        return _pick(await _read_spaces(client, {"keys": key}), key)
    except RejectedRequestError:
        return None  # a key that the filter finds malformed; the scan decides


async def _find_by_scan(client: JsonClient, key: SpaceKey) -> Space | None:
    for status in _STATUSES:
        space = _pick(await _read_spaces(client, {"status": status}), key)
        if space is not None:
            return space
    return None


def _pick(payloads: Sequence[SpacePayload], key: SpaceKey) -> Space | None:
    by_key = [payload for payload in payloads if payload.key == key]
    by_alias = [payload for payload in payloads if payload.alias == key]
    matches = [*by_key, *by_alias]
    return make_space(matches[0]) if matches else None


async def _read_spaces(client: JsonClient, params: Params) -> Sequence[SpacePayload]:
    pages = read_pages(client, f"{V2}/spaces", {**params, "limit": _PAGE_SIZE})
    try:
        return [parse(SpacePayload, item) async for page in pages for item in page]
    except AbsentError as error:
        raise refusal_of_listing(error, "spaces") from error


def refusal_of_listing(error: AbsentError, what: str) -> SourceRefusedError:
    """Return the refusal that a 404 to a listing is: v2 answers so where the caller has no right."""
    return SourceRefusedError(
        f"Confluence does not let this account list {what}; check its access ({error})"
    )
