"""How a document ended, and the one place where that is recorded and counted."""

from collections.abc import Iterable, Sequence

from headwater.domain.content import DocumentMetadata
from headwater.domain.errors import DocumentError
from headwater.domain.jobs import DocumentCounts, JobChange, Progress
from headwater.domain.sync import DocumentResult, Outcome
from headwater.pipeline.planning import digest_metadata
from headwater.services.sync.run import SyncRun


def make_result(run: SyncRun, metadata: DocumentMetadata, outcome: Outcome) -> DocumentResult:
    """Return a result without chunks, made by the present recipe."""
    return DocumentResult(
        metadata=metadata,
        outcome=outcome,
        recipe=str(run.recipe),
        metadata_digest=digest_metadata(metadata),
    )


def make_failure(run: SyncRun, metadata: DocumentMetadata, error: DocumentError) -> DocumentResult:
    """Return the result of a document that met an error."""
    return DocumentResult(
        metadata=metadata,
        outcome=Outcome.FAILED,
        recipe=str(run.recipe),
        metadata_digest=digest_metadata(metadata),
        error_type=error.error_type,
        error_message=str(error),
    )


async def record_results(run: SyncRun, results: Sequence[DocumentResult]) -> None:
    """Remember the documents and count them, in one transaction; nothing happens for none."""
    if results:
        change = JobChange(progress=count_results(results))
        await run.ports.catalog.record(run.ref, results, change)


def count_results(results: Iterable[DocumentResult]) -> Progress:
    """Return what these results add to a job's progress."""
    total = Progress()
    for result in results:
        total += Progress(
            documents=DocumentCounts(done=1, **{result.outcome.value: 1}),
            chunks=result.chunks,
            skipped={result.skip_reason: 1} if result.skip_reason else {},
            losses=result.losses,
        )
    return total
