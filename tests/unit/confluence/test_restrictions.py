import pytest

from headwater.adapters.confluence.restrictions import parse_restriction, read_restriction
from headwater.domain.content import UNREADABLE, Restriction
from headwater.domain.errors import SourceUnreachableError
from headwater.domain.ids import ContentId
from tests.unit.confluence.confluence_fakes import (
    FakeConfluence,
    answer,
    inner,
    make_client,
    restriction_item,
    status,
)

PATH = "/wiki/rest/api/content/7/restriction/byOperation/read"


def test_users_and_groups_are_kept_by_id_mail_and_name():
    value = restriction_item(["a:1"], [("g-1", "staff")])
    value["restrictions"]["user"]["results"][0]["email"] = "ann@example.com"
    part = parse_restriction(value)
    assert part.restriction == Restriction(
        frozenset({"a:1"}), frozenset({"ann@example.com"}), frozenset({"g-1", "staff"})
    )
    assert not part.is_cut_off


def test_two_empty_lists_restrict_nobody():
    assert parse_restriction(restriction_item()).restriction.is_open


def test_a_user_of_data_center_is_known_by_key_and_by_name():
    people = [{"userKey": "ff80", "username": "ann"}, {"username": "bob"}]
    value = {"restrictions": {"user": inner(people), "group": inner([])}}
    assert parse_restriction(value).restriction.account_ids == {"ff80", "ann", "bob"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"restrictions": None},
        {"restrictions": {}},
        {"restrictions": {"user": inner([])}},
        {"restrictions": {"user": inner([]), "group": None}},
        {"restrictions": {"user": inner([]), "group": {"results": {}}}},
        {"restrictions": {"user": inner([{}]), "group": inner([])}},
        {"restrictions": {"user": inner([None]), "group": inner([])}},
        {"restrictions": {"user": inner([{"accountId": ""}]), "group": inner([])}},
        {"restrictions": {"user": inner([{"accountId": 5}]), "group": inner([])}},
        {
            "restrictions": {
                "user": inner([{"accountId": "a"}, {"key": "b"}]),
                "group": inner([]),
            }
        },
        {"restrictions": {"user": inner([]), "group": inner([{"type": "group"}])}},
        {"restrictions": {"user": inner([]), "group": inner(["staff"])}},
    ],
)
def test_a_shape_that_is_not_understood_is_unreadable_and_never_open(value):
    assert parse_restriction(value).restriction == UNREADABLE


@pytest.mark.parametrize(
    "extra",
    [
        {"limit": 1},
        {"size": 5},
        {"totalSize": 5},
        {"_links": {"next": "/rest/api/x"}},
    ],
)
def test_a_full_list_counts_as_cut_off(extra):
    assert parse_restriction(restriction_item(["a:1"], **extra)).is_cut_off


async def test_long_restrictions_are_read_to_their_end():
    people = [f"a:{number}" for number in range(250)]

    def serve(request):
        start = int(request.url.params["start"])
        return answer(restriction_item(people[start : start + 100], [("g", "staff")][start:]))

    confluence = FakeConfluence({PATH: serve})
    restriction = await read_restriction(make_client(confluence), ContentId("7"))
    assert restriction.account_ids == frozenset(people)
    assert restriction.groups == {"g", "staff"}
    assert confluence.count(PATH) == 3


async def test_a_smaller_page_size_than_asked_for_is_followed():
    people = [f"a:{number}" for number in range(50)]

    def serve(request):
        start = int(request.url.params["start"])
        return answer(restriction_item(people[start : start + 20], limit=20))

    restriction = await read_restriction(make_client(FakeConfluence({PATH: serve})), ContentId("7"))
    assert restriction.account_ids == frozenset(people)


async def test_a_list_whose_rest_is_never_shown_is_unreadable():
    confluence = FakeConfluence({PATH: answer(restriction_item(["a:1"], size=500))})
    assert await read_restriction(make_client(confluence), ContentId("7")) == UNREADABLE


async def test_a_list_without_end_is_unreadable():
    def serve(request):
        return answer(restriction_item([request.url.params["start"]], size=10**9))

    confluence = FakeConfluence({PATH: serve})
    assert await read_restriction(make_client(confluence), ContentId("7")) == UNREADABLE


async def test_trouble_is_raised_for_the_caller_to_judge():
    with pytest.raises(SourceUnreachableError):
        await read_restriction(make_client(FakeConfluence({PATH: status(404)})), ContentId("7"))
