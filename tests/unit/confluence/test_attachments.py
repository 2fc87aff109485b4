from datetime import UTC, datetime

import pytest

from headwater.adapters.confluence.attachments import list_attachments
from headwater.domain.content import ListedAttachment
from headwater.domain.errors import ListingIncompleteError, SourceRefusedError
from headwater.domain.ids import ContentId
from tests.unit.confluence.confluence_fakes import (
    SPACE,
    SPACE_ITEM,
    FakeConfluence,
    collect,
    make_client,
    page_item,
    results,
    status,
)

SEARCH = "/wiki/rest/api/content/search"
FILES = "/wiki/api/v2/attachments"
WEB_PATH = "/pages/viewpageattachments.action?pageId=10"


def found(number, **fields):
    return {
        "id": f"att{number}",
        "type": "attachment",
        "status": "current",
        "title": "plan.pdf",
        "space": {"id": 100, "key": "DOCS"},
        "container": {"id": "10", "type": "page", "status": "current"},
        "metadata": {"mediaType": "application/binary"},
        "extensions": {"mediaType": "application/pdf", "fileSize": 1234},
        "version": {
            "number": 2,
            "when": "2026-02-02T03:04:05.678+01:00",
            "by": {"accountId": "557058:ann"},
        },
        "_links": {"webui": WEB_PATH},
        **fields,
    }


def listed(number, **fields):
    return {
        "id": f"att{number}",
        "status": "current",
        "title": "plan.pdf",
        "mediaType": "application/pdf",
        "fileSize": 1234,
        "version": {"number": 2, "createdAt": "2026-02-02T02:04:05.678Z", "authorId": "557058:ann"},
        "_links": {"webui": WEB_PATH},
        **fields,
    }


PLAN = ListedAttachment(
    content_id=ContentId("att1"),
    page_id=ContentId("10"),
    title="plan.pdf",
    media_type="application/pdf",
    file_size=1234,
    version=2,
    last_modified=datetime(2026, 2, 2, 2, 4, 5, 678000, tzinfo=UTC),
    author_id="557058:ann",
    web_path=WEB_PATH,
)


def read(confluence):
    return collect(list_attachments(make_client(confluence), SPACE))


async def test_one_search_brings_the_attachments_of_a_space():
    confluence = FakeConfluence({SEARCH: results([found(1)])})
    assert await read(confluence) == [PLAN]
    assert confluence.queries(SEARCH) == [
        {
            "cql": 'space = "DOCS" and type = attachment order by created',
            "expand": "version,container,space,history",
            "limit": "250",
        }
    ]
    assert len(confluence.requests) == 1


@pytest.mark.parametrize(
    ("fields", "media_type"),
    [
        ({"extensions": {}}, "application/binary"),
        ({"extensions": {}, "metadata": {}}, "application/octet-stream"),
    ],
)
async def test_media_type_and_size_are_hints_that_may_be_missing(fields, media_type):
    attachments = await read(FakeConfluence({SEARCH: results([found(1, **fields)])}))
    assert [(item.media_type, item.file_size) for item in attachments] == [(media_type, 0)]


@pytest.mark.parametrize(
    "fields",
    [
        {"container": {"id": "10", "type": "page", "status": "archived"}},
        {"container": {"key": "DOCS", "id": 100, "type": "global", "status": "current"}},
        {"container": {"id": "7", "type": "custom", "status": "current"}},
        {"container": None, "_expandable": {"container": "/rest/api/space/DOCS"}},
        {"space": {"id": "999"}},
        {"status": "trashed"},
    ],
)
async def test_what_hangs_on_no_current_document_of_the_space_is_left_out(fields):
    confluence = FakeConfluence({SEARCH: results([found(1, **fields), found(2)])})
    assert [item.content_id for item in await read(confluence)] == ["att2"]


async def test_a_search_that_breaks_off_is_incomplete():
    following = "/rest/api/content/search?next=true&cursor=_sa_x&limit=250"
    confluence = FakeConfluence({SEARCH: [results([found(1)], following), status(500)]})
    with pytest.raises(ListingIncompleteError):
        await read(confluence)


async def test_an_id_that_could_lead_elsewhere_is_refused():
    confluence = FakeConfluence({SEARCH: results([found(1, id="att1/../..")])})
    with pytest.raises(ListingIncompleteError, match="id"):
        await read(confluence)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
async def test_where_the_search_is_closed_the_sites_attachments_are_sorted_out(code):
    files = [
        listed(1, pageId="10"),
        listed(2, blogPostId="12"),
        listed(3, pageId="99"),
        listed(4, customContentId="10"),
        listed(5, pageId="10", status="archived"),
    ]
    confluence = FakeConfluence(
        {
            SEARCH: status(code),
            "/wiki/api/v2/spaces/100/pages": results([page_item(10)]),
            "/wiki/api/v2/spaces/100/blogposts": results([page_item(12)]),
            "/wiki/api/v2/spaces": results([SPACE_ITEM]),
            FILES: results(files),
        }
    )
    attachments = await read(confluence)
    assert attachments[0] == PLAN
    assert [item.content_id for item in attachments] == ["att1", "att2"]
    assert confluence.queries(FILES) == [
        {"status": "current", "limit": "250", "sort": "created-date"}
    ]


async def test_a_refused_account_is_refused_on_the_detour_too():
    with pytest.raises(SourceRefusedError):
        await read(FakeConfluence({SEARCH: status(401)}))
