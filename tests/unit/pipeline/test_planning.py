from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.access import Scope
from headwater.domain.content import Comment, DocumentKind, DocumentMetadata
from headwater.domain.ids import ContentId, SiteId, SpaceKey, make_document_id
from headwater.domain.sync import Action, DocumentState, KnownDocument, Outcome, Provenance
from headwater.pipeline.planning import (
    BEFORE_LAST_SYNC,
    OCR_MISSING,
    OCR_OFF,
    OCR_UNNEEDED,
    UNSUPPORTED_FORMAT,
    FileRecipes,
    Recipe,
    Seen,
    SyncPolicy,
    decide_document,
    digest_comments,
    digest_metadata,
    judge_outcome,
    plan_chunks,
    plan_deletions,
    reusable_documents,
)

SITE = SiteId("site")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RECIPE = Recipe("conversion-1", "chunks-1-256", "model-a")
INCREMENTAL = SyncPolicy(RECIPE, "reader-1", incremental=True)
FULL = SyncPolicy(RECIPE, "reader-1", incremental=False)
WITH_OCR = SyncPolicy(RECIPE, "reader-1", incremental=True, use_ocr=True)

METADATA = DocumentMetadata(
    document_id=make_document_id(SITE, ContentId("7")),
    site=SITE,
    content_id=ContentId("7"),
    page_id=ContentId("7"),
    kind=DocumentKind.PAGE,
    space=SpaceKey("IT"),
    title="VPN",
    source_url="https://acme.example/wiki/spaces/IT/pages/7/VPN",
    version=3,
    last_modified=NOW,
    labels=frozenset({"network"}),
    author_id="a1",
    access_scope=Scope("s:site:1"),
)


def known_as(metadata: DocumentMetadata, **changes) -> KnownDocument:
    known = KnownDocument(
        document_id=metadata.document_id,
        content_id=metadata.content_id,
        page_id=metadata.page_id,
        kind=metadata.kind,
        space=metadata.space,
        state=DocumentState.INDEXED,
        title=metadata.title,
        source_url=metadata.source_url,
        version=metadata.version,
        provenance=Provenance(str(RECIPE)),
        metadata_digest=digest_metadata(metadata),
        access_scope=Scope(metadata.access_scope),
        chunk_hashes=("h1", "h2"),
    )
    return replace(known, **changes)


def action(metadata: DocumentMetadata, known: KnownDocument | None, policy: SyncPolicy) -> Action:
    return decide_document(Seen(metadata), known, policy).action


def test_an_unknown_document_is_read() -> None:
    assert action(METADATA, None, INCREMENTAL) is Action.FETCH


def test_an_unchanged_document_is_kept_incrementally_and_read_again_in_full() -> None:
    assert action(METADATA, known_as(METADATA), INCREMENTAL) is Action.KEEP
    assert action(METADATA, known_as(METADATA), FULL) is Action.FETCH


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"title": "Old title"},
        {"provenance": Provenance("conversion-0/chunks-1-256/model-a")},
        {"state": DocumentState.FAILED},
        {"attempts": 1},
        {"state": DocumentState.SKIPPED, "skip_reason": "vanished"},
    ],
)
def test_a_document_whose_text_may_differ_is_read_again(change) -> None:
    assert action(METADATA, known_as(METADATA, **change), INCREMENTAL) is Action.FETCH


@pytest.mark.parametrize(
    "change",
    [
        {"labels": frozenset({"network", "vpn"})},
        {"access_scope": "r:site:5"},
        {"space": SpaceKey("OPS")},
        {"source_url": "https://acme.example/wiki/spaces/OPS/pages/7/VPN"},
        {"author_id": "a2"},
    ],
)
def test_a_change_of_metadata_alone_reads_nothing(change) -> None:
    assert action(replace(METADATA, **change), known_as(METADATA), INCREMENTAL) is Action.METADATA


def test_dates_alone_never_make_a_document_unread() -> None:
    older = replace(METADATA, last_modified=NOW - timedelta(days=900), version=4)
    assert action(older, known_as(METADATA), INCREMENTAL) is Action.FETCH


def test_last_sync_limits_the_first_sync_only() -> None:
    since = SyncPolicy(
        RECIPE, "reader-1", incremental=True, first_sync_since=NOW + timedelta(days=1)
    )
    decision = decide_document(Seen(METADATA), None, since)
    assert (decision.action, decision.reason) == (Action.SKIP, BEFORE_LAST_SYNC)
    assert action(METADATA, None, INCREMENTAL) is Action.FETCH


def test_a_document_skipped_by_date_comes_in_once_it_is_edited_or_in_full() -> None:
    skipped = known_as(
        METADATA, state=DocumentState.SKIPPED, skip_reason=BEFORE_LAST_SYNC, chunk_hashes=()
    )
    assert action(METADATA, skipped, INCREMENTAL) is Action.SKIP
    assert action(replace(METADATA, version=4), skipped, INCREMENTAL) is Action.FETCH
    assert action(METADATA, skipped, FULL) is Action.FETCH


