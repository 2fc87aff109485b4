"""Display names of users, one request each: there is no asking for many."""

import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final

from headwater.adapters.confluence.answers import (
    NOT_TOLD,
    AbsentError,
    BrokenAnswerError,
    LoginFailedError,
)
from headwater.adapters.confluence.concurrency import map_unordered
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.payloads import UserPayload, parse

_USER_KEY: Final = re.compile(r"[0-9a-f]{32}")


async def fetch_names(rest: Rest, user_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the names of users by user key or username, of those that Confluence tells.

    An account without the right to see users learns no names; that is no error as long as
    Confluence knows the caller.
    """

    async def fetch(user_id: str) -> tuple[str, str | None]:
        return user_id, await _fetch_name(rest, user_id)

    limit = rest.client.limits.in_flight
    async with aclosing(map_unordered(fetch, user_ids, limit=limit)) as answers:
        found = {user_id: name async for user_id, name in answers}
    if None in found.values():
        await rest.check_caller()
    return {user_id: name for user_id, name in found.items() if name}


async def _fetch_name(rest: Rest, user_id: str) -> str | None:
    """Return the name, empty where nobody has this id; ``None`` where Confluence keeps it to itself."""
    for parameter in _list_parameters(user_id):
        try:
            return parse(UserPayload, await rest.get("/user", {parameter: user_id})).name
        except (LoginFailedError, BrokenAnswerError):
            raise
        except AbsentError:
            continue
        except NOT_TOLD:
            return None
    return ""


def _list_parameters(user_id: str) -> tuple[str, ...]:
    """Return what to ask by: texts written by old versions name users, newer ones their keys."""
    return ("key", "username") if _USER_KEY.fullmatch(user_id) else ("username", "key")
