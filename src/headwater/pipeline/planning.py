"""What to do about each document: decisions as data, made without I/O."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final

from headwater.domain.content import Comment, DocumentKind, DocumentMetadata
from headwater.domain.ids import ContentId, DocumentId
from headwater.domain.jobs import ChunkCounts
from headwater.domain.removal import DELETED
from headwater.domain.sync import (
    Action,
    ChunkPlan,
    Decision,
    DeletionPlan,
    DocumentState,
    KnownDocument,
    Outcome,
)

BEFORE_LAST_SYNC: Final = "before_last_sync"
OCR_OFF: Final = "ocr_off"
"""An image, or a document of scans, while the upload does not ask for OCR."""

UNSUPPORTED_FORMAT: Final = "unsupported_format"

_METADATA_ENCODER: Final = json.JSONEncoder(sort_keys=True, default=str)
_METADATA_NAMES: Final = tuple(item.name for item in fields(DocumentMetadata))

_LASTING_REASONS: Final = frozenset({BEFORE_LAST_SYNC, OCR_OFF, UNSUPPORTED_FORMAT})
"""Reasons that hold as long as neither the document nor the way it is read changes."""

HOLD_AT_LEAST: Final = 25
"""Fewer documents than this may always vanish at once."""

HOLD_ABOVE_SHARE: Final = 0.2
"""A larger share of the space's documents vanishing at once is not believed the first time."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a document's chunks and vectors depend on beside its text; a change rebuilds them."""

    conversion: str
    chunking: str
    model: str

    def __str__(self) -> str:
        return f"{self.conversion}/{self.chunking}/{self.model}"


OCR_UNNEEDED: Final = "unneeded"
OCR_MISSING: Final = "missing"
"""What OCR would find more in: it was off, or could not read it."""


@dataclass(frozen=True, slots=True)
class FileRecipes:
    """How attachments are read. A recipe also tells what OCR did, and only then for which languages."""

    extractor: str
    pages: Recipe
    use_ocr: bool = False
    languages: tuple[str, ...] = ()

    @property
    def ocr_done(self) -> str:
        """The mark of files in which OCR read something."""
        return f"done:{'+'.join(sorted(self.languages))}"

    def name(self, ocr: str) -> str:
        """Return the recipe of a file with this mark."""
        return str(Recipe(f"{self.extractor};ocr={ocr}", self.pages.chunking, self.pages.model))

    def holds(self, recipe: str) -> bool:
        """Whether a file that was read by this recipe need not be read again.

        Switching OCR on reads what was left; switching it off keeps what was read.
        """
        if self.use_ocr:
            return recipe in {self.name(OCR_UNNEEDED), self.name(self.ocr_done)}
        before, _, after = self.name("|").partition("|")
        return recipe.startswith(before) and recipe.endswith(after)


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """How a sync decides. ``first_sync_since`` limits a space's first incremental sync only.

    ``extractor`` names how attachments are read. Without ``comments_known`` a page's comments are
    taken to be as they were.
    """

    recipe: Recipe
    extractor: str
    incremental: bool
    use_ocr: bool = False
    first_sync_since: datetime | None = None
    comments_known: bool = True
    ocr_languages: tuple[str, ...] = ()
    deleted: frozenset[ContentId] = frozenset()
    """Deleted on request, to stay away; what hangs on a deleted page stays away with it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What this sync saw of a document before reading it."""

    metadata: DocumentMetadata
    comments_digest: str = ""
    media_type: str | None = None
    """Of an attachment, as Confluence names it."""
    left_out: str | None = None
    """The rule of the tenant that leaves it out, whatever is known of it."""


def digest_metadata(metadata: DocumentMetadata) -> str:
    """Return a digest of everything a document's records carry beside text and vector."""
    # Not by ``asdict``, which copies every value and takes longer than all the rest.
    values = {name: getattr(metadata, name) for name in _METADATA_NAMES}
    values["labels"] = sorted(metadata.labels)
    return hashlib.sha256(_METADATA_ENCODER.encode(values).encode()).hexdigest()[:32]