def test_a_changed_comment_reads_its_page_again() -> None:
    known = known_as(METADATA, provenance=Provenance(str(RECIPE), comments_digest="old"))
    assert decide_document(Seen(METADATA, "old"), known, INCREMENTAL).action is Action.KEEP
    assert decide_document(Seen(METADATA, "new"), known, INCREMENTAL).action is Action.FETCH
    assert decide_document(Seen(METADATA, ""), known, INCREMENTAL).action is Action.FETCH


def test_comments_that_could_not_be_listed_change_nothing() -> None:
    known = known_as(METADATA, provenance=Provenance(str(RECIPE), comments_digest="old"))
    unknown = replace(INCREMENTAL, comments_known=False)
    assert decide_document(Seen(METADATA, ""), known, unknown).action is Action.KEEP


def test_the_digest_of_comments_sees_edits_and_deletions_but_no_order() -> None:
    one, two = comment("1", 1), comment("2", 1)
    assert digest_comments([one, two]) == digest_comments([two, one])
    assert len({digest_comments(some) for some in ([], [one], [one, two], [comment("1", 2)])}) == 4
    assert digest_comments([]) == ""


def comment(comment_id: str, version: int) -> Comment:
    return Comment(ContentId(comment_id), ContentId("7"), None, None, NOW, version, "<p>hm</p>")


FILE = replace(METADATA, kind=DocumentKind.ATTACHMENT, attachment_id=ContentId("att9"))


FILES = FileRecipes("reader-1", RECIPE)


def read_file(*, ocr_missing: bool, **changes) -> KnownDocument:
    recipe = FILES.name(OCR_MISSING if ocr_missing else OCR_UNNEEDED)
    return known_as(FILE, provenance=Provenance(recipe), **changes)


def decide_file(known: KnownDocument | None, policy: SyncPolicy, media_type="application/pdf"):
    decision = decide_document(Seen(FILE, media_type=media_type), known, policy)
    return decision.action, decision.reason


def test_an_image_is_skipped_without_ocr_and_read_once_it_is_switched_on() -> None:
    assert decide_file(None, INCREMENTAL, "image/png") == (Action.SKIP, OCR_OFF)
    assert decide_file(None, WITH_OCR, "image/png") == (Action.FETCH, None)
    assert decide_file(None, INCREMENTAL, "image/svg+xml") == (Action.FETCH, None)
    skipped = read_file(
        ocr_missing=True, state=DocumentState.SKIPPED, skip_reason=OCR_OFF, chunk_hashes=()
    )
    assert decide_file(skipped, INCREMENTAL, "image/png") == (Action.SKIP, OCR_OFF)
    assert decide_file(skipped, WITH_OCR, "image/png") == (Action.FETCH, None)


def test_switching_ocr_on_reads_again_only_what_had_unread_pages() -> None:
    assert decide_file(read_file(ocr_missing=True), WITH_OCR) == (Action.FETCH, None)
    assert decide_file(read_file(ocr_missing=False), WITH_OCR) == (Action.KEEP, None)


def test_switching_ocr_off_keeps_what_was_read_until_the_file_changes() -> None:
    known = read_file(ocr_missing=False)
    assert decide_file(known, INCREMENTAL, "image/png") == (Action.KEEP, None)
    older = replace(known, version=2)
    assert decide_file(older, INCREMENTAL, "image/png") == (Action.SKIP, OCR_OFF)


def test_other_languages_read_again_only_what_ocr_has_read() -> None:
    german = replace(FILES, use_ocr=True, languages=("de", "en"))
    scanned = known_as(FILE, provenance=Provenance(german.name(german.ocr_done)))
    asked = replace(WITH_OCR, ocr_languages=("en", "de"))
    french = replace(WITH_OCR, ocr_languages=("fr",))
    assert decide_file(scanned, asked) == (Action.KEEP, None)
    assert decide_file(scanned, french) == (Action.FETCH, None)
    assert decide_file(scanned, WITH_OCR) == (Action.FETCH, None)
    assert decide_file(scanned, replace(french, use_ocr=False)) == (Action.KEEP, None)
    assert decide_file(read_file(ocr_missing=False), french) == (Action.KEEP, None)


def test_what_a_rule_leaves_out_is_skipped_whatever_is_known_of_it() -> None:
    barred = Seen(METADATA, left_out="blacklisted")
    for known in (None, known_as(METADATA), known_as(METADATA, state=DocumentState.FAILED)):
        for policy in (INCREMENTAL, FULL):
            decision = decide_document(barred, known, policy)
            assert (decision.action, decision.reason) == (Action.SKIP, "blacklisted")


