"""What every catalog keeps to: who may read what."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from headwater.domain.access import (
    CLOSED,
    OPEN,
    Scope,
    ScopeRule,
    account,
    frozen_scope,
    group,
    make_reader,
    readable_scopes,
    restricted_scope,
)
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, JobId, SpaceKey
from headwater.domain.jobs import JobChange
from headwater.domain.sync import Outcome
from tests.contract.catalog_samples import (
    ENGINES,
    OPEN_SCOPE,
    SITE,
    SPACE,
    add_running_job,
    document_id,
    make_listed,
    make_metadata,
    make_ref,
    make_request,
    make_result,
    open_engine,
)

OUTER, INNER, ALONE = (restricted_scope(SITE, ContentId(number)) for number in ("1", "2", "3"))
RULES = [
    ScopeRule(OPEN_SCOPE, (OPEN, frozenset({group("staff")}))),
    ScopeRule(OUTER, (frozenset({group("hr"), account("u1")}),), OPEN_SCOPE),
    ScopeRule(INNER, (CLOSED,), OUTER),
    ScopeRule(ALONE, (frozenset({account("u2")}),), OPEN_SCOPE),
]


@pytest.fixture(params=ENGINES)
async def stores(request, tmp_path):
    async with open_engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ref(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, RULES)
    return ref


async def prune(stores, ref, *keep: Scope, space=SPACE):
    """Write these rules alone anew, as a sync of the space does; return what rules are left."""
    if space != SPACE:
        ref = replace(ref, job_id=JobId(f"job-of-{space}"))
        await add_running_job(stores, ref, request=make_request(space=space))
    rules = await stores.catalog.scope_rules(ref.tenant)
    kept = [rules[scope] for scope in keep]
    await stores.catalog.write_access(ref, SITE, kept, prune=True)
    return set(await stores.catalog.scope_rules(ref.tenant))


async def test_rules_are_read_as_they_were_written(stores, ref):
    assert await stores.catalog.scope_rules(ref.tenant) == {rule.scope: rule for rule in RULES}


async def test_a_clause_that_admits_nobody_stays_closed(stores, ref):
    rules = await stores.catalog.scope_rules(ref.tenant)
    assert rules[INNER].clauses == (CLOSED,)
    reader = make_reader(groups=["staff", "hr"], account_id="u1")
    assert readable_scopes(rules, reader) == {OPEN_SCOPE, OUTER}


async def test_putting_rules_replaces_those_and_leaves_the_others(stores, ref):
    wider = ScopeRule(OUTER, (OPEN,), OPEN_SCOPE)
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, [wider])
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, [])
    rules = await stores.catalog.scope_rules(ref.tenant)
    assert rules == {rule.scope: rule for rule in RULES} | {OUTER: wider}


async def test_pruning_removes_what_is_not_kept(stores, ref):
    assert await prune(stores, ref, OPEN_SCOPE, ALONE) == {OPEN_SCOPE, ALONE}


async def test_pruning_leaves_what_a_document_names_with_its_whole_chain(stores, ref):
    named = make_metadata(2, access_scope=INNER)
    await stores.catalog.record(ref, [make_result(2, metadata=named)], JobChange())
    assert await prune(stores, ref) == {OPEN_SCOPE, OUTER, INNER}


async def test_pruning_leaves_the_chain_above_what_is_kept(stores, ref):
    assert await prune(stores, ref, INNER) == {OPEN_SCOPE, OUTER, INNER}


async def test_pruning_survives_a_loop_of_parents(stores, ref):
    loop = [ScopeRule(OUTER, (OPEN,), INNER), ScopeRule(INNER, (OPEN,), OUTER)]
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, loop)
    assert await prune(stores, ref, INNER) == {OUTER, INNER}


async def test_pruning_one_space_leaves_the_others(stores, ref):
    assert len(await prune(stores, ref, space=SpaceKey("HR"))) == len(RULES)


async def test_a_rule_moves_with_its_page_to_another_space(stores, ref):
    await stores.catalog.put_scope_rules(ref.tenant, SpaceKey("HR"), SITE, [RULES[3]])
    assert ALONE in await prune(stores, ref)
    assert ALONE not in await prune(stores, ref, space=SpaceKey("HR"))


async def write(stores, ref, rules, scopes, **choices):
    """List these documents and write access as a sync does; return every document's present scope."""
    scopes = {ContentId(key): scope for key, scope in scopes.items()}
    await stores.work.add(ref, [make_listed(int(key)) for key in scopes])
    await stores.work.assign_scopes(ref, scopes)
    await stores.catalog.write_access(ref, SITE, rules, **{"prune": True, **choices})
    ids = [document_id(number) for number in range(1, 5)]
    found = await stores.catalog.current_scopes(ref.tenant, ids)
    return [found.get(name) for name in ids]


