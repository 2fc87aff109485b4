from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.sandbox.clock import SteppingClock
from headwater.sandbox.cql import Comparison, CqlError, Function, Junction, parse_cql
from headwater.sandbox.entities import Kind
from headwater.sandbox.search import Judge, find_demand
from headwater.sandbox.visibility import View
from headwater.sandbox.world import World


@pytest.fixture
def world():
    clock = SteppingClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC), timedelta(minutes=10))
    world = World(clock)
    world.add_space("ENG", "Engineering")
    world.add_space("~me", "Mine")
    home = world.create_page("ENG", "Home", "<p>Welcome</p>")
    guide = world.create_page("ENG", 'The "guide"', "<p>Rotate the zafego key</p>", parent=home.id)
    world.label(guide.id, "howto", "keys")
    world.create_blogpost("ENG", "News")
    world.create_page("~me", "Notes")
    world.attach(guide.id, "keys.pdf", b"%PDF")
    world.comment(guide.id, "<p>Nice</p>")
    return world


def search(world, cql, **options):
    judge = Judge(View(world, world.people.admin), lambda: world.clock.moment, **options)
    test = judge.make_test(parse_cql(cql))
    stores = (world.tree.contents, world.attachments, world.comments)
    return [judge.name_title(it) for store in stores for it in store.values() if test(it)]


@pytest.mark.parametrize(
    ("cql", "titles"),
    [
        ("type = page", ["Home", 'The "guide"', "Notes"]),
        ('type in (page, blogpost) and space = "ENG"', ["Home", 'The "guide"', "News"]),
        ('space = "~me"', ["Notes"]),
        ('space in ("~me", ENG) and type = page', ["Home", 'The "guide"', "Notes"]),
        ('type = page and space != "ENG"', ["Notes"]),
        ("type not in (page, attachment, comment)", ["News"]),
        ("label = howto", ['The "guide"']),
        ("type = page and label not in (howto, other)", ["Home", "Notes"]),
        ('title = "The \\"guide\\""', ['The "guide"']),
        ('title ~ "guide" and type = page', ['The "guide"']),
        ('type = page and title !~ "guide"', ["Home", "Notes"]),
        ('text ~ "zafego"', ['The "guide"']),
        ("not type = page and not type = blogpost", ["keys.pdf", 'Re: The "guide"']),
        ("(label = keys or title = News) and type in (page, blogpost)", ['The "guide"', "News"]),
        ("type = attachment", ["keys.pdf"]),
        ("type = comment", ['Re: The "guide"']),
        ("creator = currentUser() and type = blogpost", ["News"]),
        ("", ["Home", 'The "guide"', "News", "Notes", "keys.pdf", 'Re: The "guide"']),
        ("order by title", ["Home", 'The "guide"', "News", "Notes", "keys.pdf", 'Re: The "guide"']),
    ],
)
def test_a_query_finds(world, cql, titles):
    assert search(world, cql) == titles


def test_places_in_the_tree_are_searched_by_id(world):
    home = next(iter(world.tree.contents.values()))
    guide = world.tree.list_children(home.id)[0]
    assert search(world, f"parent = {home.id}") == [guide.title]
    assert search(world, f"ancestor = {home.id}") == [guide.title]
    assert search(world, f"id in ({home.id}, 1)") == ["Home"]
    assert search(world, f"container = {guide.id}") == ["keys.pdf", 'Re: The "guide"']


def test_dates_are_compared_by_the_minute_in_the_callers_zone(world):
    page = world.add_content("ENG", "Dated", at=datetime(2026, 2, 1, 12, 0, 59, tzinfo=UTC))
    assert search(world, 'lastmodified <= "2026-02-01 12:00"') == ["Dated"]
    assert search(world, 'created = "2026/02/01 12:00"') == ["Dated"]
    assert search(world, 'lastmodified < "2026-02-01 12:00"') == []
    world.people.admin.time_zone = "Asia/Seoul"
    assert search(world, 'lastmodified <= "2026-02-01 20:59"') == []
    assert search(world, 'lastmodified <= "2026-02-01 21:00"') == ["Dated"]
    assert search(world, 'lastmodified < "2026-02-02" and lastmodified > "2026/02/01"') == ["Dated"]
    assert page.version.number == 1