def test_what_no_rule_leaves_out_any_more_is_read_although_it_did_not_change() -> None:
    skipped = known_as(
        METADATA, state=DocumentState.SKIPPED, skip_reason="blacklisted", chunk_hashes=()
    )
    assert decide_document(Seen(METADATA), skipped, INCREMENTAL).action is Action.FETCH


def test_a_format_that_is_not_read_is_asked_for_again_only_when_something_changed() -> None:
    skipped = read_file(
        ocr_missing=False,
        state=DocumentState.SKIPPED,
        skip_reason=UNSUPPORTED_FORMAT,
        chunk_hashes=(),
    )
    assert decide_file(skipped, INCREMENTAL) == (Action.SKIP, UNSUPPORTED_FORMAT)
    assert decide_file(skipped, FULL) == (Action.FETCH, None)
    newer = replace(INCREMENTAL, extractor="reader-2")
    assert decide_file(skipped, newer) == (Action.FETCH, None)


def test_the_metadata_digest_does_not_depend_on_the_order_of_labels() -> None:
    one = replace(METADATA, labels=frozenset(["b", "a", "c"]))
    other = replace(METADATA, labels=frozenset(["c", "b", "a"]))
    assert digest_metadata(one) == digest_metadata(other)


def test_only_chunks_without_a_vector_are_embedded() -> None:
    plan = plan_chunks(["a", "b", "b", "c"], ["a", "x"], frozenset({"a"}))
    assert plan.embed == ("b", "c")
    assert (plan.counts.embedded, plan.counts.reused, plan.counts.deleted) == (3, 1, 1)


def test_reordering_chunks_embeds_and_deletes_nothing() -> None:
    plan = plan_chunks(["c", "a", "b"], ["a", "b", "c"], frozenset("abc"))
    assert plan.embed == ()
    assert (plan.counts.embedded, plan.counts.deleted) == (0, 0)


@given(
    st.lists(st.sampled_from("abcdef")),
    st.lists(st.sampled_from("abcdef")),
    st.frozensets(st.sampled_from("abcdef")),
)
def test_every_chunk_is_either_embedded_or_reused(new, known, at_hand) -> None:
    plan = plan_chunks(new, known, at_hand)
    assert plan.counts.embedded + plan.counts.reused == len(new)
    assert set(plan.embed) == set(new) - at_hand


def test_outcomes_tell_text_from_metadata() -> None:
    digest = digest_metadata(METADATA)
    known = known_as(METADATA)
    judge = judge_outcome
    assert judge(None, chunk_hashes=("h1",), metadata_digest=digest) is Outcome.ADDED
    assert judge(known, chunk_hashes=("h1", "h3"), metadata_digest=digest) is Outcome.UPDATED
    assert judge(known, chunk_hashes=("h1", "h2"), metadata_digest="x") is Outcome.METADATA_ONLY
    assert judge(known, chunk_hashes=("h1", "h2"), metadata_digest=digest) is Outcome.UNCHANGED


def test_a_document_that_never_came_in_is_added_when_it_does() -> None:
    failed = known_as(METADATA, state=DocumentState.FAILED, chunk_hashes=())
    digest = digest_metadata(METADATA)
    assert judge_outcome(failed, chunk_hashes=(), metadata_digest=digest) is Outcome.ADDED


def vanished(count: int, **changes) -> list[KnownDocument]:
    return [
        known_as(
            replace(METADATA, document_id=make_document_id(SITE, ContentId(str(number)))), **changes
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("gone", "total", "held"),
    [(24, 24, 0), (25, 125, 0), (25, 124, 25), (26, 125, 26), (1, 1, 0), (200, 1001, 0)],
)
def test_many_documents_vanishing_at_once_are_held(gone, total, held) -> None:
    plan = plan_deletions(vanished(gone), searchable_in_space=total)
    assert len(plan.hold) == held
    assert len(plan.delete) == gone - held


def test_documents_missed_a_second_time_are_deleted() -> None:
    held = vanished(40, state=DocumentState.HELD)
    plan = plan_deletions(held, searchable_in_space=40)
    assert len(plan.delete) == 40
    assert plan.hold == ()


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400))
def test_every_vanished_document_is_deleted_or_held_exactly_once(fresh, held, more) -> None:
    items = vanished(fresh) + vanished(held, state=DocumentState.HELD)
    plan = plan_deletions(items, searchable_in_space=len(items) + more)
    assert len(plan.delete) + len(plan.hold) == len(items)


def test_vectors_of_another_model_are_never_reused() -> None:
    same = known_as(METADATA, provenance=Provenance("conversion-0/chunks-9-99/model-a"))
    other = known_as(
        replace(METADATA, document_id=make_document_id(SITE, ContentId("8"))),
        provenance=Provenance("conversion-1/chunks-1-256/model-b"),
    )
    known = {item.document_id: item for item in (same, other)}
    assert reusable_documents(known, RECIPE) == (same.document_id,)