async def test_writing_access_moves_what_was_listed_and_removes_what_nothing_needs(stores, ref):
    await stores.catalog.record(ref, [make_result(1)], JobChange())
    assert await write(stores, ref, [RULES[0], RULES[3]], {"1": ALONE}) == [ALONE, None, None, None]
    assert set(await stores.catalog.scope_rules(ref.tenant)) == {OPEN_SCOPE, ALONE}
    await write(stores, ref, [RULES[0]], {"1": OPEN_SCOPE}, prune=False)
    assert set(await stores.catalog.scope_rules(ref.tenant)) == {OPEN_SCOPE, ALONE}


async def test_what_was_not_listed_keeps_to_the_clauses_that_a_rule_gives_up(stores, ref):
    results = [make_result(n, metadata=make_metadata(n, access_scope=OUTER)) for n in (1, 2)]
    await stores.catalog.record(ref, results, JobChange())
    wider = ScopeRule(OUTER, (frozenset({group("all-hands")}),), OPEN_SCOPE)
    _, unlisted, *_ = await write(stores, ref, [RULES[0], wider], {"1": OUTER})
    assert unlisted == frozen_scope(OUTER)
    assert not await is_readable(stores, ref, unlisted, "staff", "hr")
    assert not await is_readable(stores, ref, unlisted, "staff", "all-hands")
    assert await is_readable(stores, ref, unlisted, "staff", "hr", "all-hands")
    assert (await write(stores, ref, [RULES[0], wider], {"2": OUTER}))[1] == OUTER
    assert unlisted not in await stores.catalog.scope_rules(ref.tenant)


async def is_readable(stores, ref, scope, *groups):
    rules = await stores.catalog.scope_rules(ref.tenant)
    return scope in readable_scopes(rules, make_reader(groups=groups))


async def test_what_was_frozen_follows_what_is_tightened_above_it_later(stores, ref):
    named = make_metadata(2, access_scope=OUTER)
    await stores.catalog.record(ref, [make_result(2, metadata=named)], JobChange())
    wider = [ScopeRule(OPEN_SCOPE, (OPEN,)), RULES[1]]
    (_, unlisted, *_) = await write(stores, ref, wider, {})
    assert await is_readable(stores, ref, unlisted, "staff", "hr")
    tight = [ScopeRule(OPEN_SCOPE, (OPEN, frozenset({group("board")}))), RULES[1]]
    assert (await write(stores, ref, tight, {}))[1] == unlisted
    assert not await is_readable(stores, ref, unlisted, "staff", "hr")
    assert await is_readable(stores, ref, unlisted, "staff", "hr", "board")


async def test_what_was_frozen_is_frozen_again_without_another_name(stores, ref):
    named = make_metadata(2, access_scope=OUTER)
    await stores.catalog.record(ref, [make_result(2, metadata=named)], JobChange())
    for name in ("board", "press", "audit"):
        rules = [ScopeRule(OPEN_SCOPE, (frozenset({group(name)}),)), RULES[1]]
        (_, unlisted, *_) = await write(stores, ref, rules, {})
        assert unlisted == frozen_scope(OUTER)
    assert set(await stores.catalog.scope_rules(ref.tenant)) == {OPEN_SCOPE, OUTER, unlisted}
    assert await is_readable(stores, ref, unlisted, "staff", "board", "press", "audit", "hr")
    assert not await is_readable(stores, ref, unlisted, "staff", "press", "audit", "hr")


