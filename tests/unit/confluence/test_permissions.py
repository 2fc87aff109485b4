import pytest

from headwater.adapters.confluence.permissions import read_space_readers
from headwater.domain.content import UNREADABLE, Restriction
from headwater.domain.errors import SourceRefusedError
from headwater.ports import SpaceReaders
from tests.unit.confluence.confluence_fakes import (
    SPACE,
    FakeConfluence,
    answer,
    make_client,
    results,
    status,
)

PERMISSIONS = "/wiki/api/v2/spaces/100/permissions"
ASSIGNMENTS = "/wiki/api/v2/spaces/100/role-assignments"
MODE = "/wiki/api/v2/space-role-mode"
GROUP = "/wiki/rest/api/group/by-id"
USER = "/wiki/rest/api/user/current"


def permission(kind, identifier, key="read", target="space"):
    return {
        "id": f"{kind}-{identifier}-{key}",
        "principal": {"type": kind, "id": identifier},
        "operation": {"key": key, "targetType": target},
    }


def assignment(kind, identifier):
    return {"principal": {"principalType": kind, "principalId": identifier}, "roleId": "r"}


def read(**routes):
    return read_space_readers(make_client(FakeConfluence(routes)), SPACE)


async def test_readers_are_those_with_the_view_permission():
    items = [
        permission("user", "a:1"),
        permission("user", "a:2", key="create", target="page"),
        permission("user", "a:3", target="page"),
        permission("group", "g-1"),
    ]
    readers = await read(**{PERMISSIONS: results(items), GROUP: answer({"name": "staff"})})
    expected = Restriction(frozenset({"a:1"}), groups=frozenset({"g-1", "staff"}))
    assert readers == SpaceReaders(expected)


async def test_a_group_whose_name_is_not_told_is_kept_by_its_id():
    readers = await read(**{PERMISSIONS: results([permission("group", "g-1")])})
    assert readers.restriction.groups == {"g-1"}


async def test_all_pages_of_the_permissions_count():
    pages = [
        results([permission("user", "a:1")], f"{PERMISSIONS}?cursor=b"),
        results([permission("user", "a:2")]),
    ]
    assert (await read(**{PERMISSIONS: pages})).restriction.account_ids == {"a:1", "a:2"}


async def test_anonymous_access_admits_everyone_and_other_classes_are_counted():
    items = [
        assignment("ACCESS_CLASS", "anonymous-users"),
        assignment("ACCESS_CLASS", "all-licensed-users"),
        assignment("USER", "a:1"),
        assignment("GROUP", "g-1"),
        {"principal": None},
    ]
    readers = await read(**{MODE: answer({"mode": "ROLES"}), ASSIGNMENTS: results(items)})
    assert readers.everyone
    assert readers.restriction == Restriction(frozenset({"a:1"}), groups=frozenset({"g-1"}))
    assert readers.unmapped == {"all-licensed-users": 1, "unknown": 1}


@pytest.mark.parametrize(
    "mode", [status(401), status(404), status(400), answer({"mode": "PRE_ROLES"})]
)
async def test_permissions_are_read_where_roles_are_not_in_use(mode):
    readers = await read(**{MODE: mode, PERMISSIONS: results([permission("user", "a:1")])})
    assert readers.restriction.account_ids == {"a:1"}


@pytest.mark.parametrize(
    "items",
    [
        [],
        [permission("user", "a:1", key="create")],
        [permission("role", "all-licensed-users")],
        [{"operation": {"key": "read", "targetType": "space"}}],
        [permission("user", "")],
    ],
)
async def test_a_space_without_a_reader_that_we_know_is_closed_and_never_open(items):
    readers = await read(**{PERMISSIONS: results(items)})
    assert readers.restriction == UNREADABLE
    assert not readers.everyone


async def test_anonymous_access_alone_is_open():
    readers = await read(**{PERMISSIONS: results([permission("role", "anonymous-users")])})
    assert readers == SpaceReaders(Restriction(), everyone=True)


@pytest.mark.parametrize("reply", [status(401), status(403), status(404), status(500), answer({})])
async def test_permissions_that_cannot_be_read_close(reply):
    assert await read(**{PERMISSIONS: reply}) == SpaceReaders(UNREADABLE)


async def test_a_refused_account_is_told_from_unreadable_permissions():
    with pytest.raises(SourceRefusedError):
        await read(**{PERMISSIONS: status(403), USER: status(403)})
