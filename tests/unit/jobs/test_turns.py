"""Whose turn it is."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.ids import JobId, SpaceKey, TenantId
from headwater.domain.jobs import JobRef, JobStatus
from headwater.jobs.turns import WORTH_A_HAND, Helpable, choose_helped, choose_jobs
from headwater.ports import OpenJob

BUSY, NEW = (TenantId(f"00000000-0000-4000-8000-00000000000{number}") for number in (1, 2))


def make_open(tenant, number, space=None):
    key = SpaceKey(space or f"S{number}")
    return OpenJob(JobRef(tenant, JobId(f"j{number}")), key, JobStatus.QUEUED)


JOBS = st.lists(st.tuples(st.sampled_from([BUSY, NEW]), st.sampled_from("ABC")), max_size=12).map(
    lambda rows: [make_open(row[0], place, row[1]) for place, row in enumerate(rows)]
)


def engage(jobs, count):
    """Return the first jobs of the first lanes."""
    return {job.ref for job in choose_jobs(jobs, set(), room=count)}


def test_a_tenants_first_job_comes_before_what_another_has_queued_for_long():
    queued = [make_open(BUSY, number) for number in range(100)]
    first = make_open(NEW, 100)
    engaged = {job.ref for job in queued[:4]}
    assert choose_jobs([*queued, first], engaged, room=1) == [first]


def test_free_places_are_shared_out_between_tenants():
    many = [make_open(BUSY, number) for number in range(100)]
    few = [make_open(NEW, number) for number in range(100, 110)]
    chosen = choose_jobs([*many, *few], set(), room=8)
    assert Counter(job.ref.tenant for job in chosen) == {BUSY: 4, NEW: 4}
    assert [job for job in chosen if job.ref.tenant == BUSY] == many[:4], "oldest first"


def test_one_tenant_alone_gets_every_place():
    jobs = [make_open(BUSY, number) for number in range(5)]
    assert choose_jobs(jobs, set(), room=4) == jobs[:4]


def test_a_space_does_one_job_at_a_time_and_its_oldest_first():
    older, newer = make_open(BUSY, 1, "A"), make_open(BUSY, 2, "A")
    assert choose_jobs([older, newer], set(), room=4) == [older]
    assert choose_jobs([older, newer], {older.ref}, room=4) == []
    assert choose_jobs([older, newer], {newer.ref}, room=4) == [], "whichever is at work"


@given(jobs=JOBS, engaged=st.integers(0, 6), room=st.integers(0, 6))
def test_places_are_neither_overfilled_nor_left_empty(jobs, engaged, room):
    at_work = engage(jobs, engaged)
    chosen = choose_jobs(jobs, at_work, room=room)
    lanes = [job.lane for job in jobs if job.ref in at_work] + [job.lane for job in chosen]
    assert len(lanes) == len(set(lanes))
    idle = {job.lane for job in jobs} - set(lanes)
    assert len(chosen) == room or not idle


def help_wanted(number, *, free=WORTH_A_HAND, hands=1, tenant=BUSY):
    return Helpable(make_open(tenant, number), free, hands)


def test_a_hand_goes_to_the_tenant_that_has_fewest_then_to_the_job_that_has():
    large, crowded = help_wanted(1, hands=3), help_wanted(2, hands=1)
    other = help_wanted(3, tenant=NEW, hands=2)
    assert choose_helped([large, crowded, other], room=1) == [other.job]
    assert choose_helped([large, crowded, other], room=3) == [other.job, crowded.job, large.job]


def test_no_hand_is_lent_for_the_last_few_documents():
    assert choose_helped([help_wanted(1, free=WORTH_A_HAND - 1)], room=4) == []