def digest_comments(comments: Sequence[Comment]) -> str:
    """Return a digest of a page's open comments by id and version; empty without any."""
    marks = sorted(f"{comment.comment_id}:{comment.version}" for comment in comments)
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32] if marks else ""


def decide_document(seen: Seen, known: KnownDocument | None, policy: SyncPolicy) -> Decision:
    """Decide what the listing's word on one document calls for.

    Versions are compared, never dates; a title is embedded, so a renamed page is read again; all
    other metadata changes without an embedding.
    """
    content_id = seen.metadata.content_id
    reason = _reason_to_skip(seen, known, policy)
    if reason:
        return Decision(content_id, Action.SKIP, reason)
    if known is None or not policy.incremental or _must_read(seen, known, policy):
        return Decision(content_id, Action.FETCH)
    is_same = digest_metadata(seen.metadata) == known.metadata_digest
    return Decision(content_id, Action.KEEP if is_same else Action.METADATA)


def foresee_outcome(seen: Seen, known: KnownDocument | None, policy: SyncPolicy) -> Outcome:
    """Say how a document will probably end: one that is read again without need stays as it was.

    So does one that is only embedded by another model.
    """
    action = decide_document(seen, known, policy).action
    if action is Action.FETCH and known and known.skip_reason != BEFORE_LAST_SYNC:
        embedded = _embed_again(known, policy.recipe.model)
        action = decide_document(seen, embedded, replace(policy, incremental=True)).action
    if action is Action.SKIP:
        return Outcome.SKIPPED
    if known is None or not is_searchable(known):
        return Outcome.ADDED
    outcomes = {Action.KEEP: Outcome.UNCHANGED, Action.METADATA: Outcome.METADATA_ONLY}
    return outcomes.get(action, Outcome.UPDATED)


def _embed_again(known: KnownDocument, model: str) -> KnownDocument:
    """Return the document as if this model had embedded it."""
    made, _, _ = known.provenance.recipe.rpartition("/")
    return replace(known, provenance=replace(known.provenance, recipe=f"{made}/{model}"))


def _reason_to_skip(seen: Seen, known: KnownDocument | None, policy: SyncPolicy) -> str | None:
    if seen.left_out:
        return seen.left_out
    if not policy.deleted.isdisjoint((seen.metadata.content_id, seen.metadata.page_id)):
        return DELETED
    if known is None:
        return _reason_to_skip_new(seen, policy)
    is_kept = is_searchable(known) and known.version == seen.metadata.version
    if is_image(seen.media_type) and not policy.use_ocr and not is_kept:
        return OCR_OFF
    is_settled = policy.incremental and known.skip_reason in _LASTING_REASONS
    if is_settled and _is_unchanged(seen, known, policy):
        return known.skip_reason
    return None


def is_settled_skip(known: KnownDocument, version: int, reason: str | None) -> bool:
    """Whether a document was left out before, in this version and for the same reason."""
    return known.skip_reason == reason and known.version == version


def _reason_to_skip_new(seen: Seen, policy: SyncPolicy) -> str | None:
    since = policy.first_sync_since
    if policy.incremental and since is not None and seen.metadata.last_modified < since:
        return BEFORE_LAST_SYNC
    return OCR_OFF if is_image(seen.media_type) and not policy.use_ocr else None


def _must_read(seen: Seen, known: KnownDocument, policy: SyncPolicy) -> bool:
    return (
        not is_searchable(known)
        or known.attempts > 0
        or not _is_unchanged(seen, known, policy)
        or (policy.comments_known and known.provenance.comments_digest != seen.comments_digest)
    )


