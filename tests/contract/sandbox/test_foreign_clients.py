"""Clients that others wrote for Confluence read the sandbox, unmodified."""

import warnings
from importlib.util import find_spec

import pytest

from headwater.sandbox.server import run_sandbox_thread

with warnings.catch_warnings():
    # What these packages import at their top is theirs to renew, not ours.
    warnings.simplefilter("ignore", DeprecationWarning)
    from atlassian import Confluence
    from atlassian.confluence.cloud.cloud import ConfluenceCloud
    from langchain_community.document_loaders import ConfluenceLoader
    from langchain_community.document_loaders.confluence import ContentFormat


@pytest.fixture
def site(world):
    with run_sandbox_thread(world) as sandbox:
        yield sandbox


@pytest.fixture
def cloud(site):
    """atlassian-python-api for v2."""
    with warnings.catch_warnings():
        # Its constructor always warns that its own v1 names are deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        client = ConfluenceCloud(site.web_url, username=site.email, password=site.token)
    yield client
    client.close()


@pytest.fixture
def classic(site):
    """atlassian-python-api for v1."""
    client = Confluence(site.web_url, username=site.email, password=site.token, cloud=False)
    yield client
    client.close()


def test_atlassian_python_api_reads_v2(cloud, world, ids):
    assert [space["key"] for space in cloud.get_spaces(limit=1)] == ["ENG", "~ann", "OLD"]
    space = world.find_space("ENG").id
    pages = list(cloud.get_pages(space_id=space, limit=1, body_format="storage"))
    assert {page["title"] for page in pages} >= {"Home", "Guide & <more>", "Board only"}
    guide = cloud.get_page_by_id(ids["Guide & <more>"], body_format="storage")
    assert guide["body"]["storage"]["value"] == "<p>Rotate the zafego key</p>"
    labels = cloud.get_page_labels(ids["Guide & <more>"])
    assert [label["name"] for label in labels] == ["howto", "keys"]
    comments = cloud.get_page_footer_comments(ids["Guide & <more>"], body_format="storage")
    assert [comment["body"]["storage"]["value"] for comment in comments] == ["<p>Hm</p>"]
    assert cloud.get_space_by_key("~ann")["type"] == "personal"
    assert [page["title"] for page in cloud.get_child_pages(ids["Home"])] == [
        "Guides",
        "Board only",
    ]


def test_atlassian_python_api_reads_v1(classic, ids):
    spaces = classic.get_all_spaces(limit=10)
    assert [space["key"] for space in spaces["results"]] == ["ENG", "~ann", "OLD"]
    pages = classic.get_all_pages_from_space_as_generator("ENG", limit=2)
    assert [page["title"] for page in pages] == ["Home", "Guide & <more>", "Board only"]
    guide = classic.get_page_by_id(ids["Guide & <more>"], expand="body.storage,version")
    assert guide["version"]["number"] == 2
    found = classic.cql('space = "ENG" and type = page and title ~ "guide"')
    assert [result["content"]["title"] for result in found["results"]] == ["Guide & <more>"]
    labels = classic.get_page_labels(ids["Guide & <more>"])
    assert [label["name"] for label in labels["results"]] == ["howto", "keys"]
    files = classic.get_attachments_from_content(ids["Guide & <more>"])["results"]
    assert [file["title"] for file in files] == ["notes über.txt"]
    limits = classic.get_all_restrictions_for_content(ids["Board only"])
    assert limits["read"]["restrictions"]["group"]["results"][0]["name"] == "board"


def test_atlassian_python_api_downloads_through_the_media_host(classic, ids, tmp_path):
    classic.download_attachments_from_page(ids["Guide & <more>"], path=str(tmp_path))
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"some bytes"]


def make_loader(site, **options):
    # cloud=False selects the library's v1 paths; with True it asks for paths that no Cloud has.
    # By space_key the loader calls the library with an argument it no longer takes; cql works.
    return ConfluenceLoader(
        url=site.web_url, username=site.email, api_key=site.token, cloud=False, **options
    )


@pytest.mark.skipif(find_spec("bs4") is None, reason="LangChain's loader needs beautifulsoup4")
def test_langchain_loads_a_space_with_labels_and_comments(site):
    loader = make_loader(
        site,
        cql='space = "ENG" and type = page',
        include_labels=True,
        include_comments=True,
        include_restricted_content=False,
        content_format=ContentFormat.VIEW,
        limit=10,
    )
    documents = {document.metadata["title"]: document for document in loader.load()}
    assert set(documents) == {"Home", "Guide & <more>"}
    guide = documents["Guide & <more>"]
    assert guide.page_content.startswith("Rotate the zafego key")
    assert "Hm" in guide.page_content
    assert guide.metadata["labels"] == ["howto", "keys"]
    assert guide.metadata["source"].startswith(f"{site.web_url}/spaces/ENG/pages/")


@pytest.mark.skipif(find_spec("bs4") is None, reason="LangChain's loader needs beautifulsoup4")
def test_langchain_follows_the_cursors_of_a_search(site, world):
    for number in range(12):
        world.create_page("ENG", f"Page {number}")
    loader = make_loader(site, cql='space = "ENG" and type = page', limit=5, max_pages=100)
    assert len(loader.load()) == 14  # those without a restriction


@pytest.mark.skipif(
    find_spec("bs4") is None or find_spec("PIL") is None,
    reason="LangChain's loader needs beautifulsoup4 and Pillow for attachments",
)
def test_langchain_reads_attachments_of_pages_by_id(site, ids):
    page = ids["Guide & <more>"]
    loader = make_loader(site, page_ids=[page], include_attachments=True)
    assert [document.metadata["id"] for document in loader.load()] == [page]
