"""What conversion could not keep is counted on the job, and the documents with most of it are named."""

from headwater.domain.access import make_reader
from headwater.domain.jobs import JobStatus
from headwater.services.job_reports import describe_job
from tests.integration.sync.lab import KEY, paragraphs

LOST = '<ac:structured-macro ac:name="{}"><ac:parameter ac:name="x">1</ac:parameter></ac:structured-macro>'


def write_page(lab, title, losses):
    body = paragraphs("words") + LOST.format("children") * losses + LOST.format("acme") * losses
    return lab.world.create_page(KEY, title, body)


async def test_a_job_sums_its_losses_and_names_the_worst_pages_to_who_sees_everything(lab):
    for number in range(8):
        write_page(lab, f"Page {number}", number)
    job = await lab.sync()
    assert job.status is JobStatus.SUCCEEDED
    assert job.progress.losses == {"children": 28, "acme": 28}
    worst = '"Page 7" (14), "Page 6" (12), "Page 5" (10), "Page 4" (8), "Page 3" (6)'
    assert "constructs not kept whole: 56" in job.message
    assert describe_job(job, None) == f"{job.message}; most was lost in {worst}"
    assert describe_job(job, make_reader()) == job.message


async def test_only_what_a_sync_has_read_counts(lab):
    write_page(lab, "Old", 3)
    await lab.sync()
    lab.world.edit(write_page(lab, "New", 0).id, paragraphs("other words"))
    job = await lab.sync()
    assert job.progress.losses == {}
    assert "not kept" not in job.message
