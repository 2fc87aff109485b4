"""Data Center's oddities: what is not understood closes, what the index says is checked."""

from typing import Any

import httpx2
import pytest

from headwater.adapters.confluence.answers import LoginFailedError
from headwater.adapters.confluence.client import Limits
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.data_center.source import DataCenterSource
from headwater.adapters.confluence.people import Directory, NameBook
from headwater.domain.content import ListedAttachment, Page
from headwater.domain.errors import (
    DocumentError,
    ListingIncompleteError,
    SourceRefusedError,
    SourceUnreachableError,
    SpaceNotFoundError,
)
from headwater.domain.ids import ContentId, SiteId
from headwater.ports import ContentStatus
from tests.unit.confluence.confluence_fakes import (
    NOW,
    SPACE,
    SPACE_ITEM,
    FakeConfluence,
    answer,
    collect,
    html,
    inner,
    listed,
    make_client,
    results,
    status,
)

REST = "/c/rest/api"
USER, SPACES = f"{REST}/user/current", f"{REST}/space"
SCAN, SEARCH = f"{REST}/content/scan", f"{REST}/content/search"
PERMISSIONS = f"{SPACES}/DOCS/permissions"
KNOWN = answer({"type": "known", "username": "me", "userKey": "ff00"})
FAILED = status(401, x_seraph_loginreason="AUTHENTICATED_FAILED")
READ = {"targetType": "space", "operationKey": "read"}
NOTHING = results([])


def row(content_id, *, version=1, text="<p>x</p>", **fields):
    return {
        "id": str(content_id),
        "type": "page",
        "status": "current",
        "title": f"Page {content_id}",
        "space": {"id": 100, "key": "DOCS"},
        "version": {"number": version, "when": "2026-01-02T05:04:05.678+02:00"},
        "history": {"createdBy": {"username": "ann", "userKey": "ff80"}},
        "ancestors": [{"id": "3"}, {"id": "5"}],
        "body": {"storage": {"value": text}},
        "_links": {"webui": f"/display/DOCS/{content_id}"},
        **fields,
    }


def source(routes, **options):
    known = {USER: KNOWN, f"{SPACES}/DOCS": answer(SPACE_ITEM), SCAN: NOTHING}
    confluence = FakeConfluence({**known, **routes})
    rest = Rest(make_client(confluence, **options), "/c")
    return confluence, DataCenterSource(
        rest, SiteId("acme.example.com/c"), Directory(NameBook(), "")
    )


async def test_a_row_becomes_a_document_with_its_last_ancestor_as_parent():
    _, data_center = source({SCAN: [results([row(7)]), NOTHING]})
    (document,) = await collect(data_center.list_documents(SPACE))
    assert (document.content_id, document.parent_id, document.author_id) == ("7", "5", "ff80")
    assert document.last_modified.isoformat() == "2026-01-02T03:04:05.678000+00:00"
    assert document.web_path == "/display/DOCS/7"


async def test_a_page_without_a_link_is_linked_by_its_id():
    item = row(7, _links={}, history={"createdBy": {}}, ancestors=[])
    _, data_center = source({SCAN: [results([item]), NOTHING]})
    (document,) = await collect(data_center.list_documents(SPACE))
    assert document.web_path == "/pages/viewpage.action?pageId=7"
    assert (document.author_id, document.parent_id) == (None, None)


@pytest.mark.parametrize(
    "fields", [{"status": "trashed"}, {"space": {"id": 9}}, {"type": "comment"}]
)
async def test_what_was_not_asked_for_is_not_listed(fields):
    _, data_center = source({SCAN: [results([row(7, **fields)]), NOTHING]})
    assert await collect(data_center.list_documents(SPACE)) == []


@pytest.mark.parametrize(
    ("routes", "error"),
    [
        ({SCAN: status(404)}, SourceRefusedError),
        ({SCAN: status(403)}, SourceRefusedError),
        ({SCAN: html()}, SourceRefusedError),
        ({USER: answer({"type": "anonymous"})}, SourceRefusedError),
        ({SCAN: status(500)}, ListingIncompleteError),
        ({SCAN: results([{"id": "7"}])}, ListingIncompleteError),
        ({f"{SPACES}/DOCS": status(404)}, SpaceNotFoundError),
    ],
)
async def test_a_listing_ends_well_only_with_caller_and_space_confirmed(routes, error):
    broken = {f"{REST}/content": routes[SCAN]} if SCAN in routes else {}
    _, data_center = source({**routes, **broken})
    with pytest.raises(error):
        await collect(data_center.list_documents(SPACE))


