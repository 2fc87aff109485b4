import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.keywords import is_code, pick_keywords


@pytest.mark.parametrize(
    ("question", "keywords"),
    [
        ("How do I restart the ingest service?", "restart ingest service?"),
        ("What's E-4711 about, please?", "E-4711"),
        ("Which of us may read IT?", "read IT?"),
        ("Who leads US sales", "leads US sales"),
        ("“Where” is it: the (VPN)?", "(VPN)?"),
        ("Was kostet die Straßenbahn", "kostet die Straßenbahn"),
        ("접근 권한", "접근 권한"),
    ],
)
def test_function_words_are_left_out(question, keywords):
    assert " ".join(pick_keywords(question)) == keywords


@pytest.mark.parametrize("question", ["", "what is it", "The Who", "A"])
def test_a_question_of_nothing_else_is_kept(question):
    assert " ".join(pick_keywords(question)) == question


@pytest.mark.parametrize("question", ["?", " - ", "()", "\0", "🦭"])
def test_marks_alone_are_no_keywords(question):
    assert pick_keywords(question) == []


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [("E-4711", True), ("10.0.0.7", True), ("fy21", True), ("svc_auth", False), ("sign-in", False)],
)
def test_a_code_holds_a_digit(keyword, expected):
    assert is_code(keyword) is expected


@given(st.text())
def test_what_is_left_is_part_of_the_question_in_its_order(question):
    words = iter(question.split())
    assert all(word in words for word in pick_keywords(question))


@given(st.text())
def test_picking_again_changes_nothing(question):
    once = pick_keywords(question)
    assert pick_keywords(" ".join(once)) == once
