"""Whatever keeps the console's sessions keeps to this."""

from datetime import UTC, datetime, timedelta

import pytest

from headwater.adapters.memory_sessions import MemorySessionStore
from headwater.ports import StoredSession
from tests.contract.catalog_samples import ENGINES, open_engine

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", *ENGINES])
async def store(request, tmp_path):
    if request.param == "memory":
        yield MemorySessionStore()
        return
    async with open_engine(request.param, tmp_path) as stores:
        yield stores.sessions


def make_session(key, *, minutes=60, sealed=b"sealed"):
    return StoredSession(key, sealed, NOW + timedelta(minutes=minutes))


async def test_a_session_is_found_by_its_key_alone(store):
    await store.add(make_session("a"))
    assert await store.find("a") == make_session("a")
    assert await store.find("b") is None


async def test_a_session_is_replaced_whole_and_no_other(store):
    await store.add(make_session("a"))
    await store.add(make_session("b"))
    await store.replace(make_session("a", minutes=5, sealed=b"other"))
    assert await store.find("a") == make_session("a", minutes=5, sealed=b"other")
    assert await store.find("b") == make_session("b")


async def test_a_session_that_is_gone_does_not_come_back(store):
    await store.add(make_session("a"))
    await store.remove("a")
    await store.replace(make_session("a"))
    assert await store.find("a") is None


async def test_a_removed_session_is_gone_and_may_be_removed_again(store):
    await store.add(make_session("a"))
    await store.add(make_session("b"))
    await store.remove("a")
    await store.remove("a")
    assert await store.find("a") is None
    assert await store.find("b")


async def test_only_what_has_expired_is_removed(store):
    await store.add(make_session("old", minutes=0))
    await store.add(make_session("new", minutes=1))
    assert await store.remove_expired(NOW) == 1
    assert await store.find("old") is None
    assert await store.find("new")


def test_a_session_shows_nothing_of_its_content():
    assert "sealed" not in repr(make_session("a"))
