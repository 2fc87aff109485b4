"""Files of an export: safe names, readable front matter, and nothing that is not whole."""

import json
import stat
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.cli.exported_files import write_markdown, writing_folder, writing_lines
from headwater.cli.output import CommandFailedError
from headwater.domain.access import OPEN, Scope
from headwater.domain.content import DocumentKind, StoredChunk
from headwater.domain.ids import ContentId, SiteId, SpaceKey, make_document_id
from headwater.domain.sync import DocumentState, KnownDocument, Provenance
from headwater.pipeline.file_names import name_file
from headwater.ports import CatalogEntry
from headwater.services.exporting import Exported
from headwater.services.reading import ReadDocument

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def make_document(number=1, title="A title", text="Some text.", labels=()):
    site, content_id, space = SiteId("wiki"), ContentId(str(number)), SpaceKey("IT")
    known = KnownDocument(
        document_id=make_document_id(site, content_id),
        content_id=content_id,
        page_id=content_id,
        kind=DocumentKind.PAGE,
        space=space,
        state=DocumentState.INDEXED,
        title=title,
        source_url="https://wiki.example.com/1",
        version=1,
        provenance=Provenance("r1"),
        metadata_digest="",
        access_scope=Scope("s:wiki:1"),
        chunk_hashes=("h",),
    )
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    entry = CatalogEntry(
        known=known,
        site=site,
        space=space,
        last_modified=moment,
        indexed_at=moment,
        error_type=None,
        error_message=None,
        failed_at=None,
        parent_id=None,
        labels=frozenset(labels),
        author_id=None,
        created_at=None,
        file_type="page",
        file_size=None,
        losses={"toc": 1},
    )
    return Exported(ReadDocument(entry, (StoredChunk(0, (), text),)), (OPEN,))


@given(TEXT, st.lists(TEXT, max_size=3), TEXT)
def test_front_matter_is_yaml_whatever_a_title_holds(title, labels, text):
    document = make_document(title=title, labels=labels, text=text)
    shown = write_markdown(document)
    assert shown.startswith("---\n")
    front, _, body = shown.removeprefix("---\n").partition("\n---\n")
    assert yaml.safe_load(front) == document.describe()
    assert document.document.markdown in body


@given(TEXT, TEXT)
def test_a_line_is_one_line_and_reads_back(tmp_path_factory, title, text):
    target = tmp_path_factory.mktemp("lines") / "out.jsonl"
    document = make_document(title=title, text=text)
    with writing_lines(target) as write:
        write(document)
    (line,) = target.read_text("utf-8").splitlines()
    row = json.loads(line)
    assert row.pop("markdown") == document.document.markdown
    assert row == document.describe()


NAMES = st.text(max_size=130) | st.from_regex(r"[aAbB.=~%/]{0,120}", fullmatch=True)


@settings(max_examples=50)
@given(st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES), max_size=6))
def test_no_two_documents_share_a_file_and_none_leaves_the_folder(documents):
    places: dict[str, tuple[str, str]] = {}
    for site, space, content_id, title in documents:
        path = name_file(SiteId(site), SpaceKey(space), ContentId(content_id), title)
        parts = path.split("/")
        assert len(parts) == 3
        assert all(part not in {".", ".."} and len(part.encode()) <= 255 for part in parts)
        assert path.isascii()
        assert not any(character in path for character in '\\:*?"<>|\0')
        assert places.setdefault(path.lower(), (site, content_id)) == (site, content_id)


def test_names_can_be_read():
    name = name_file(SiteId("wiki.acme.com"), SpaceKey("IT"), ContentId("42"), "VPN: How to?")
    assert name == "wiki.acme.com/IT/42-vpn-how-to.md"


def test_ids_that_differ_in_case_only_differ_in_more():
    one, other = (name_file(SiteId("w"), SpaceKey("s"), ContentId(x), "").lower() for x in "aA")
    assert one != other


@pytest.mark.parametrize("writing", [writing_lines, writing_folder])
def test_an_export_that_breaks_off_leaves_nothing_and_one_that_ends_is_private(tmp_path, writing):
    target = tmp_path / "out"
    with pytest.raises(AttributeError), writing(target) as write:
        write(None)
    assert list(tmp_path.iterdir()) == []
    with writing(target) as write:
        write(make_document())
    assert stat.S_IMODE(target.stat().st_mode) & 0o077 == 0
    with pytest.raises(CommandFailedError, match="exists"), writing(target):
        pass
    with pytest.raises(CommandFailedError, match="cannot write"), writing(tmp_path / "no" / "out"):
        pass
