"""Values to JSON and back, cursors, and what a change makes of a job: no database involved."""

import json
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import headwater.adapters.catalog
from headwater.adapters.catalog.changes import apply_change, cancel_job
from headwater.adapters.catalog.cursors import Position, decode_cursor, encode_cursor
from headwater.adapters.catalog.encoding import (
    clauses_from_json,
    clauses_to_json,
    progress_from_json,
    progress_to_json,
    request_from_json,
    request_to_json,
    restriction_from_json,
    restriction_to_json,
)
from headwater.domain.content import Restriction
from headwater.domain.jobs import (
    ChunkCounts,
    ContentRestriction,
    DocumentCounts,
    Job,
    JobChange,
    LossyDocument,
    ProcessorMode,
    Progress,
    SiteAddress,
    Stage,
    UploadRequest,
)
from tests.contract.catalog_samples import NOW, make_job, make_ref

TEXT = st.text(max_size=20)
TIMES = st.datetimes(timezones=st.just(UTC))
COUNTS = st.dictionaries(TEXT, st.integers(0, 9), max_size=3)
NUMBERS = st.integers(0, 2**40)
CONTENT_RESTRICTIONS = st.builds(
    ContentRestriction, st.lists(TEXT, max_size=3).map(tuple), st.booleans(), st.booleans()
)
REQUESTS = st.builds(
    UploadRequest,
    address=st.builds(SiteAddress, TEXT, TEXT),
    space=TEXT,
    incremental=st.booleans(),
    use_ocr=st.booleans(),
    processor_mode=st.sampled_from(ProcessorMode),
    rezolve_domain=TEXT,
    restriction=CONTENT_RESTRICTIONS,
    last_sync=st.none() | TIMES,
    sync_configuration_id=st.none() | TEXT,
)
DOCUMENT_COUNTS = st.lists(NUMBERS, min_size=10, max_size=10).map(lambda n: DocumentCounts(*n))
PROGRESS = st.builds(
    Progress,
    documents=DOCUMENT_COUNTS,
    attachments=DOCUMENT_COUNTS,
    chunks=st.builds(ChunkCounts, NUMBERS, NUMBERS, NUMBERS),
    ocr_pages=NUMBERS,
    bytes_fetched=NUMBERS,
    requests=NUMBERS,
    skipped=COUNTS,
    losses=COUNTS,
    lossiest=st.lists(st.builds(LossyDocument, TEXT, NUMBERS), max_size=5).map(tuple),
)
NAMES = st.frozensets(TEXT, max_size=3)
RESTRICTIONS = st.builds(Restriction, NAMES, NAMES, NAMES, st.booleans())
CHANGES = st.builds(
    JobChange, stage=st.none() | st.sampled_from(Stage), message=st.none() | TEXT, progress=PROGRESS
)


def through_json(value):
    return json.loads(json.dumps(value))


@given(REQUESTS)
def test_a_request_survives_json(request):
    assert request_from_json(through_json(request_to_json(request))) == request


@given(PROGRESS)
def test_progress_survives_json(progress):
    assert progress_from_json(through_json(progress_to_json(progress))) == progress


@given(RESTRICTIONS)
def test_a_restriction_survives_json_and_only_an_open_one_is_null(restriction):
    stored = through_json(restriction_to_json(restriction))
    assert restriction_from_json(stored) == restriction
    assert (stored is None) == restriction.is_open


@given(st.lists(NAMES, max_size=3).map(tuple))
def test_clauses_survive_json(clauses):
    assert clauses_from_json(through_json(clauses_to_json(clauses))) == clauses


@given(TIMES, st.text("abc xyz:#.-é", min_size=1))
def test_a_cursor_leads_back_to_its_position(moment, row_id):
    cursor = encode_cursor(Position(moment, row_id))
    assert decode_cursor(cursor) == Position(moment, row_id)
    assert cursor.isascii()


def test_progress_stored_before_a_counter_existed_counts_it_from_zero():
    stored = progress_to_json(Progress(documents=DocumentCounts(done=3)))
    del stored["documents"]["held"]
    assert progress_from_json(stored).documents == DocumentCounts(done=3)


@given(st.lists(CHANGES, max_size=3))
def test_changes_add_up_and_the_revision_never_falls(changes):
    job = make_job(make_ref())
    for change in changes:
        changed = apply_change(job, change)
        assert changed.progress == job.progress + change.progress
        assert changed.revision - job.revision == (changed != job)
        job = changed


def test_a_cancelled_job_names_the_present_as_its_end():
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert cancel_job(make_job(make_ref()), now).finished_at == now
    assert isinstance(cancel_job(make_job(make_ref()), NOW), Job)


def test_nothing_is_pickled():
    sources = Path(headwater.adapters.catalog.__file__).parent.rglob("*.py")
    assert not [path.name for path in sources if "pickle" in path.read_text(encoding="utf-8")]
