import pytest

from headwater.adapters.confluence.spaces import check_caller, find_space, list_spaces
from headwater.domain.errors import SourceRefusedError, SpaceNotFoundError
from headwater.domain.ids import SpaceKey
from tests.unit.confluence.confluence_fakes import (
    FakeConfluence,
    answer,
    make_client,
    results,
    status,
)

SPACES = "/wiki/api/v2/spaces"
USER = "/wiki/rest/api/user/current"


def space(content_id, key, **fields):
    return {"id": content_id, "key": key, "name": key, "status": "current", **fields}


def serve(*spaces: dict[str, str], ignores_keys=False):
    def reply(request):
        query = request.url.params
        found = [item for item in spaces if query.get("status") in {None, item["status"]}]
        if "keys" in query:
            found = [item for item in found if item["key"] == query["keys"] and not ignores_keys]
        return results(found)

    return FakeConfluence({SPACES: reply})


async def test_a_known_caller_passes():
    await check_caller(make_client(FakeConfluence()))


@pytest.mark.parametrize(
    "reply", [answer({"type": "anonymous"}), status(401), status(403), status(404)]
)
async def test_a_caller_that_confluence_does_not_know_is_refused(reply):
    with pytest.raises(SourceRefusedError):
        await check_caller(make_client(FakeConfluence({USER: reply})))


async def test_current_and_archived_spaces_are_listed_once():
    old = space("2", "OLD", status="archived")
    found = await list_spaces(make_client(serve(space("1", "DOCS"), old)))
    assert [(item.key, item.status) for item in found] == [("DOCS", "current"), ("OLD", "archived")]
    same = FakeConfluence({SPACES: results([space("1", "DOCS")])})
    assert len(await list_spaces(make_client(same))) == 1


async def test_all_pages_of_the_space_list_are_read():
    pages = [results([space("1", "A")], f"{SPACES}?cursor=b"), results([space("2", "B")])]
    found = await list_spaces(make_client(FakeConfluence({SPACES: [*pages, results([])]})))
    assert [item.key for item in found] == ["A", "B"]


async def test_a_space_is_found_with_one_request():
    confluence = serve(space("1", "DOCS"))
    assert (await find_space(make_client(confluence), SpaceKey("DOCS"))).id == "1"
    assert confluence.count(SPACES) == 1


@pytest.mark.parametrize("key", ["~712020abc", "ALIAS", "OLD"])
async def test_what_the_filter_misses_is_found_by_a_scan(key):
    confluence = serve(
        space("1", "~712020abc", type="personal"),
        space("2", "DOCS", currentActiveAlias="ALIAS"),
        space("3", "OLD", status="archived"),
        ignores_keys=True,
    )
    assert (await find_space(make_client(confluence), SpaceKey(key))).id


async def test_a_key_wins_over_the_same_alias():
    confluence = serve(space("1", "A", currentActiveAlias="B"), space("2", "B"), ignores_keys=True)
    assert (await find_space(make_client(confluence), SpaceKey("B"))).id == "2"


@pytest.mark.parametrize("key", ["NOPE", "docs", "a,b"])
async def test_an_absent_space_is_not_found(key):
    with pytest.raises(SpaceNotFoundError, match=key):
        await find_space(make_client(serve(space("1", "DOCS"))), SpaceKey(key))


async def test_a_key_that_the_filter_rejects_is_not_found():
    def reply(request):
        return status(400) if "keys" in request.url.params else results([])

    with pytest.raises(SpaceNotFoundError):
        await find_space(make_client(FakeConfluence({SPACES: reply})), SpaceKey("?"))


async def test_a_404_to_the_space_list_is_a_refusal():
    with pytest.raises(SourceRefusedError):
        await list_spaces(make_client(FakeConfluence({SPACES: status(404)})))
