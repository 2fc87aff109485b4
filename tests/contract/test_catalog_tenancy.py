"""Nothing one tenant does changes what another one reads, whatever the order of their calls."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.domain.access import CLOSED, Scope, ScopeRule, group
from headwater.domain.content import Annotation, Restriction
from headwater.domain.errors import RequestError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobChange, JobStatus, Progress
from headwater.domain.removal import Cleared
from headwater.domain.sync import Action, Decision, Outcome, Provenance
from tests.contract.catalog_samples import (
    ENGINES,
    NOW,
    OPEN_SCOPE,
    SITE,
    SPACE,
    document_id,
    make_job,
    make_listed,
    make_metadata,
    make_ref,
    make_result,
    make_space,
    open_engine,
)

CONTENT = [ContentId(str(number)) for number in range(3)]
DOCUMENTS = [document_id(content_id) for content_id in CONTENT]


async def add_job(stores, ref, marker, _number):
    job = make_job(ref, message=marker)
    await stores.jobs.add(job, marker.encode())


async def change_job(stores, ref, marker, number):
    statuses = [JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.SUCCEEDED]
    change = JobChange(status=statuses[number], message=marker, progress=Progress(requests=number))
    await stores.jobs.change(ref, change)


async def cancel_job(stores, ref, _marker, _number):
    await stores.jobs.request_cancel(ref)


async def remove_credential(stores, ref, _marker, _number):
    await stores.credentials.remove(ref.tenant, make_job(ref).credential_id)


async def list_document(stores, ref, marker, number):
    await stores.work.add(ref, [make_listed(number, title=marker)])


async def annotate(stores, ref, marker, number):
    restriction = Restriction(groups=frozenset({marker}))
    await stores.work.annotate(ref, [Annotation(CONTENT[number], frozenset({marker}), restriction)])


async def assign_scope(stores, ref, marker, number):
    await stores.work.assign_scopes(ref, {CONTENT[number]: marker})


async def decide(stores, ref, marker, number):
    await stores.work.decide(ref, [Decision(CONTENT[number], Action.FETCH, marker)])


async def clear(stores, ref, _marker, _number):
    await stores.work.clear(ref)


async def record(stores, ref, marker, number):
    metadata = make_metadata(number, title=marker, access_scope=f"{OPEN_SCOPE}{number}")
    for outcome in (Outcome.ADDED, Outcome.FAILED):
        result = make_result(number, outcome, metadata=metadata, provenance=Provenance(marker))
        await stores.catalog.record(ref, [result], JobChange())


async def forget(stores, ref, marker, number):
    def tally(_gone):
        return JobChange(message=marker)

    await stores.catalog.forget(ref, SPACE, [DOCUMENTS[number]], tally)


async def hold(stores, ref, marker, number):
    await stores.catalog.hold(ref, DOCUMENTS[number:], JobChange(message=marker))


async def put_space(stores, ref, marker, _number):
    await stores.catalog.put_space(ref.tenant, make_space(name=marker))


async def put_rules(stores, ref, marker, number):
    rule = ScopeRule(Scope(f"{OPEN_SCOPE}{number}"), (frozenset({group(marker)}),))
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, [rule])


async def prune_rules(stores, ref, _marker, number):
    keep = frozenset({f"{OPEN_SCOPE}{number}"})
    rules = [ScopeRule(Scope(scope), (CLOSED,)) for scope in keep]
    await stores.catalog.write_access(ref, SITE, rules, prune=True)


async def remove_held(stores, ref, marker, _number):
    def tally(_job, removed):
        return JobChange(message=marker, progress=Progress(requests=len(removed)), amends=True)

    await stores.catalog.remove_held(ref, DOCUMENTS, tally)


async def delete_documents(stores, ref, _marker, number):
    places = [Cleared(SITE, SPACE), Cleared(SITE)][number - 1 :] if number else []
    ids = DOCUMENTS[number:]
    await stores.deletions.remove(ref.tenant, ids, places, now=NOW, claimed_until=NOW)


async def settle_deletions(stores, ref, _marker, number):
    await stores.deletions.settle_removed(ref.tenant, DOCUMENTS[number:])


async def lift_tombstones(stores, ref, _marker, _number):
    found = await stores.deletions.tombstones(ref.tenant, SITE)
    await stores.deletions.lift(ref.tenant, SITE, found)


CALLS = [
    delete_documents,
    settle_deletions,
    lift_tombstones,
    add_job,
    change_job,
    cancel_job,
    remove_credential,
    list_document,
    annotate,
    assign_scope,
    decide,
    clear,
    record,
    forget,
    hold,
    remove_held,
    put_space,
    put_rules,
    prune_rules,
]
STEPS = st.lists(
    st.tuples(st.sampled_from(CALLS), st.booleans(), st.integers(0, 2)), min_size=10, max_size=40
)


async def play(stores, ref, marker, call, number):
    try:
        await call(stores, ref, marker, number)
    except RequestError as error:
        return type(error)
    return None


async def read_everything(stores, ref):
    """Return every answer that the ports give this tenant, without its own id in them."""
    tenant, work, catalog = ref.tenant, stores.work, stores.catalog
    page = await stores.jobs.list(tenant, space=None, status=None, cursor=None, limit=9)
    return {
        "jobs": [replace(job, ref=None) for job in page.jobs],
        "open": [
            job.ref.job_id for job in await stores.jobs.list_open() if job.ref.tenant == tenant
        ],
        "failures": await stores.jobs.failures(ref, cursor=None, limit=9),
        "credential": await stores.credentials.read(tenant, make_job(ref).credential_id),
        "work": await work.read(ref, after=None, limit=9),
        "pending": await work.pending(ref, limit=9),
        "unannotated": await work.unannotated(ref, limit=9),
        "parents": await work.parents(ref),
        "restricted": await work.restricted(ref),
        "count": await work.count(ref),
        "space": await catalog.find_space(tenant, SITE, SPACE),
        "known": await catalog.known(tenant, SITE, CONTENT),
        "indexed": await catalog.count_indexed(tenant, SITE, SPACE),
        "missing": await catalog.missing(ref, SITE, SPACE),
        "held": await catalog.held(tenant, SPACE),
        "spaces": await catalog.list_spaces(tenant, SPACE),
        "entries": await catalog.read_entries(tenant, CONTENT),
        "titled": [
            await catalog.read_titled(tenant, SPACE, title) for title in ("left", "right", "Page 0")
        ],
        "rules": await catalog.scope_rules(tenant),
        "tombstones": await stores.deletions.tombstones(tenant, SITE),
        "inventory": await stores.inventory.list_documents(tenant, after=None, limit=9),
        "failed": await stores.inventory.list_failed(tenant, after=None, limit=9),
        "found": [
            await stores.inventory.find_by_id(tenant, CONTENT),
            await stores.inventory.find_in(tenant, Cleared(SITE)),
            await stores.inventory.find_places(tenant, ["https://wiki.acme.example/"]),
        ],
        "scopes": await catalog.current_scopes(tenant, DOCUMENTS),
    }


BEGINNING = [
    (call, is_left, number)
    for is_left, number in ((True, 0), (False, 1), (True, 2))
    for call in (add_job, change_job, list_document, annotate, record, put_space, put_rules)
]


async def play_all(stores, refs, steps):
    """Play the steps of those sides that have a job, and return what the right one was told."""
    told = []
    for call, is_left, number in BEGINNING + steps:
        marker = "left" if is_left else "right"
        if marker in refs:
            error = await play(stores, refs[marker], marker, call, number)
            told += [] if is_left else [error]
    return told


@pytest.mark.parametrize("engine", ENGINES)
@given(steps=STEPS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_tenant_beside_another_reads_what_it_would_read_alone(engine, tmp_path, steps):
    left, right = make_ref(), make_ref()
    folder = tmp_path / str(left.tenant)
    async with (
        open_engine(engine, folder / "shared") as shared,
        open_engine(engine, folder / "alone") as alone,
    ):
        told = await play_all(shared, {"left": left, "right": right}, steps)
        assert told == await play_all(alone, {"right": right}, steps)
        assert await read_everything(shared, right) == await read_everything(alone, right)