async def fetch(data_center, *documents):
    fetched = data_center.fetch_pages(documents)
    return {item.content_id: item.outcome async for item in fetched}


async def test_a_body_that_the_index_has_in_an_older_version_is_read_by_itself():
    newer = row(7, version=2, text="new")
    routes = {SEARCH: results([row(7, version=0, text="old")]), f"{REST}/content/7": answer(newer)}
    confluence, data_center = source(routes)
    assert (await fetch(data_center, listed(7)))["7"].body == "new"
    assert confluence.count(f"{REST}/content/7") == 1


@pytest.mark.parametrize("reply", [NOTHING, status(500), status(404), status(400), answer({})])
async def test_a_body_that_the_index_does_not_bring_is_read_by_itself(reply):
    _, data_center = source({SEARCH: reply, f"{REST}/content/7": answer(row(7))})
    assert isinstance((await fetch(data_center, listed(7)))["7"], Page)


async def test_each_document_is_fetched_once_fifty_at_a_time():
    def find(request):
        ids = request.url.params["cql"].partition("(")[2].rstrip(")").split(",")
        return results([row(item) for item in ids])

    confluence, data_center = source({SEARCH: find})
    documents = [listed(number) for number in range(1, 121)]
    assert len(await fetch(data_center, *documents, *documents)) == 120
    assert confluence.count(SEARCH) == 3


async def test_a_page_without_its_body_and_one_that_breaks_fail_alone():
    routes = {
        SEARCH: results([row(8)]),
        f"{REST}/content/7": status(500),
        f"{REST}/content/9": answer(row(9, body={})),
        f"{REST}/content/10": answer(row(10, status="draft")),
    }
    _, data_center = source(routes)
    outcomes = await fetch(data_center, *(listed(number) for number in (7, 8, 9, 10)))
    kinds = {key: type(value) for key, value in outcomes.items()}
    assert kinds == {"7": DocumentError, "8": Page, "9": DocumentError}


async def test_a_body_beyond_our_memory_is_too_large_and_the_rest_is_read():
    big = row(7, text="x" * 5000)
    routes = {
        SEARCH: results([big, row(8)]),
        f"{REST}/content/7": answer(big),
        f"{REST}/content/8": answer(row(8)),
    }
    _, data_center = source(routes, limits=Limits(answer_bytes=4000))
    outcomes = await fetch(data_center, listed(7), listed(8))
    assert outcomes["7"].error_type == "FILE_TOO_LARGE"
    assert isinstance(outcomes["8"], Page)


def annotated(content_id, labels=(), users=(), groups=(), **extra):
    restrictions = {
        "user": inner(list(users), **extra),
        "group": inner([{"name": it} for it in groups]),
    }
    names = [{"name": name, "prefix": "global"} for name in labels]
    return {
        "id": str(content_id),
        "type": "page",
        "metadata": {"labels": inner(names)},
        "restrictions": {"read": {"operation": "read", "restrictions": restrictions}},
    }


async def test_labels_and_restrictions_come_in_bulk_and_people_by_both_names():
    ann = {"username": "ann", "userKey": "ff80"}
    item = annotated(7, ["howto"], [ann], ["staff & co"])
    confluence, data_center = source({SCAN: [results([item]), NOTHING]})
    (annotation,) = await collect(data_center.list_annotations(SPACE))
    assert annotation.labels == {"howto"}
    assert annotation.restriction.account_ids == {"ann", "ff80"}
    assert annotation.restriction.groups == {"staff & co"}
    assert len(confluence.requests) == 2


async def test_a_list_that_is_cut_off_is_read_whole_by_itself():
    one = f"{REST}/content/7"
    users = [{"username": f"u{number}"} for number in range(100)]
    part = {"restrictions": {"user": inner(users), "group": inner([])}}
    last = {"restrictions": {"user": inner([{"username": "last"}]), "group": inner([])}}
    routes = {
        SCAN: [results([annotated(7, users=users[:1], size=101)]), NOTHING],
        f"{one}/restriction/byOperation/read": [answer(part), answer(last)],
        f"{one}/label": results([{"name": "howto"}]),
    }
    _, data_center = source(routes)
    (annotation,) = await collect(data_center.list_annotations(SPACE))
    assert {"u0", "u99", "last"} <= annotation.restriction.account_ids
    assert annotation.labels == {"howto"}


