"""Which documents the rules leave out. Properties over random small trees, and the fine print by example."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.content import DocumentKind, ListedAttachment
from headwater.domain.ids import ContentId
from headwater.domain.settings import BlacklistEntry, BlacklistEntryId, BlacklistKind, SyncSettings
from headwater.pipeline.selection import (
    REASONS,
    Lineage,
    PageFacts,
    SelectionRules,
    is_blacklisted_by_name,
    make_rules,
    parse_url_prefix,
    reason_against_file,
    reason_against_page,
    trace_lineage,
)

NOW = datetime(2026, 1, 31, tzinfo=UTC)
URL = "https://acme.atlassian.net/wiki/spaces/KB/pages"
PAGE, POST, FILE = DocumentKind.PAGE, DocumentKind.BLOGPOST, DocumentKind.ATTACHMENT


def entry(kind: str, value: str) -> BlacklistEntry:
    return BlacklistEntry(BlacklistEntryId(f"{kind}:{value}"), BlacklistKind(kind), value, NOW)


def rules(*blacklist: tuple[str, str], **settings) -> SelectionRules:
    return make_rules(SyncSettings(**settings), [entry(*item) for item in blacklist])


def page(content_id="1", *above, kind=PAGE, labels=(), url=None, whole=True) -> PageFacts:
    return PageFacts(
        ContentId(content_id),
        kind,
        frozenset(labels),
        url or f"{URL}/{content_id}/Title",
        Lineage(tuple(map(ContentId, above)), whole),
    )


def file(name="report.pdf", size=10) -> ListedAttachment:
    return ListedAttachment(
        ContentId("att9"), ContentId("1"), name, "application/pdf", size, 1, NOW
    )


def judge_file(given_rules, page_reason=None, name="report.pdf", size=10, url=f"{URL}/1/f"):
    return reason_against_file(file(name, size), url, given_rules, page_reason=page_reason)


_ids = st.sampled_from([ContentId(str(number)) for number in range(1, 7)])
_labels = st.frozensets(st.sampled_from(["draft", "Draft", "secret", "handbook"]), max_size=3)
_pages = st.builds(
    PageFacts,
    content_id=_ids,
    kind=st.sampled_from([PAGE, POST]),
    labels=_labels,
    source_url=_ids.map(lambda item: f"{URL}/{item}/Title"),
    lineage=st.builds(
        Lineage, ancestors=st.lists(_ids, unique=True, max_size=4).map(tuple), whole=st.booleans()
    ),
)
_settings = st.builds(
    SyncSettings,
    content_types=st.frozensets(st.sampled_from(DocumentKind)),
    include_labels=_labels,
    exclude_labels=_labels,
    root_pages=st.frozensets(_ids, max_size=2),
)
_entries = st.lists(
    st.one_of(
        _ids.map(lambda item: entry("page", item)),
        _ids.map(lambda item: entry("tree", item)),
        st.sampled_from(["draft", "secret"]).map(lambda item: entry("label", item)),
        _ids.map(lambda item: entry("url_prefix", f"{URL}/{item}")),
    ),
    max_size=4,
)


@given(_pages)
def test_without_rules_everything_comes_in(seen):
    assert reason_against_page(seen, make_rules(SyncSettings(), [])) is None


@given(_pages, _settings, _entries)
def test_what_the_blacklist_names_stays_out_whatever_the_settings_want(seen, settings, entries):
    made = make_rules(settings, entries)
    values = {(item.kind.value, item.value) for item in entries}
    trees = {value for kind, value in values if kind == "tree"}
    is_named = (
        ("page", seen.content_id) in values
        or not trees.isdisjoint([seen.content_id, *seen.lineage.ancestors])
        or any(("label", label.casefold()) in values for label in seen.labels)
        or ("url_prefix", seen.source_url.removesuffix("/Title")) in values
    )
    assert (reason_against_page(seen, made) == "blacklisted") == is_named


@given(_pages, _settings, _entries, _entries)
def test_a_longer_blacklist_lets_nothing_in(seen, settings, entries, more):
    before = reason_against_page(seen, make_rules(settings, entries))
    after = reason_against_page(seen, make_rules(settings, [*entries, *more]))
    assert before is None or after is not None


@given(_pages, _settings, _entries)
def test_a_page_comes_in_only_if_every_setting_wants_it(seen, settings, entries):
    if reason_against_page(seen, make_rules(settings, entries)) is not None:
        return
    labels = {label.casefold() for label in seen.labels}
    wanted = {label.casefold() for label in settings.include_labels}
    assert seen.kind in (settings.content_types or {seen.kind})
    assert not wanted or wanted & labels
    assert not {label.casefold() for label in settings.exclude_labels} & labels
    assert not settings.root_pages or settings.root_pages & {
        seen.content_id,
        *seen.lineage.ancestors,
    }


@given(_pages, _settings, _entries)
def test_every_reason_has_a_name_and_is_given_for_a_rule(seen, settings, entries):
    made = make_rules(settings, entries)
    reason = reason_against_page(seen, made)
    assert reason is None or (reason in REASONS and made.judges_pages)


@given(_pages, _settings, _entries)
def test_an_attachment_follows_its_page(seen, settings, entries):
    made = make_rules(settings, entries)
    reason = reason_against_page(seen, made)
    followed = judge_file(made, reason)
    if reason not in {None, "content_types"}:
        assert followed == reason
    if reason == "content_types":
        assert (followed is None) == (settings.content_types == {FILE})


@given(st.dictionaries(_ids, st.none() | _ids), _ids)
def test_a_lineage_is_the_chain_of_parents_and_ends(parents, start):
    lineage = trace_lineage(parents, start, frozenset())
    chain = [start, *lineage.ancestors]
    assert all(parents[below] == above for below, above in pairwise(chain))
    assert len(set(chain)) == len(chain)
    if lineage.whole:
        assert parents.get(chain[-1]) is None


def test_a_lineage_breaks_off_at_what_cannot_be_seen():
    parents = {ContentId("1"): ContentId("2"), ContentId("2"): None}
    assert trace_lineage(parents, ContentId("1"), frozenset({ContentId("2")})) == Lineage(
        (ContentId("2"),), whole=False
    )


@pytest.mark.parametrize(
    ("prefix", "url", "covers"),
    [
        ("https://a.example", "https://a.example/wiki/x", True),
        ("https://a.example/", "https://a.example/wiki/x", True),
        ("https://a.example/wiki/spaces/HR", "https://a.example/wiki/spaces/HR", True),
        ("https://a.example/wiki/spaces/HR", "https://a.example/wiki/spaces/HR/pages/1", True),
        ("https://a.example/wiki/spaces/HR/", "https://a.example/wiki/spaces/HR/pages/1", True),
        ("https://a.example/wiki/spaces/HR", "https://a.example/wiki/spaces/HRX/pages/1", False),
        ("https://a.example/wiki/spaces/HR", "https://b.example/wiki/spaces/HR/pages/1", False),
        ("https://a.example", "https://a.example.org/wiki", False),
        ("https://A.example:443/wiki", "https://a.example/wiki/x", True),
        ("http://a.example/wiki", "https://a.example/wiki/x", True),
        ("https://a.example:8443/wiki", "https://a.example/wiki/x", False),
        ("https://a.example/display/HR", "https://a.example/display/hr/Pay", False),
        ("https://a.example/display/HR/A%20Plan", "https://a.example/display/HR/A Plan", True),
        ("https://a.example/p?pageId=12", "https://a.example/p?pageId=12&preview=/12/3/f", True),
        ("https://a.example/p?pageId=12", "https://a.example/p?pageId=123", False),
        ("https://a.example/p?pageId=12", "https://a.example/p/q?pageId=12", False),
        ("https://a.example/p", "https://a.example/p?pageId=12", True),
        ("https://a.example/wiki#part", "https://a.example/wiki/x", True),
    ],
)
def test_a_url_prefix_ends_at_a_boundary(prefix, url, covers):
    assert parse_url_prefix(prefix).covers(parse_url_prefix(url)) is covers


def test_a_root_page_brings_itself_and_what_is_under_it():
    only = rules(root_pages=frozenset({ContentId("1")}))
    assert reason_against_page(page("1"), only) is None
    assert reason_against_page(page("3", "2", "1"), only) is None
    assert reason_against_page(page("4", "2"), only) == "root_pages"
    assert reason_against_page(page("5", kind=POST), only) == "root_pages"


def test_what_may_stand_anywhere_stays_out_where_it_matters():
    roots, tree = rules(root_pages=frozenset({ContentId("1")})), rules(("tree", "1"))
    lost = page("3", "2", whole=False)
    assert reason_against_page(lost, roots) == "ancestors_unknown"
    assert reason_against_page(lost, tree) == "ancestors_unknown"
    assert reason_against_page(page("3", "1", whole=False), roots) is None
    assert reason_against_page(page("3", "1", whole=False), tree) == "blacklisted"
    assert reason_against_page(lost, rules(("page", "1"))) is None


def test_labels_compare_without_case():
    assert reason_against_page(page(labels=["Draft"]), rules(("label", "draft"))) == "blacklisted"
    unwanted = rules(exclude_labels=frozenset({"draft"}))
    assert reason_against_page(page(labels=["DRAFT"]), unwanted) == "exclude_labels"
    wanted = rules(include_labels=frozenset({"handbook"}))
    assert reason_against_page(page(labels=["Handbook"]), wanted) is None
    assert reason_against_page(page(), wanted) == "include_labels"


def test_attachments_are_chosen_by_extension_and_size():
    some = rules(attachment_types=frozenset({"pdf", "docx"}), max_attachment_bytes=10)
    assert judge_file(some) is None
    assert judge_file(some, name="REPORT.PDF") is None
    assert judge_file(some, name="report.exe") == "attachment_types"
    assert judge_file(some, name="pdf") == "attachment_types"
    assert judge_file(some, size=11) == "max_attachment_bytes"


def test_an_attachment_may_be_blacklisted_by_its_own_link():
    listed = rules(("url_prefix", f"{URL}/1/f"))
    assert judge_file(listed) == "blacklisted"
    assert judge_file(listed, url=f"{URL}/1/g") is None


def test_attachments_alone_need_no_page_but_a_blacklisted_one_still_counts():
    only_files = rules(("label", "secret"), content_types=frozenset({FILE}))
    assert reason_against_page(page(), only_files) == "content_types"
    assert judge_file(only_files, "content_types") is None
    secret = reason_against_page(page(labels=["secret"]), only_files)
    assert judge_file(only_files, secret) == "blacklisted"


def test_a_page_is_blacklisted_by_name_without_a_listing():
    listed = rules(("page", "1"), ("tree", "2"), ("url_prefix", f"{URL}/3"), ("label", "secret"))
    for content_id in ("1", "2", "3"):
        assert is_blacklisted_by_name(ContentId(content_id), f"{URL}/{content_id}/T", listed)
    assert not is_blacklisted_by_name(ContentId("4"), f"{URL}/4/T", listed)


def test_settings_that_choose_no_pages_judge_none():
    assert not rules(max_attachment_bytes=5, concurrency=2).judges_pages
    assert not SelectionRules().asks_ancestors
    assert replace(SelectionRules(), trees=frozenset({ContentId("1")})).asks_ancestors
