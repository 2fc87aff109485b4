"""What is told about a job follows from the job and the time alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.console.job_story import STAGES, Pace, announce, tell_job
from headwater.domain.jobs import DocumentCounts, JobStatus, Progress, Stage
from tests.contract.api.fakes import NOW, make_job


def tell(*, seconds=60, attachments=None, **changes):
    counts = {
        name: changes.pop(name)
        for name in ("listed", "done", "added", "unchanged", "failed", "held")
        if name in changes
    }
    progress = Progress(DocumentCounts(**counts), attachments or DocumentCounts())
    job = make_job(
        **{"stage": Stage.PROCESSING, "started_at": NOW, "progress": progress, **changes}
    )
    return tell_job(job, NOW + timedelta(seconds=seconds))


def test_the_pace_counts_what_was_worked_on_and_not_what_was_only_compared():
    story = tell(listed=1000, done=920, added=20, unchanged=900)
    assert story.pace == Pace(per_minute=20, seconds_left=240)


def test_attachments_count_like_pages():
    files = DocumentCounts(listed=10, done=10, added=10)
    story = tell(listed=30, done=20, added=20, attachments=files)
    assert (story.done, story.listed, story.percent) == (30, 40, 75)
    assert story.pace == Pace(per_minute=30, seconds_left=20)


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": None, "done": 5, "added": 5},
        {"seconds": 0.5, "done": 5, "added": 5},
        {"done": 5, "unchanged": 5},
        {"status": JobStatus.SUCCEEDED, "done": 5, "added": 5},
    ],
    ids=["waiting", "too early", "nothing to do", "over"],
)
def test_no_pace_is_told_that_would_be_a_guess(changes):
    assert tell(listed=10, **changes).pace is None


def test_a_job_that_waits_is_shown_where_it_was():
    until = NOW + timedelta(seconds=90)
    story = tell(stage=Stage.THROTTLED, throttled_until=until, listed=10, done=1)
    assert story.sentence == "Confluence asked us to wait."
    assert story.waits_seconds == 30
    current = [step.title for step in story.steps if step.state == "current"]
    assert current == [STAGES[Stage.PROCESSING]]


def test_an_old_wait_is_not_told_once_it_is_over():
    assert tell(throttled_until=NOW + timedelta(hours=1)).waits_seconds is None


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_place_among_those_behind_and_ahead(stage):
    states = [step.state for step in tell(stage=stage).steps]
    assert states == sorted(states, key=["done", "current", "ahead"].index)
    assert states.count("current") == 1


@pytest.mark.parametrize("status", JobStatus)
def test_only_what_is_possible_is_offered(status):
    story = tell(status=status, failed=1, held=1)
    assert story.may_cancel is not status.is_final
    assert story.may_retry is story.may_approve is status.is_final
    story = tell(status=status)
    assert not story.may_retry
    assert not story.may_approve


def test_a_job_that_was_asked_to_stop_is_not_asked_again():
    assert not tell(cancel_requested=True).may_cancel


def test_a_listener_hears_what_matters_and_not_every_batch():
    heard = [announce(None, tell(listed=400, done=0))]
    before = tell(listed=400, done=0)
    for done in range(10, 401, 10):
        after = tell(listed=400, done=done, failed=int(done >= 200))
        heard.append(announce(before, after))
        before = after
    heard.append(announce(before, tell(status=JobStatus.PARTIAL, listed=400, done=400)))
    assert list(filter(None, heard)) == [
        "Reading, cutting and embedding.",
        "100 of 400 documents are settled.",
        "A document failed; the job goes on with the others.",
        "300 of 400 documents are settled.",
        "400 of 400 documents are settled.",
        "The space is in, and something is left to do.",
    ]


@given(
    listed=st.integers(0, 10**6),
    share=st.floats(0, 1),
    seconds=st.floats(0, 10**6),
    stage=st.sampled_from(Stage),
    status=st.sampled_from(JobStatus),
)
def test_any_job_can_be_told(listed, share, seconds, stage, status):
    done = int(listed * share)
    story = tell(listed=listed, done=done, added=done, seconds=seconds, stage=stage, status=status)
    assert 0 <= story.percent <= 100
    assert story.sentence
    assert announce(None, story) == story.sentence
    assert announce(story, story) is None
    if story.pace:
        assert story.pace.seconds_left >= 0
    assert replace(story, pace=None).steps == story.steps