async def test_the_rule_that_stored_records_name_stays_while_their_document_fails(stores, ref):
    named = make_metadata(2, access_scope=OUTER)
    await stores.catalog.record(ref, [make_result(2, metadata=named)], JobChange())
    await write(stores, ref, [RULES[0]], {"2": OPEN_SCOPE})
    assert OUTER in await stores.catalog.scope_rules(ref.tenant), "no search could find them"
    opened = make_metadata(2, access_scope=OPEN_SCOPE)
    failed = make_result(2, Outcome.FAILED, metadata=opened)
    await stores.catalog.record(ref, [failed], JobChange())
    await write(stores, ref, [RULES[0]], {"2": OPEN_SCOPE})
    assert OUTER in await stores.catalog.scope_rules(ref.tenant)
    await stores.catalog.record(ref, [make_result(2, metadata=opened)], JobChange())
    await write(stores, ref, [RULES[0]], {"2": OPEN_SCOPE})
    assert OUTER not in await stores.catalog.scope_rules(ref.tenant)


async def test_freezing_takes_as_many_statements_for_one_scope_as_for_hundreds(stores, ref):
    scopes = [restricted_scope(SITE, ContentId(str(number))) for number in range(300)]
    rules = [ScopeRule(scope, (frozenset({group("hr")}),), OPEN_SCOPE) for scope in scopes]
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, [RULES[0], *rules])
    results = [
        make_result(number, metadata=make_metadata(number, access_scope=scope))
        for number, scope in enumerate(scopes)
    ]

    async def count_updates(scope):
        updates = []

        def note(_connection, _cursor, statement, *_):
            updates.extend([statement] * statement.startswith("UPDATE documents"))

        event.listen(stores.engine.sync_engine, "before_cursor_execute", note)
        await write(stores, ref, [ScopeRule(OPEN_SCOPE, (scope,))], {})
        event.remove(stores.engine.sync_engine, "before_cursor_execute", note)
        return len(updates)

    await stores.catalog.record(ref, results[:1], JobChange())
    one = await count_updates(frozenset({group("board")}))
    await stores.catalog.record(ref, results, JobChange())
    assert await count_updates(frozenset({group("press")})) == one


async def test_what_was_not_listed_follows_a_rule_that_admits_fewer(stores, ref):
    named = make_metadata(2, access_scope=OUTER)
    await stores.catalog.record(ref, [make_result(2, metadata=named)], JobChange())
    narrower = ScopeRule(OUTER, (frozenset({group("hr")}),), OPEN_SCOPE)
    assert (await write(stores, ref, [RULES[0], narrower], {}))[1] == OUTER


async def test_an_attachment_that_was_not_listed_takes_the_scope_of_its_page(stores, ref):
    file = make_metadata(2, kind=DocumentKind.ATTACHMENT, page_id=ContentId("1"))
    await stores.catalog.record(
        ref, [make_result(1), make_result(2, metadata=file), make_result(3)], JobChange()
    )
    found = await write(stores, ref, [RULES[0], RULES[3]], {"1": ALONE})
    assert found == [ALONE, ALONE, OPEN_SCOPE, None]


async def test_more_rules_than_a_statement_has_variables_are_pruned(stores, ref):
    many = [
        ScopeRule(restricted_scope(SITE, ContentId(str(n))), (CLOSED,)) for n in range(2_000, 4_000)
    ]
    await stores.catalog.put_scope_rules(ref.tenant, SPACE, SITE, many)
    assert await prune(stores, ref, OPEN_SCOPE) == {OPEN_SCOPE}


@pytest.fixture
async def stranger(stores):
    ref = make_ref()
    await add_running_job(stores, ref)
    return ref


async def test_pruning_one_tenant_leaves_the_others(stores, ref, stranger):
    await stores.catalog.put_scope_rules(stranger.tenant, SPACE, SITE, RULES)
    assert await prune(stores, ref) == set()
    assert len(await stores.catalog.scope_rules(stranger.tenant)) == len(RULES)


async def test_another_tenants_documents_and_chains_hold_no_rule(stores, ref, stranger):
    other_chain = [ScopeRule(INNER, (OPEN,), ALONE), ScopeRule(ALONE, (OPEN,), INNER)]
    await stores.catalog.put_scope_rules(stranger.tenant, SPACE, SITE, other_chain)
    named = make_metadata(3, access_scope=ALONE)
    await stores.catalog.record(stranger, [make_result(3, metadata=named)], JobChange())
    assert await prune(stores, ref, INNER) == {OPEN_SCOPE, OUTER, INNER}