def _is_unchanged(seen: Seen, known: KnownDocument, policy: SyncPolicy) -> bool:
    """Whether reading the document again would give the same text, comments aside."""
    return (
        known.version == seen.metadata.version
        and known.title == seen.metadata.title
        and (
            _is_current(known.provenance.recipe, seen, policy)
            or known.skip_reason == BEFORE_LAST_SYNC
        )
    )


def _is_current(recipe: str, seen: Seen, policy: SyncPolicy) -> bool:
    if seen.metadata.kind is not DocumentKind.ATTACHMENT:
        return recipe == str(policy.recipe)
    languages = policy.ocr_languages
    return FileRecipes(policy.extractor, policy.recipe, policy.use_ocr, languages).holds(recipe)


def is_same_file(
    known: KnownDocument, metadata: DocumentMetadata, body_digest: str, recipes: FileRecipes
) -> bool:
    """Whether extracting these bytes again would give what is known already.

    The name is embedded and may decide the format, so it counts like the bytes.
    """
    return (
        known.provenance.body_digest == body_digest
        and recipes.holds(known.provenance.recipe)
        and known.title == metadata.title
        and not known.attempts
    )


def is_image(media_type: str | None) -> bool:
    """Whether only OCR can read it: SVG is text, and a wrong media type shows when it is read."""
    return (
        bool(media_type) and str(media_type).startswith("image/") and "svg" not in str(media_type)
    )


def plan_chunks(
    new: Sequence[str], known: Sequence[str], vectors_at_hand: frozenset[str]
) -> ChunkPlan:
    """Compare a document's chunk digests with what is stored, in order and with repeats.

    ``vectors_at_hand`` are the digests whose vectors may be reused: stored, and made by the same model.
    """
    embed = tuple(dict.fromkeys(digest for digest in new if digest not in vectors_at_hand))
    embedded = sum(digest not in vectors_at_hand for digest in new)
    gone = Counter(known) - Counter(new)
    counts = ChunkCounts(embedded=embedded, reused=len(new) - embedded, deleted=gone.total())
    return ChunkPlan(embed, counts)


def judge_outcome(
    known: KnownDocument | None, *, chunk_hashes: Sequence[str], metadata_digest: str
) -> Outcome:
    """Say what a document that was read again turned out to be."""
    if known is None or not is_searchable(known):
        return Outcome.ADDED
    if tuple(chunk_hashes) != known.chunk_hashes:
        return Outcome.UPDATED
    return Outcome.UNCHANGED if metadata_digest == known.metadata_digest else Outcome.METADATA_ONLY


def is_searchable(known: KnownDocument) -> bool:
    """Whether the store holds the document; one whose update failed stays as it was."""
    return known.state in {DocumentState.INDEXED, DocumentState.HELD}


def plan_deletions(vanished: Sequence[KnownDocument], *, searchable_in_space: int) -> DeletionPlan:
    """Decide about documents that a complete listing missed and a look-up did not find.

    Many at once are held until a second complete listing misses them again: a space permission
    taken from the service account looks exactly like the deletion of every page.
    """
    known_gone = [item.document_id for item in vanished if item.state is DocumentState.HELD]
    fresh = [item.document_id for item in vanished if item.state is not DocumentState.HELD]
    if _is_too_many(len(fresh), searchable_in_space):
        return DeletionPlan(delete=tuple(known_gone), hold=tuple(fresh))
    return DeletionPlan(delete=(*known_gone, *fresh), hold=())


def _is_too_many(count: int, total: int) -> bool:
    return count >= HOLD_AT_LEAST and count > HOLD_ABOVE_SHARE * total


def reusable_documents(
    known: Mapping[DocumentId, KnownDocument], recipe: Recipe
) -> tuple[DocumentId, ...]:
    """Return the documents whose stored vectors were made by the present model."""
    return tuple(
        document_id
        for document_id, item in known.items()
        if is_searchable(item) and item.provenance.recipe.endswith(f"/{recipe.model}")
    )
