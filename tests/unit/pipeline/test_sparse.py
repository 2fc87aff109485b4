"""Words as sparse vectors: what is found by its words here is found by them everywhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.sparse import (
    MAX_TERMS,
    hash_term,
    list_question_terms,
    weigh_question,
    weigh_text,
)


def score(question, text, held=None, records=100):
    """Return the dot product that a store makes of a question and a text."""
    asked = weigh_question(list_question_terms(question), held or {}, records)
    found = weigh_text(text)
    held_by_text = dict(zip(found.indices, found.values, strict=True)) if found else {}
    return sum(
        weight * held_by_text.get(term, 0.0)
        for term, weight in zip(asked.indices, asked.values, strict=True)
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Passwort", "das PASSWORT"),
        ("cafe", "Café au lait"),
        ("OPS-12", "see OPS-12, please"),
        ("ops 12", "see OPS-12"),
        ("svc_auth_2", "account svc_auth_2 owns it"),
        ("2026-11-22", "on 2026-11-22."),
        ("東京都", "東京都の天気"),
        ("京都", "京都市"),
        ("비밀번호", "비밀번호 재설정"),
    ],
)
def test_a_word_is_found_in_its_text(question, text):
    assert score(question, text) > 0


@pytest.mark.parametrize(
    ("question", "text"), [("OPS-12", "OPS-7 and room 12"), ("E-4711", "E 4712"), ("ski", "skirt")]
)
def test_what_only_looks_alike_is_not_found(question, text):
    assert score(question, text) == 0


def test_function_words_count_only_where_nothing_else_is_asked():
    assert score("what is the zyzzyva", "what is the weather") == 0
    assert score("the who", "the who") > 0


def test_a_rare_word_weighs_more_than_a_frequent_one():
    held = {hash_term("reset"): 90, hash_term("zyzzyva"): 1}
    question = "reset zyzzyva"
    assert score(question, "zyzzyva", held) > score(question, "reset reset reset", held)


def test_a_words_repetition_counts_less_and_less():
    once, twice, often = (score("x1", "x1 " * times) for times in (1, 2, 50))
    assert once < twice < often < 2.2 * math.log(101)


def test_a_hash_is_the_same_in_every_version():
    assert hash_term("quokka") == 4_027_016_050


@given(st.text(max_size=2_000))
def test_any_text_makes_a_vector_that_stores_take(text):
    found = weigh_text(text)
    if found is None:
        return
    assert len(set(found.indices)) == len(found.indices) == len(found.values) <= MAX_TERMS
    assert all(0 <= index < 2**32 for index in found.indices)
    assert all(0 < value < 2.2 for value in found.values)


@given(st.text(max_size=300))
def test_any_question_makes_distinct_terms(question):
    terms = list_question_terms(question)
    assert len(set(terms)) == len(terms)
    assert all(value > 0 for value in weigh_question(terms, {}, 0).values)
