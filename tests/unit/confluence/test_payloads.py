import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.adapters.confluence.answers import BrokenAnswerError
from headwater.adapters.confluence.payloads import (
    ContentPayload,
    SpacePayload,
    make_labels,
    make_listed,
    make_space,
    parse,
)
from headwater.domain.content import DocumentKind, SpaceStatus, SpaceType
from tests.unit.confluence.confluence_fakes import body_item, page_item

RECORDED = Path(__file__).parents[3] / "../shared/data/recorded"
needs_recordings = pytest.mark.skipif(
    not RECORDED.exists(), reason="recorded answers are not at hand"
)


def test_a_page_becomes_a_listed_document_in_utc():
    item = page_item(
        7,
        parentId="6",
        version={"number": 4, "createdAt": "2026-01-02T03:04:05+02:00"},
        surplus=[1],
    )
    document = make_listed(parse(ContentPayload, item), DocumentKind.PAGE)
    assert (document.content_id, document.parent_id, document.version) == ("7", "6", 4)
    assert document.last_modified == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert document.last_modified.tzinfo is UTC
    assert document.web_path == "/spaces/DOCS/pages/7/Title"


@pytest.mark.parametrize(
    "path",
    ["@evil.example/", ".evil.example/", "https://evil.example/", "", "/a b", "/a\\b", "/a\n"],
)
def test_a_link_that_would_leave_the_site_is_none(path):
    item = page_item(7, _links={"webui": path})
    assert make_listed(parse(ContentPayload, item), DocumentKind.PAGE).web_path is None


def test_ids_may_be_numbers_and_optional_fields_absent():
    item = {"id": 7, "status": "current", "version": {"number": 1, "createdAt": 1767323045000}}
    document = make_listed(parse(ContentPayload, item), DocumentKind.BLOGPOST)
    assert (document.content_id, document.title, document.parent_id) == ("7", "", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": True}, "id"),
        ({"id": "1,2"}, "id"),
        ({"id": "../../spaces"}, "id"),
        ({"id": "1\n"}, "id"),
        ({"status": None}, "status"),
        ({"version": None}, "version"),
        ({"version": {"number": "x", "createdAt": "2026-01-01T00:00:00Z"}}, "version.number"),
        ({"version": {"number": 1, "createdAt": "yesterday"}}, "version.createdAt"),
        ({"version": {"number": 1, "createdAt": "2026-01-01T00:00:00"}}, "version.createdAt"),
    ],
)
def test_a_page_without_what_we_need_is_nonsense_and_the_field_is_named(change, field):
    with pytest.raises(BrokenAnswerError, match=field):
        parse(ContentPayload, page_item(7, **change))


def test_an_error_about_a_payload_does_not_quote_it():
    with pytest.raises(BrokenAnswerError) as caught:
        parse(ContentPayload, page_item("", title="confidential"))
    assert "confidential" not in str(caught.value)


def test_an_empty_body_is_a_body_and_a_missing_one_is_none():
    assert parse(ContentPayload, body_item(7, "")).storage == ""
    assert parse(ContentPayload, page_item(7, body={})).storage is None
    assert parse(ContentPayload, page_item(7)).storage is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("personal", SpaceType.PERSONAL),
        ("global", SpaceType.GLOBAL),
        ("collaboration", SpaceType.GLOBAL),
        ("knowledge_base", SpaceType.GLOBAL),
        (None, SpaceType.GLOBAL),
    ],
)
def test_space_types_are_the_contracts_two(given, expected):
    item = {"id": "1", "key": "K", "name": None, "type": given, "status": "archived"}
    space = make_space(parse(SpacePayload, item))
    assert (space.type, space.status, space.name) == (expected, SpaceStatus.ARCHIVED, "K")


def test_private_labels_stay_private():
    items = [{"name": "howto", "prefix": "global"}, {"name": "todo", "prefix": "my"}, {"name": "x"}]
    assert make_labels(items) == {"howto", "x"}


@needs_recordings
@pytest.mark.parametrize("path", sorted(RECORDED.glob("*/*.page.v2.json")), ids=lambda p: p.name)
def test_recorded_cloud_pages_are_understood(path):
    item = json.loads(path.read_text())
    document = make_listed(parse(ContentPayload, item), DocumentKind.PAGE)
    assert document.content_id == item["id"]
    assert document.version == item["version"]["number"]


@needs_recordings
def test_recorded_listings_are_understood():
    listings = ["doctoolchain/apiV2.space.json", "open_cli_collective/pages.json"]
    for name in listings:
        for item in json.loads((RECORDED / name).read_text())["results"]:
            assert parse(ContentPayload, item).id == item["id"]
    spaces = ["open_cli_collective/spaces.json", "mcp_atlassian/MOCK_SPACES_RESPONSE.json"]
    for name in spaces:
        for item in json.loads((RECORDED / name).read_text())["results"]:
            assert make_space(parse(SpacePayload, item)).key == item["key"]