@pytest.mark.parametrize("reply", [status(404), status(403), status(500), answer({})])
async def test_a_restriction_that_cannot_be_read_closes(reply):
    _, data_center = source({f"{REST}/content/7/restriction/byOperation/read": reply})
    (annotation,) = await data_center.read_annotations([listed(7)])
    assert not annotation.restriction.readable


async def test_labels_that_cannot_be_read_leave_the_restriction_as_it_is():
    empty = answer({"restrictions": {"user": inner([]), "group": inner([])}})
    routes = {f"{REST}/content/7/restriction/byOperation/read": empty}
    _, data_center = source(routes)
    (annotation,) = await data_center.read_annotations([listed(7)])
    assert annotation.restriction.is_open
    assert annotation.labels == frozenset()


async def test_a_failed_login_ends_the_work_and_is_not_taken_for_a_closed_page():
    calls: dict[str, list[Any]] = {
        "read_annotations": [[listed(7)]],
        "read_ancestor": [ContentId("7")],
        "read_space_readers": [SPACE],
        "probe": [],
    }
    failing = dict.fromkeys(
        (f"{REST}/content/7/restriction/byOperation/read", f"{REST}/content/7", PERMISSIONS, USER),
        FAILED,
    )
    for name, arguments in calls.items():
        confluence, data_center = source(failing)
        with pytest.raises(LoginFailedError):
            await getattr(data_center, name)(*arguments)
        assert len(confluence.requests) == 1


async def test_an_ancestor_is_read_with_its_place_and_its_restriction():
    empty = answer({"restrictions": {"user": inner([{"username": "ann"}]), "group": inner([])}})
    one = f"{REST}/content/7"
    routes = {one: answer(row(7)), f"{one}/restriction/byOperation/read": empty}
    _, data_center = source(routes)
    ancestor = await data_center.read_ancestor(ContentId("7"))
    assert (ancestor.parent_id, ancestor.restriction.account_ids) == ("5", {"ann"})
    _, data_center = source({one: answer(row(7, ancestors=[]))})
    ancestor = await data_center.read_ancestor(ContentId("7"))
    assert ancestor.parent_id is None
    assert not ancestor.restriction.readable


@pytest.mark.parametrize("value", [{"results": []}, "x", None, [None], [{}], [{"operation": 1}]])
async def test_permissions_that_are_not_understood_admit_nobody(value):
    _, data_center = source({PERMISSIONS: answer(value)})
    readers = await data_center.read_space_readers(SPACE)
    assert not readers.restriction.readable
    assert not readers.everyone


@pytest.mark.parametrize("reply", [status(404), status(401), status(403), status(500), html()])
async def test_permissions_that_are_kept_from_us_admit_nobody(reply):
    _, data_center = source({PERMISSIONS: reply})
    assert not (await data_center.read_space_readers(SPACE)).restriction.readable


def grant(**subject):
    return {"operation": READ, "subject": subject, "spaceKey": "DOCS"}


async def test_permissions_admit_users_by_key_and_name_and_groups_by_name():
    permissions = [
        grant(type="group", name="staff"),
        grant(type="user", userKey="ff80"),
        grant(type="user", userKey="ff81"),
        grant(type="robot", name="r2"),
        {
            "operation": {**READ, "operationKey": "administer"},
            "subject": {"type": "group", "name": "x"},
        },
    ]

    def name_user(request):
        is_known = request.url.params["key"] == "ff80"
        return answer({"username": "ann", "userKey": "ff80"}) if is_known else status(404)

    routes = {
        PERMISSIONS: answer(permissions),
        f"{PERMISSIONS}/anonymous": answer([]),
        f"{REST}/user": name_user,
    }
    _, data_center = source(routes)
    readers = await data_center.read_space_readers(SPACE)
    assert readers.restriction.groups == {"staff"}
    assert readers.restriction.account_ids == {"ff80", "ann", "ff81"}
    assert not readers.everyone
    assert readers.unmapped == {"unknown": 1}


