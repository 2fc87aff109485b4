"""A session is found by its name alone, tells nobody who it is, and ends."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from headwater.adapters.memory_sessions import MemorySessionStore
from headwater.adapters.secret_box import FernetSecretBox
from headwater.console.sessions import LONGEST, Sessions
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.services.credentials import Login

ADDRESS = SiteAddress("https://acme.atlassian.net/wiki", "https://acme.atlassian.net/wiki")
LOGIN = Login(ADDRESS, SiteCredential("jane@acme.com", Secret("wiki-token")))
TOKEN = Secret("bearer-token")


class Clock:
    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    return MemorySessionStore()


@pytest.fixture
def sessions(store, clock):
    return Sessions(store, FernetSecretBox(["first"]), clock)


async def begin(sessions):
    return await sessions.begin(TOKEN, expires_at=time.time() + 3_600)


async def test_a_session_is_found_by_its_name(sessions):
    session = await begin(sessions)
    assert await sessions.find(session.name.reveal()) == session
    assert await sessions.find("") is None
    assert await sessions.find("\ud800 or anything else") is None


async def test_a_connection_is_remembered_and_forgotten(sessions):
    session = await begin(sessions)
    connected = await sessions.connect(session, LOGIN)
    assert connected.login == LOGIN
    assert await sessions.find(session.name.reveal()) == connected
    await sessions.connect(connected, None)
    assert await sessions.find(session.name.reveal()) == session


async def test_a_session_ends_with_its_token(sessions, clock):
    session = await begin(sessions)
    clock.moment = session.expires_at - timedelta(microseconds=1)
    assert await sessions.find(session.name.reveal())
    clock.moment = session.expires_at
    assert await sessions.find(session.name.reveal()) is None


async def test_signing_in_sweeps_out_what_has_expired(sessions, store, clock):
    await begin(sessions)
    clock.moment += timedelta(hours=2)
    session = await sessions.begin(TOKEN, expires_at=clock.moment.timestamp() + 60)
    assert len(store._sessions) == 1
    assert await sessions.find(session.name.reveal())


async def test_an_ended_session_is_gone_and_stays_so_whatever_is_still_under_way(sessions):
    session = await begin(sessions)
    await sessions.end(session.name.reveal())
    assert await sessions.find(session.name.reveal()) is None
    await sessions.connect(session, LOGIN)
    assert await sessions.find(session.name.reveal()) is None


@pytest.mark.parametrize("expires_at", [10.0**12, 10.0**300, float("inf")])
async def test_a_token_that_counts_for_ever_opens_a_session_of_a_day(sessions, clock, expires_at):
    session = await sessions.begin(TOKEN, expires_at=expires_at)
    assert session.expires_at == clock.moment + LONGEST


async def test_every_sign_in_has_a_name_and_a_form_token_of_its_own(sessions):
    begun = [await begin(sessions) for _ in range(50)]
    assert len({session.name for session in begun} | {session.csrf for session in begun}) == 100


async def test_what_is_stored_tells_neither_name_nor_content(sessions, store):
    session = await sessions.connect(await begin(sessions), LOGIN)
    stored = repr(vars(store)) + "".join(
        item.key + item.sealed.decode("latin-1") for item in store._sessions.values()
    )
    for secret in (session.name.reveal(), session.csrf, "bearer-token", "wiki-token", "jane@acme"):
        assert secret not in stored
        assert secret not in repr(session).replace("jane@acme.com", "")


async def test_a_session_that_no_present_key_opens_is_over(sessions, store, clock):
    session = await begin(sessions)
    rotated = Sessions(store, FernetSecretBox(["second", "first"]), clock)
    assert await rotated.find(session.name.reveal()) == session
    replaced = Sessions(store, FernetSecretBox(["second"]), clock)
    assert await replaced.find(session.name.reveal()) is None
