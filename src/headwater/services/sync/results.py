"""How a document ended, and the one place where that is recorded and counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from headwater.domain.content import DocumentKind, DocumentMetadata
from headwater.domain.errors import DocumentError, HeadwaterError
from headwater.domain.ids import DocumentId
from headwater.domain.jobs import ChunkCounts, DocumentCounts, JobChange, LossyDocument, Progress
from headwater.domain.removal import DELETED
from headwater.domain.sync import DocumentResult, Outcome, Provenance
from headwater.pipeline.planning import digest_metadata
from headwater.services.removal import carry_out_deletions
from headwater.services.sync.run import SyncRun


def make_result(
    metadata: DocumentMetadata, outcome: Outcome, provenance: Provenance
) -> DocumentResult:
    """Return a result without chunks."""
    return DocumentResult(
        metadata=metadata,
        outcome=outcome,
        provenance=provenance,
        metadata_digest=digest_metadata(metadata),
    )


def make_skip(metadata: DocumentMetadata, reason: str, provenance: Provenance) -> DocumentResult:
    """Return the result of a document that is left out for a reason."""
    result = make_result(metadata, Outcome.SKIPPED, provenance)
    return replace(result, skip_reason=reason)


def make_failure(metadata: DocumentMetadata, error: DocumentError) -> DocumentResult:
    """Return the result of a document that met an error."""
    return replace(
        make_result(metadata, Outcome.FAILED, Provenance(recipe="")),
        error_type=error.error_type,
        error_message=str(error),
    )


async def record_results(run: SyncRun, results: Sequence[DocumentResult]) -> None:
    """Remember the documents and count them, in one transaction; nothing happens for none.

    A failure that may pass is passed over until the last try: its document stays to be settled. What
    was deleted on request since this job decided about it is left out instead.
    """
    pending = [item for item in results if run.is_last_try or not _may_pass(item)]
    while pending:
        change = JobChange(progress=count_results(pending))
        refused = await run.ports.catalog.record(run.ref, pending, change, hand=run.hand.name)
        if not refused:
            return
        pending = [_leave_out(item, refused) for item in pending]
        with suppress(
            HeadwaterError
        ):  # any tenant's; the deletions are stored: the job engine tries again
            await carry_out_deletions(run.ports)


def _may_pass(result: DocumentResult) -> bool:
    return result.error_type is not None and result.error_type.may_pass


def _leave_out(result: DocumentResult, refused: Sequence[DocumentId]) -> DocumentResult:
    if result.metadata.document_id not in refused:
        return result
    return make_skip(result.metadata, DELETED, result.provenance)


def count_results(results: Iterable[DocumentResult]) -> Progress:
    """Return what these results add to a job's progress."""
    every = tuple(results)
    files = [item for item in every if item.metadata.kind is DocumentKind.ATTACHMENT]
    pages = [item for item in every if item.metadata.kind is not DocumentKind.ATTACHMENT]
    counted = Progress(
        documents=_count_outcomes(pages),
        attachments=_count_outcomes(files),
        chunks=sum((item.chunks for item in every), ChunkCounts()),
        ocr_pages=sum(item.ocr_pages for item in every),
        skipped=dict(Counter(item.skip_reason for item in every if item.skip_reason)),
    )
    return sum((_count_losses(item) for item in every if item.losses), counted)


def _count_outcomes(results: Sequence[DocumentResult]) -> DocumentCounts:
    outcomes = Counter(item.outcome for item in results)
    counts = {outcome.value: number for outcome, number in outcomes.items()}
    return DocumentCounts(done=len(results), **counts)


def _count_losses(result: DocumentResult) -> Progress:
    losses = result.losses or {}
    return Progress(
        losses=losses,
        lossiest=(LossyDocument(result.metadata.title, sum(losses.values())),),
    )
