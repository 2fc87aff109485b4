"""Reading documents back: whole, and never more than the reader may know of."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from headwater.domain.access import OPEN, ScopeRule, group, make_reader, restricted_scope
from headwater.domain.content import DocumentKind
from headwater.domain.errors import InvalidInputError, NotFoundError
from headwater.domain.ids import ContentId, JobId, Namespace, SpaceKey
from headwater.domain.jobs import JobChange, JobRef
from headwater.domain.removal import DELETED
from headwater.domain.sync import Outcome
from headwater.ports import StoreBatch, StoredDocument
from headwater.services import reading
from headwater.services.reading import (
    list_level,
    read_breadcrumb,
    read_document,
    read_linked,
    stream_documents,
)
from tests.contract.catalog_samples import (
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_metadata,
    make_result,
)
from tests.contract.records import make_record
from tests.unit.services.service_fakes import OTHER, TENANT

REF = JobRef(TENANT, JobId("one"))
SECRET_SCOPE = restricted_scope(SITE, ContentId("2"))
BOARD = make_reader(groups=["board"])
ANYBODY = make_reader()
BOTH = pytest.mark.parametrize("reader", [BOARD, None], ids=["board", "nobody"])

TREE = {1: None, 2: 1, 3: 2, 4: 1, 5: None}
"""Every page's parent; 2 and what is under it are the board's."""


@pytest.fixture
async def shelf(ports):
    await add_running_job(ports, REF)
    rules = [
        ScopeRule(OPEN_SCOPE, (OPEN,)),
        ScopeRule(SECRET_SCOPE, (frozenset({group("board")}),), OPEN_SCOPE),
    ]
    await ports.catalog.put_scope_rules(TENANT, SPACE, SITE, rules)
    await put(ports, *(page(number, parent) for number, parent in TREE.items()))
    return ports


def page(number, parent=None, **fields):
    scope = SECRET_SCOPE if number in {2, 3} else OPEN_SCOPE
    above = None if parent is None else ContentId(str(parent))
    return make_metadata(number, **{"parent_id": above, "access_scope": scope, **fields})


async def put(ports, *metadata, outcome=Outcome.ADDED, **changes):
    texts = ("first part", "second part")
    documents = [
        StoredDocument(
            item, tuple(make_record(at, text, [1.0, 0.0]) for at, text in enumerate(texts))
        )
        for item in metadata
    ]
    await ports.store.apply(Namespace(TENANT), StoreBatch(upserts=tuple(documents)))
    results = [make_result(0, outcome, metadata=item, **changes) for item in metadata]
    await ports.catalog.record(REF, results, JobChange())


async def ids_of(documents):
    return [item.entry.known.content_id async for item in documents]


@BOTH
async def test_a_document_is_read_with_its_text(shelf, reader):
    found = await read_document(shelf, TENANT, document_id(3), reader=reader)
    assert found.entry.known.title == "Page 3"
    assert [chunk.text for chunk in found.chunks] == ["first part", "second part"]
    assert found.markdown == "# A title\n\n## A heading\n\nfirst part\n\nsecond part"
    assert found.is_whole


async def test_what_may_not_be_read_is_as_unknown_as_what_is_not_there(shelf):
    messages = set()
    for tenant, number, reader in [(TENANT, 3, ANYBODY), (TENANT, 99, ANYBODY), (OTHER, 1, None)]:
        with pytest.raises(NotFoundError) as caught:
            await read_document(shelf, tenant, document_id(number), reader=reader)
        messages.add(str(caught.value))
    assert len(messages) == 1


async def test_a_document_is_found_by_any_of_its_links(shelf):
    link = "https://wiki.acme.example/pages/viewpage.action?pageId=3"
    found = await read_linked(shelf, TENANT, link, reader=BOARD)
    assert found.entry.known.document_id == document_id(3)
    with pytest.raises(NotFoundError) as hidden:
        await read_linked(shelf, TENANT, link, reader=ANYBODY)
    with pytest.raises(NotFoundError) as absent:
        await read_linked(shelf, TENANT, link.replace("=3", "=99"), reader=ANYBODY)
    assert str(hidden.value) == str(absent.value)
    with pytest.raises(InvalidInputError):
        await read_linked(shelf, TENANT, "https://wiki.acme.example/", reader=None)


@dataclass
class Tightening:
    """A store in front of whose reading a page is restricted."""

    ports: Any

    async def read_chunks(self, namespace, document_ids):
        tightened = page(4, 1, access_scope=SECRET_SCOPE)
        await put(self.ports, tightened, outcome=Outcome.METADATA_ONLY)
        return await self.ports.store.read_chunks(namespace, document_ids)


async def test_a_page_that_is_tightened_while_it_is_read_is_not_shown(shelf):
    meanwhile = replace(shelf, store=Tightening(shelf))
    with pytest.raises(NotFoundError):
        await read_document(meanwhile, TENANT, document_id(4), reader=ANYBODY)


async def test_a_page_that_is_tightened_while_it_is_streamed_is_not_shown(shelf):
    meanwhile = replace(shelf, store=Tightening(shelf))
    assert await ids_of(stream_documents(meanwhile, TENANT, reader=ANYBODY)) == ["1", "5"]


async def test_a_document_that_failed_is_read_without_text(shelf):
    await put(shelf, page(6), outcome=Outcome.FAILED)
    found = await read_document(shelf, TENANT, document_id(6), reader=None)
    assert (found.chunks, found.markdown, found.is_whole) == ((), "", True)
    assert found.entry.error_message == "not well-formed"


async def test_a_document_that_is_half_there_says_so(shelf):
    await put(shelf, page(6), chunk_hashes=("h1", "h2", "h3"))
    assert not (await read_document(shelf, TENANT, document_id(6), reader=None)).is_whole


# ── streams ────────────────────────────────────────────────────────────────────────────────────


async def test_a_stream_holds_all_that_the_reader_may_see(shelf, monkeypatch):
    monkeypatch.setattr(reading, "READ_AT_ONCE", 2)
    await put(shelf, page(6), outcome=Outcome.FAILED)
    await put(shelf, page(7, space=SpaceKey("HR")))
    everything = ["1", "2", "3", "4", "5", "7"]
    assert await ids_of(stream_documents(shelf, TENANT, reader=None)) == everything
    assert await ids_of(stream_documents(shelf, TENANT, reader=BOARD)) == everything
    assert await ids_of(stream_documents(shelf, TENANT, reader=ANYBODY)) == ["1", "4", "5", "7"]
    assert await ids_of(stream_documents(shelf, OTHER, reader=None)) == []
    of_space = stream_documents(shelf, TENANT, reader=None, space=SpaceKey("HR"))
    assert await ids_of(of_space) == ["7"]


async def test_a_streamed_document_has_its_text(shelf):
    found = [item async for item in stream_documents(shelf, TENANT, reader=None)]
    assert {item.markdown for item in found} == {
        "# A title\n\n## A heading\n\nfirst part\n\nsecond part"
    }


# ── the tree ───────────────────────────────────────────────────────────────────────────────────


async def show(ports, *, reader, parent=None, **options):
    above = None if parent is None else ContentId(str(parent))
    level = await list_level(ports, TENANT, SITE, SPACE, reader=reader, parent=above, **options)
    return [(node.entry.known.content_id, node.children) for node in level.nodes], level


async def test_a_level_shows_and_counts_what_the_reader_may_see(shelf):
    assert (await show(shelf, reader=None))[0] == [("1", 2), ("5", 0)]
    assert (await show(shelf, reader=BOARD))[0] == [("1", 2), ("5", 0)]
    assert (await show(shelf, reader=ANYBODY))[0] == [("1", 1), ("5", 0)]
    assert (await show(shelf, reader=BOARD, parent=1))[0] == [("2", 1), ("4", 0)]
    assert (await show(shelf, reader=ANYBODY, parent=1))[0] == [("4", 0)]
    assert (await show(shelf, reader=ANYBODY, parent=2))[0] == []


async def test_a_level_says_what_is_restricted(shelf):
    _, level = await show(shelf, reader=None, parent=1)
    assert [node.restricted for node in level.nodes] == [True, False]


async def test_a_level_is_cut_where_asked_and_filled_from_behind(shelf, monkeypatch):
    monkeypatch.setattr(reading, "LEAVES_AT_ONCE", 2)
    hidden = [page(number, 5, access_scope=SECRET_SCOPE) for number in range(10, 15)]
    shown = [page(number, 5) for number in range(15, 20)]
    await put(shelf, *hidden, *shown)
    seen, after = [], None
    for _ in range(3):
        nodes, level = await show(shelf, reader=ANYBODY, parent=5, after=after, limit=2)
        seen.append([content_id for content_id, _ in nodes])
        after = level.next
    assert seen == [["15", "16"], ["17", "18"], ["19"]]
    assert after is None


# ── what a document stands under ───────────────────────────────────────────────────────────────


async def name_above(ports, number, reader):
    (entry,) = await ports.library.read(TENANT, [document_id(number)])
    above = await read_breadcrumb(ports, TENANT, entry, reader=reader)
    return [item.known.content_id for item in above]


@BOTH
async def test_a_breadcrumb_leads_from_the_top(shelf, reader):
    assert await name_above(shelf, 3, reader) == ["1", "2"]
    file = page(8, 3, kind=DocumentKind.ATTACHMENT, page_id=ContentId("3"))
    await put(shelf, file)
    assert await name_above(shelf, 8, reader) == ["1", "2", "3"]


async def test_a_breadcrumb_names_nothing_that_is_hidden_deleted_or_in_a_loop(shelf):
    await put(shelf, page(8, 3, access_scope=OPEN_SCOPE))
    assert await name_above(shelf, 8, ANYBODY) == []
    await put(shelf, page(5), outcome=Outcome.SKIPPED, skip_reason=DELETED)
    await put(shelf, page(9, 5))
    assert await name_above(shelf, 9, None) == []
    await put(shelf, page(20, 21), page(21, 20))
    assert await name_above(shelf, 20, None) == ["20", "21"]
