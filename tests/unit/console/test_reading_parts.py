"""Marked words, charts, links and stretches: the pure parts of the reading pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.console.asking import mark_words
from headwater.console.charts import Amount, Bar, mark_lags, place_lag, stack_bars
from headwater.console.document_views import Requirement, Stretch, name_principal
from headwater.domain.access import EVERYONE, account, email, group
from headwater.domain.content import StoredChunk


def hits(text, question):
    return [part.text for part in mark_words(text, question) if part.is_hit]


@pytest.mark.parametrize(
    ("text", "question", "marked"),
    [
        ("A Bonus, a bonus.", "what is the bonus?", ["Bonus", "bonus"]),
        ("Überraschung", "UBERRASCHUNG", ["Überraschung"]),
        ("cafe\u0301 au lait", "café", ["cafe\u0301"]),
        ("see OPS-12 and OPS-13", "OPS-12", ["OPS", "12", "OPS"]),
        ("bonuses", "bonus", []),
        ("日本語のページ", "日本語のページ", ["日本語のページ"]),
        ("nothing", "", []),
    ],
)
def test_the_question_s_words_are_marked(text, question, marked):
    assert hits(text, question) == marked


@given(st.text(), st.text())
def test_marking_changes_no_character(text, question):
    assert "".join(part.text for part in mark_words(text, question)) == text


def test_bars_share_the_whole_width():
    amounts = [Amount(3, "in", "good"), Amount(0, "held", "warn"), Amount(1, "failed", "bad")]
    assert list(stack_bars(amounts)) == [Bar(0.0, 75.0, "good"), Bar(75.0, 25.0, "bad")]
    assert list(stack_bars([Amount(0, "in", "good")])) == []


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_longer_lag_never_stands_further_left(one, other):
    places = [place_lag(seconds) for seconds in sorted((one, other))]
    assert 0 <= places[0] <= places[1] <= 100


def test_the_marks_of_the_axis_stand_in_order():
    places = [tick.place for tick in mark_lags()]
    assert places == sorted(places)


def chunks(number):
    return [StoredChunk(place, (), f"text {place}") for place in range(number)]


@pytest.mark.parametrize(
    ("start", "ordinals", "before", "after"),
    [
        (0, [0, 1], None, 2),
        (2, [2, 3], 0, 4),
        (4, [4], 2, None),
        (1, [1, 2], 0, 3),
        (9, [0, 1], None, 2),
        (-1, [0, 1], None, 2),
    ],
)
def test_a_stretch_knows_what_comes_before_and_after(start, ordinals, before, after):
    stretch = Stretch.cut(chunks(5), start, 2)
    assert [chunk.ordinal for chunk in stretch.chunks] == ordinals
    assert (stretch.before, stretch.after, stretch.total) == (before, after, 5)
    assert stretch.text == "\n\n".join(f"text {ordinal}" for ordinal in ordinals)


def test_a_stretch_of_nothing_is_empty():
    assert Stretch.cut([], 0, 2) == Stretch((), 0, None, None)


def test_principals_are_named_in_words():
    known = [EVERYONE, group("hr"), email("A@b.example"), account("5b10")]
    assert [name_principal(one) for one in known] == [
        "everyone in the tenant",
        "group hr",
        "email a@b.example",
        "account 5b10",
    ]


def test_a_group_s_name_is_read_before_its_id():
    clause = frozenset({group("628ec97c-83ed-578e-ac70-0cc26db6a7f1"), group("staff")})
    shown = Requirement.of("restriction", clause)
    assert shown.admits == ("group staff", "group 628ec97c-83ed-578e-ac70-0cc26db6a7f1")
    assert not shown.everyone
    assert Requirement.of("audience", frozenset({EVERYONE})).everyone