def test_relative_dates_count_from_the_worlds_clock(world):
    assert search(world, 'type = page and lastmodified >= now("-1m")') == []
    assert len(search(world, 'type = page and lastmodified >= now("-4w")')) == 3
    assert search(world, "type = page and lastmodified != now() and lastmodified > now()") == []


def test_only_current_content_is_found_unless_the_context_says(world):
    page = world.create_page("ENG", "Old")
    file = world.attach(page.id, "old.txt", b"old")
    world.archive(page.id)
    assert "Old" not in search(world, "type = page")
    assert search(world, "type = page", statuses=frozenset({"archived"})) == ["Old"]
    assert file.title not in search(world, "type = attachment")


def test_what_the_caller_does_not_see_is_not_found(world):
    bob = world.people.add_user("bob", "bob@example.org", "Bob")
    page = world.create_page("ENG", "Secret")
    world.restrict(page.id, users=[world.people.admin.account_id])
    test = Judge(View(world, bob), world.clock).make_test(parse_cql("type = page"))
    assert not test(page)


@pytest.mark.parametrize(
    "cql",
    [
        "type =", "= page", "type page", "type = page and", "(type = page", "type in page",
        "type in (page", "type = page order by", "type = page page", "order title", '"type" = page',
        "type not (page)", 'lastmodified > now("-1h"', 'title = "open', "order by (", "type = (",
    ],
)  # fmt: skip
def test_what_is_not_cql_is_refused(cql):
    with pytest.raises(CqlError):
        parse_cql(cql)


@pytest.mark.parametrize(
    "cql",
    [
        "colour = red",
        "type > page",
        'lastmodified ~ "2026-01-01"',
        'lastmodified > "2026-01-01T00:00:00Z"',
        'lastmodified > now("soon")',
        "lastmodified > startOfDay()",
        "creator = nobody()",
    ],
)
def test_what_is_not_known_is_refused(world, cql):
    with pytest.raises(CqlError):
        search(world, cql)


def test_a_query_is_read_into_conditions_and_order():
    query = parse_cql('NOT a = 1 OR b IN (x, "y z") AND c > now("-1h") ORDER BY d DESC, e ASC, f')
    assert query.condition == Junction(
        "or",
        (
            Junction("not", (Comparison("a", "=", ("1",)),)),
            Junction(
                "and",
                (
                    Comparison("b", "in", ("x", "y z")),
                    Comparison("c", ">", (Function("now", ("-1h",)),)),
                ),
            ),
        ),
    )
    assert query.order == (("d", True), ("e", False), ("f", False))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_quoted_text_comes_back_whole(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    condition = parse_cql(f'title = "{quoted}"').condition
    assert condition == Comparison("title", "=", (text,))


@given(st.text(alphabet="type in()=page\"'and or~<>!,", max_size=40))
def test_reading_ends_in_a_query_or_a_named_error(text):
    try:
        parse_cql(text)
    except CqlError as error:
        assert str(error)  # noqa: PT017  (both outcomes are right; any other error fails)


def test_a_demand_is_found_only_where_it_must_hold():
    assert find_demand(parse_cql("type = page and id in (1, 2)"), "id") == frozenset({"1", "2"})
    assert find_demand(parse_cql("id = 1"), "id", "content") == frozenset({"1"})
    assert find_demand(parse_cql("type = page or id = 1"), "id") is None
    assert find_demand(parse_cql("order by id"), "id") is None


def test_folders_are_a_type(world):
    world.add_content("ENG", "Box", kind=Kind.FOLDER)
    assert search(world, "type = folder") == ["Box"]
