import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.ids import ChunkId
from headwater.pipeline.fusion import Ranked, candidate_depth, fuse_rankings

NAMES = st.sampled_from("abcdefgh").map(ChunkId)


def rankings(lowest: float) -> st.SearchStrategy[list[Ranked]]:
    scores = st.floats(lowest, 10).map(lambda score: round(score, 3))
    hits = st.dictionaries(NAMES, scores, max_size=8)
    return hits.map(lambda found: [Ranked(name, score) for name, score in found.items()])


DENSE = rankings(-1)
KEYWORD = rankings(0.1)


def rank(**scores: float) -> list[Ranked]:
    return [Ranked(ChunkId(name), score) for name, score in scores.items()]


def order(dense: list[Ranked], keyword: list[Ranked], **options) -> list[str]:
    return [hit.chunk_id for hit in fuse_rankings(dense, keyword, **{"limit": 10, **options})]


def test_a_chunk_good_on_both_sides_beats_the_best_of_either():
    dense = rank(near=0.9, both=0.8, far=0.1)
    keyword = rank(worded=9, both=8)
    assert order(dense, keyword) == ["both", "near", "worded", "far"]


def test_a_clear_dense_hit_beats_many_equal_keyword_hits():
    dense = rank(clear=0.9, x=0.2, y=0.1, z=0.1)
    assert order(dense, rank(x=5.1, y=5.0, z=4.9, clear=1.0))[0] == "clear"


def test_a_clear_keyword_hit_beats_many_equal_dense_hits():
    dense = rank(x=0.52, y=0.51, z=0.50, clear=0.48, far=0.1)
    assert order(dense, rank(clear=20, x=2, y=2))[0] == "clear"


def test_a_chunk_with_every_keyword_is_first_although_its_vector_is_far():
    dense = rank(near=0.9, rare=0.1)
    keyword = rank(rare=20, near=2)
    assert order(dense, keyword)[0] == "near"
    assert order(dense, keyword, exact=["rare"])[0] == "rare"


def test_a_chunk_with_every_keyword_may_be_unknown_to_the_dense_side():
    assert order(rank(near=0.9, other=0.1), rank(rare=20), exact=["rare"])[0] == "rare"


def test_holding_every_keyword_lowers_no_vector():
    dense, keyword = rank(near=0.9, far=0.1), rank(near=3)
    assert fuse_rankings(dense, keyword, exact=[ChunkId("near")], limit=9) == fuse_rankings(
        dense, keyword, limit=9
    )


def test_a_chunk_that_neither_side_ranked_is_not_in_the_answer():
    assert order(rank(a=0.5), rank(b=1), exact=["stranger"]) == ["a", "b"]


def test_being_best_on_both_sides_scores_one():
    (best,) = fuse_rankings(rank(a=0.3), rank(a=7), limit=5)
    assert best.score == pytest.approx(1.0)


def test_two_empty_rankings_fuse_to_nothing():
    assert fuse_rankings([], [], limit=5) == ()


def test_ties_go_to_the_smaller_id():
    assert order(rank(c=0.5, a=0.5, b=0.5), rank(b=1, c=1, a=1)) == ["a", "b", "c"]


@pytest.mark.parametrize(("limit", "depth"), [(1, 100), (20, 100), (21, 105), (100, 500)])
def test_candidates_are_deeper_than_the_answer(limit, depth):
    assert candidate_depth(limit) == depth


@given(DENSE, KEYWORD, st.sets(NAMES), st.integers(0, 10))
def test_a_fusion_holds_each_chunk_once_best_first_and_within_bounds(dense, keyword, exact, limit):
    fused = fuse_rankings(dense, keyword, exact=exact, limit=limit)
    names = [hit.chunk_id for hit in fused]
    scores = [hit.score for hit in fused]
    known = {hit.chunk_id for hit in [*dense, *keyword]}
    assert len(names) == len(set(names)) == min(limit, len(known))
    assert set(names) <= known
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@given(DENSE, KEYWORD, st.randoms())
def test_the_order_in_which_hits_arrive_does_not_matter(dense, keyword, chance):
    expected = fuse_rankings(dense, keyword, limit=10)
    chance.shuffle(dense)
    chance.shuffle(keyword)
    assert fuse_rankings(dense, keyword, limit=10) == expected


@given(DENSE, KEYWORD, st.floats(-5, 5), st.sampled_from([0.5, 2.0, 8.0]))
def test_a_model_with_other_zero_and_scale_gives_the_same_order(dense, keyword, zero, scale):
    moved = [Ranked(hit.chunk_id, scale * (hit.score + round(zero, 3))) for hit in dense]
    before = {hit.chunk_id: hit.score for hit in fuse_rankings(dense, keyword, limit=10)}
    after = {hit.chunk_id: hit.score for hit in fuse_rankings(moved, keyword, limit=10)}
    assert after == pytest.approx(before)


@pytest.mark.parametrize("empty_side", ["dense", "keyword"])
@given(hits=KEYWORD)
def test_one_ranking_alone_keeps_its_order(empty_side, hits):
    expected = sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
    found = order([], hits) if empty_side == "dense" else order(hits, [])
    assert found == [hit.chunk_id for hit in expected]