@pytest.mark.parametrize(
    ("anonymous", "everyone"),
    [
        (answer([grant(type="anonymous")]), True),
        (answer([]), False),
        (status(500), False),
        (answer({}), False),
    ],
)
async def test_everyone_may_view_only_where_confluence_says_so(anonymous, everyone):
    routes = {
        PERMISSIONS: answer([grant(type="group", name="staff")]),
        f"{PERMISSIONS}/anonymous": anonymous,
    }
    _, data_center = source(routes)
    assert (await data_center.read_space_readers(SPACE)).everyone is everyone


async def test_spaces_that_cannot_be_listed_are_a_refusal():
    _, data_center = source({SPACES: status(404)})
    with pytest.raises(SourceRefusedError):
        await data_center.list_spaces()


async def test_the_index_proves_no_absence():
    routes = {
        SEARCH: results([row(1), row(2, status="trashed"), row(99)]),
        f"{REST}/content/2": answer(row(2)),
        f"{REST}/content/3": answer(row(3, status="trashed")),
        f"{REST}/content/4": answer(row(4, status="historical", space=None)),
    }
    confluence, data_center = source(routes)
    found = await data_center.look_up([ContentId(str(number)) for number in (1, 2, 3, 4, 5, 5)])
    assert {key: item.status.value for key, item in found.items()} == {
        "1": "current",
        "2": "current",
        "3": "trashed",
        "4": "gone",
        "5": "gone",
    }
    assert (found["1"].space_id, found["4"].space_id) == ("100", None)
    assert confluence.count(SEARCH) == 1


@pytest.mark.parametrize("reply", [status(500), status(400), answer({"results": [{}]})])
async def test_without_an_index_each_id_is_looked_up_by_itself(reply):
    _, data_center = source({SEARCH: reply, f"{REST}/content/1": answer(row(1))})
    found = await data_center.look_up([ContentId("1")])
    assert found["1"].status is ContentStatus.CURRENT


@pytest.mark.parametrize("reply", [status(500), status(400), status(403), answer({"id": "1"})])
async def test_trouble_is_never_called_gone(reply):
    _, data_center = source({SEARCH: NOTHING, f"{REST}/content/1": reply})
    with pytest.raises((SourceUnreachableError, SourceRefusedError)):
        await data_center.look_up([ContentId("1")])


def attachment(path):
    return ListedAttachment(
        ContentId("att1"), ContentId("7"), "a.txt", "text/plain", 3, 1, NOW, download_path=path
    )


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "https://evil.example.org/x",
        "//evil.example.org/download/x",
        "/rest/api/x",
        "/download/../x",
    ],
)
async def test_a_file_is_fetched_only_below_the_downloads_of_this_site(path):
    confluence, data_center = source({})
    with pytest.raises(DocumentError, match="no link"):
        await data_center.fetch_attachment(attachment(path), max_bytes=10)
    assert confluence.requests == []


async def test_a_file_is_fetched_by_its_link_query_and_all():
    path = "/c/download/attachments/7/a+%2B%25.txt"
    confluence, data_center = source({})
    reply = httpx2.Response(200, content=b"abc", headers={"content-type": "text/plain"})
    confluence.routes["/c/download/attachments/7/a++%.txt"] = reply
    link = "/download/attachments/7/a+%2B%25.txt?version=1&modificationDate=5&api=v2"
    assert await data_center.fetch_attachment(attachment(link), max_bytes=10) == b"abc"
    assert (
        confluence.requests[0].url.raw_path
        == f"{path}?version=1&modificationDate=5&api=v2".encode()
    )


async def test_a_probe_says_what_is_missing_and_what_follows_from_it():
    routes = {
        SPACES: results([SPACE_ITEM]),
        SCAN: status(404),
        SEARCH: NOTHING,
        PERMISSIONS: status(500),
    }
    _, data_center = source(routes)
    probed = {item.name: item for item in await data_center.probe()}
    assert {name for name, item in probed.items() if not item.ok} == {"space permissions"}
    assert "offset" in probed["scan"].detail
    assert "9.1" in probed["space permissions"].detail


async def test_traffic_is_counted():
    _, data_center = source({})
    await data_center.check_credentials()
    assert data_center.traffic.requests == 1
