"""What to do about each document: decisions as data, made without I/O."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from headwater.domain.content import DocumentMetadata
from headwater.domain.ids import DocumentId
from headwater.domain.jobs import ChunkCounts
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


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """How a sync decides. ``first_sync_since`` limits a space's first incremental sync only."""

    recipe: Recipe
    incremental: bool
    first_sync_since: datetime | None = None


def digest_metadata(metadata: DocumentMetadata) -> str:
    """Return a digest of everything a document's records carry beside text and vector."""
    fields = asdict(metadata)
    fields["labels"] = sorted(metadata.labels)
    text = json.dumps(fields, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def decide_document(
    metadata: DocumentMetadata, known: KnownDocument | None, policy: SyncPolicy
) -> Decision:
    """Decide what the listing's word on one document calls for.

    Versions are compared, never dates; a title is embedded, so a renamed page is read again; all
    other metadata changes without an embedding.
    """
    if _is_too_old(metadata, known, policy):
        return Decision(metadata.content_id, Action.SKIP, BEFORE_LAST_SYNC)
    return Decision(metadata.content_id, _choose_action(metadata, known, policy))


def _choose_action(
    metadata: DocumentMetadata, known: KnownDocument | None, policy: SyncPolicy
) -> Action:
    if known is None or not policy.incremental or _must_read(metadata, known, policy):
        return Action.FETCH
    return Action.KEEP if digest_metadata(metadata) == known.metadata_digest else Action.METADATA


def _must_read(metadata: DocumentMetadata, known: KnownDocument, policy: SyncPolicy) -> bool:
    return (
        known.state in {DocumentState.FAILED, DocumentState.SKIPPED}
        or known.attempts > 0
        or known.version != metadata.version
        or known.title != metadata.title
        or known.recipe != str(policy.recipe)
    )


def _is_too_old(
    metadata: DocumentMetadata, known: KnownDocument | None, policy: SyncPolicy
) -> bool:
    if not policy.incremental:
        return False
    if known is None:
        since = policy.first_sync_since
        return since is not None and metadata.last_modified < since
    return known.skip_reason == BEFORE_LAST_SYNC and known.version == metadata.version


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
    """Whether the store holds the document."""
    return bool(known.chunk_hashes) and known.state is not DocumentState.SKIPPED


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
        if is_searchable(item) and item.recipe.endswith(f"/{recipe.model}")
    )
