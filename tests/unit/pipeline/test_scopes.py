from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.access import (
    OPEN,
    Reader,
    Scope,
    ScopeRule,
    account,
    admits,
    chain_clauses,
    frozen_scope,
    group,
    make_reader,
    readable_scopes,
    restriction_clause,
    space_scope,
)
from headwater.domain.content import UNREADABLE, Restriction
from headwater.domain.ids import ContentId, SiteId, SpaceId
from headwater.pipeline.scopes import freeze_rules, plan_scopes

SITE = SiteId("site")
ROOT = space_scope(SITE, SpaceId("1"))


def ids(parents):
    return {
        ContentId(str(key)): None if parent is None else ContentId(str(parent))
        for key, parent in parents.items()
    }


def only(*groups: str) -> Restriction:
    return Restriction(groups=frozenset(groups))


def readable(parents, restrictions, reader: Reader, *, audience=OPEN) -> set[str]:
    plan = plan_scopes(
        SITE, ROOT, ids(parents), {ContentId(str(k)): v for k, v in restrictions.items()}
    )
    rules = {rule.scope: rule for rule in (ScopeRule(ROOT, (audience,)), *plan.rules)}
    scopes = readable_scopes(rules, reader)
    return {str(key) for key, scope in plan.scopes.items() if scope in scopes}


def test_restrictions_of_all_ancestors_add_up() -> None:
    parents = {1: None, 2: 1, 3: 2}
    restrictions = {1: only("staff"), 3: only("board")}
    assert readable(parents, restrictions, make_reader(groups=["staff"])) == {"1", "2"}
    assert readable(parents, restrictions, make_reader(groups=["board"])) == set()
    assert readable(parents, restrictions, make_reader(groups=["staff", "board"])) == {
        "1",
        "2",
        "3",
    }


def test_the_audience_is_one_more_clause() -> None:
    audience = frozenset({group("support")})
    reader = make_reader(groups=["staff"])
    assert readable({1: None, 2: 1}, {2: only("staff")}, reader, audience=audience) == set()


def test_an_unreadable_restriction_closes_its_subtree_only() -> None:
    reader = make_reader(groups=["staff"])
    assert readable({1: None, 2: 1, 3: 2, 4: None}, {2: UNREADABLE}, reader) == {"1", "4"}


def test_an_unknown_parent_closes() -> None:
    assert readable({2: 99, 3: 2, 4: None}, {}, make_reader()) == {"4"}


def test_a_loop_of_parents_closes_and_ends() -> None:
    assert readable({1: 2, 2: 1, 3: 1, 4: None}, {}, make_reader()) == {"4"}


def test_a_restriction_may_name_users_by_account_or_mail() -> None:
    restriction = Restriction(account_ids=frozenset({"a1"}), emails=frozenset({"Eva@Acme.example"}))
    parents = {1: None}
    assert readable(parents, {1: restriction}, make_reader(account_id="a1")) == {"1"}
    assert readable(parents, {1: restriction}, make_reader(email_address="eva@acme.EXAMPLE")) == {
        "1"
    }
    assert readable(parents, {1: restriction}, make_reader(groups=["a1"])) == set()


def test_a_rule_whose_parent_is_missing_admits_nobody() -> None:
    rule = ScopeRule(ROOT, (OPEN,), parent=space_scope(SITE, SpaceId("gone")))
    assert readable_scopes({ROOT: rule}, make_reader()) == frozenset()


GROUPS = ["g1", "g2", "g3"]
restriction_strategy = st.one_of(
    st.builds(
        Restriction,
        groups=st.frozensets(st.sampled_from(GROUPS), max_size=2),
        account_ids=st.frozensets(st.sampled_from(["a1", "a2"]), max_size=1),
    ),
    st.just(UNREADABLE),
)


