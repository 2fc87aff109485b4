"""Display names of accounts: asked for in bulk, and remembered for the process's life or a day.

A name is remembered for the credential that read it: what a profile shows differs from caller to caller.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from headwater.adapters.confluence.answers import (
    NOT_TOLD,
    BrokenAnswerError,
    LoginFailedError,
    LoginPageError,
)
from headwater.adapters.confluence.client import V2, Ask, JsonClient
from headwater.adapters.confluence.concurrency import split
from headwater.adapters.confluence.paging import read_results
from headwater.adapters.confluence.payloads import UserPayload, parse
from headwater.adapters.confluence.spaces import check_caller

MOST_REMEMBERED: Final = 100_000
NAME_LASTS: Final = timedelta(days=1)
NOTHING_LASTS: Final = timedelta(hours=1)
"""Sooner than a name: a right that was missing may have been granted since."""

_PER_REQUEST: Final = 250

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""From account ids to the names of those that Confluence tells."""


class NameBook:
    """The names that were told, and whom Confluence told nothing of; share one between all sources."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._entries: dict[tuple[str, str], tuple[str | None, datetime]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def recall(
        self, shelf: str, account_ids: Sequence[str], now: datetime
    ) -> dict[str, str | None]:
        """Return what is still believed of these accounts; ``None`` for one that has no name to tell."""
        entries = ((key, self._entries.get((shelf, key))) for key in account_ids)
        return {key: entry[0] for key, entry in entries if entry and entry[1] > now}

    def remember(self, shelf: str, found: Mapping[str, str | None], now: datetime) -> None:
        """Keep what was found; what was kept longest makes room."""
        for key, name in found.items():
            self._entries.pop((shelf, key), None)
            self._entries[shelf, key] = (
                name,
                now + (NOTHING_LASTS if name is None else NAME_LASTS),
            )
        while len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]


@dataclass(frozen=True, slots=True)
class Directory:
    """One credential's view of one site's people."""

    book: NameBook
    shelf: str

    async def read_names(
        self, account_ids: Sequence[str], fetch: Fetch, now: Callable[[], datetime]
    ) -> Mapping[str, str]:
        """Return the names of those that have one to tell; ``fetch`` is asked for unseen ones only."""
        wanted = sorted(set(account_ids))
        known = self.book.recall(self.shelf, wanted, now())
        unseen = [key for key in wanted if key not in known]
        if unseen:
            found = await fetch(unseen)
            fresh = {key: found.get(key) or None for key in unseen}
            self.book.remember(self.shelf, fresh, now())
            known |= fresh
        return {key: name for key, name in known.items() if name}


def make_shelf(site: str, authorization: str | None) -> str:
    """Return what a credential's names on a site are kept under, which tells nothing of the credential."""
    return sha256(json.dumps([site, authorization]).encode()).hexdigest()


async def fetch_names(client: JsonClient, account_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the names that Cloud tells, 250 accounts a request.

    A token without the scope for people, or an account without the right, learns no names; that is
    no error as long as Confluence knows the caller. One that breaks down is an error: it would tell
    another time.
    """
    found: dict[str, str] = {}
    try:
        for run in split(account_ids, _PER_REQUEST):
            found |= await ask_names(client, run)
    except (LoginFailedError, BrokenAnswerError):
        raise
    except LoginPageError as error:
        await check_caller(client)
        raise BrokenAnswerError(str(error)) from error
    except NOT_TOLD:
        await check_caller(client)
    return found


async def ask_names(client: JsonClient, account_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the names of at most 250 accounts, empty where a profile shows none; refusals are raised."""
    path = f"{V2}/users-bulk"
    ask = Ask(payload=json.dumps({"accountIds": list(account_ids)}).encode())
    reply = await client.read(client.locate(path), ask)
    users = [parse(UserPayload, item) for item in read_results(reply.value, path)]
    return {user.account_id: user.name for user in users if user.account_id}
