import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.ids import ChunkId
from headwater.pipeline.fusion import Ranked, candidate_depth, fuse_rankings

RANKINGS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.floats(-10, 10, allow_nan=False), max_size=8
).map(lambda scores: [Ranked(ChunkId(name), score) for name, score in scores.items()])


def rank(*names: str) -> list[Ranked]:
    """Return a ranking with scores that fall from 1.0 in small steps."""
    return [Ranked(ChunkId(name), 1.0 - place / 100) for place, name in enumerate(names)]


def order(dense: list[Ranked], keyword: list[Ranked], limit: int = 10) -> list[str]:
    return [hit.chunk_id for hit in fuse_rankings(dense, keyword, limit=limit)]


def test_a_chunk_on_both_sides_beats_one_on_a_single_side():
    assert order(rank("a", "b"), rank("c", "b")) == ["b", "c", "a"]


def test_a_lone_keyword_hit_beats_the_best_dense_one():
    assert order(rank("z", "y", "x"), rank("rare"))[0] == "rare"


def test_keyword_hits_far_below_the_best_count_for_nothing():
    keyword = [Ranked(ChunkId("rare"), 20.0), Ranked(ChunkId("common"), 9.9)]
    assert order(rank("common", "other"), keyword)[0] == "rare"


def test_keyword_hits_near_the_best_count():
    keyword = [Ranked(ChunkId("first"), 20.0), Ranked(ChunkId("second"), 10.0)]
    assert order(rank("second", "other"), keyword)[0] == "second"


def test_being_first_on_both_sides_scores_one():
    (best,) = fuse_rankings(rank("a"), rank("a"), limit=5)
    assert best.score == pytest.approx(1.0)


def test_two_empty_rankings_fuse_to_nothing():
    assert fuse_rankings([], [], limit=5) == ()


@pytest.mark.parametrize(("limit", "depth"), [(1, 50), (10, 50), (11, 55), (100, 500)])
def test_candidates_are_deeper_than_the_answer(limit, depth):
    assert candidate_depth(limit) == depth


@given(RANKINGS, RANKINGS, st.integers(0, 10))
def test_a_fusion_holds_each_chunk_once_best_first_and_within_bounds(dense, keyword, limit):
    fused = fuse_rankings(dense, keyword, limit=limit)
    names = [hit.chunk_id for hit in fused]
    scores = [hit.score for hit in fused]
    assert len(names) == len(set(names)) <= limit
    assert set(names) <= {hit.chunk_id for hit in [*dense, *keyword]}
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


@given(RANKINGS, RANKINGS, st.randoms())
def test_the_order_in_which_hits_arrive_does_not_matter(dense, keyword, chance):
    expected = fuse_rankings(dense, keyword, limit=10)
    chance.shuffle(dense)
    chance.shuffle(keyword)
    assert fuse_rankings(dense, keyword, limit=10) == expected


@given(RANKINGS)
def test_a_dense_ranking_alone_keeps_its_order(dense):
    expected = sorted(dense, key=lambda hit: (-hit.score, hit.chunk_id))
    assert order(dense, []) == [hit.chunk_id for hit in expected]