@given(
    parents=st.lists(st.integers(-2, 11), min_size=1, max_size=12),
    restrictions=st.dictionaries(st.integers(0, 11), restriction_strategy),
    groups=st.frozensets(st.sampled_from(GROUPS)),
    account_id=st.sampled_from([None, "a1", "a2"]),
)
def test_scopes_decide_as_walking_up_the_tree_does(
    parents, restrictions, groups, account_id
) -> None:
    tree = {number: (None if parent == -1 else parent) for number, parent in enumerate(parents)}
    reader = make_reader(groups=groups, account_id=account_id)
    expected = {str(page) for page in tree if walk(page, tree, restrictions, reader)}
    assert readable(tree, restrictions, reader) == expected


def walk(page, tree, restrictions, reader) -> bool:
    seen = set()
    while page is not None:
        if page in seen or page not in tree:
            return False
        seen.add(page)
        restriction = restrictions.get(page, Restriction())
        if not admits([restriction_clause(restriction)], reader):
            return False
        page = tree[page]
    return True


def test_principals_of_different_kinds_never_meet() -> None:
    assert group("x") != account("x")


NAMES = [Scope(name) for name in "abcd"]
CLAUSES = st.frozensets(st.sampled_from(list(map(group, ("x", "y", "z")))), max_size=3)
RULES = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.lists(CLAUSES, max_size=2), st.none() | st.sampled_from(NAMES)),
).map(
    lambda found: {
        scope: ScopeRule(scope, tuple(clauses), parent)
        for scope, (clauses, parent) in found.items()
    }
)


@given(before=RULES, changed=RULES, groups=st.sets(st.sampled_from("xyz")))
def test_whatever_rules_become_what_a_sync_did_not_see_admits_nobody_new(before, changed, groups):
    reader = make_reader(groups=groups)
    frozen = freeze_rules(before, list(changed.values()))
    own = {rule.scope: rule for rule in frozen.values()}
    readers = readable_scopes({**before, **changed, **own}, reader)
    was_readable = readable_scopes(before, reader)
    for scope in before:
        stays_under = frozen[scope].scope if scope in frozen else scope
        if stays_under in readers:
            assert scope in was_readable


@given(before=RULES, changed=RULES, later=RULES, groups=st.sets(st.sampled_from("xyz")))
def test_what_is_tightened_later_acts_on_what_was_frozen(before, changed, later, groups):
    reader = make_reader(groups=groups)
    own = {rule.scope: rule for rule in freeze_rules(before, list(changed.values())).values()}
    rules = {**before, **changed, **own, **later}
    readable = readable_scopes(rules, reader)
    for rule in own.values():
        assert rule.scope not in readable or rule.parent in readable


@given(before=RULES, changed=RULES, groups=st.sets(st.sampled_from("xyz")))
def test_who_passes_both_before_and_after_passes_what_is_frozen(before, changed, groups):
    reader = make_reader(groups=groups)
    frozen = freeze_rules(before, list(changed.values()))
    after = {**before, **changed}
    both = readable_scopes(before, reader) & readable_scopes(after, reader)
    readable = readable_scopes({**after, **{rule.scope: rule for rule in frozen.values()}}, reader)
    assert {rule.scope for scope, rule in frozen.items() if scope in both} <= readable


def test_what_is_frozen_twice_keeps_to_both():
    scope, readers = Scope("a"), [frozenset({group(name)}) for name in "xyz"]
    rules = {scope: ScopeRule(scope, (readers[0],))}
    for clause in readers[1:]:
        changed = ScopeRule(scope, (clause,))
        rules |= {rule.scope: rule for rule in freeze_rules(rules, [changed]).values()}
        rules[scope] = changed
    assert set(rules[frozen_scope(scope)].clauses) == set(readers[:2])


def test_a_rule_that_admits_fewer_freezes_nothing():
    scope = Scope("a")
    rules = {scope: ScopeRule(scope, (frozenset({group("x"), group("y")}),))}
    assert freeze_rules(rules, [ScopeRule(scope, (frozenset({group("x")}),))]) == {}
    assert chain_clauses(rules, Scope("unknown")) == (frozenset(),)
