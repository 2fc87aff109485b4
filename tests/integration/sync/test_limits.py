"""What one space or one document may cost is bounded, and what is beyond is said."""

from headwater.domain.errors import FailureType
from headwater.domain.jobs import JobStatus
from headwater.services.sync import listing, preparing
from tests.integration.sync.lab import KEY, Lab, pages, paragraphs


async def test_a_document_of_too_many_chunks_fails_alone(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(preparing, "MAX_CHUNKS", 3)
    pages(lab.world, 2)
    long = paragraphs(*(f"part {number} " + "word " * 40 for number in range(40)))
    lab.world.create_page(KEY, "Endless", long)
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert (job.progress.documents.failed, job.progress.documents.added) == (1, 2)
    (failure,) = (await lab.ports.jobs.failures(job.ref, cursor=None, limit=9)).failures
    assert failure.error_type is FailureType.FILE_TOO_LARGE
    assert "split it" in failure.error_message


async def test_a_listing_that_goes_on_and_on_is_cut_off_said_and_deletes_nothing(
    lab: Lab, monkeypatch
) -> None:
    pages(lab.world, 5)
    assert (await lab.sync()).status is JobStatus.SUCCEEDED
    monkeypatch.setattr(listing, "MAX_LISTED", 3)
    job = await lab.sync()
    assert job.status is JobStatus.PARTIAL
    assert job.progress.documents.deleted == 0
    assert "goes on beyond 3 items" in (job.message or "")
