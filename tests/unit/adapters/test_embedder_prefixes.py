"""Prefixes reach the model, take their room from the window, and name another model where they must."""

import pytest

from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.embedders.prefixed import add_prefixes
from headwater.domain.errors import ConfigError
from headwater.ports import EmbeddingKind

PASSAGE, QUERY = EmbeddingKind.PASSAGE, EmbeddingKind.QUERY


async def test_questions_and_passages_each_get_their_own_prefix():
    plain = MemoryEmbedder()
    prefixed = add_prefixes(plain, query="ask: ", passage="tell: ")
    assert await prefixed.embed(["x"], kind=QUERY) == await plain.embed(["ask: x"], kind=QUERY)
    assert await prefixed.embed(["x"], kind=PASSAGE) == await plain.embed(["tell: x"], kind=PASSAGE)


async def test_the_largest_text_fits_with_its_prefix():
    prefixed = add_prefixes(MemoryEmbedder(max_tokens=16), query="", passage="two words ")
    text = "word"
    while prefixed.count_tokens(f"{text} word") <= prefixed.max_tokens:
        text += " word"
    assert prefixed.max_tokens < 16
    assert await prefixed.embed([text], kind=PASSAGE)


def test_only_what_is_stored_with_a_prefix_belongs_to_another_model():
    plain = MemoryEmbedder()
    models = {
        add_prefixes(plain, query=query, passage=passage).model
        for query, passage in (("", ""), ("q: ", ""), ("q: ", "p: "), ("", "p: "), ("", "r: "))
    }
    assert plain.model in models
    assert len(models) == 3


def test_a_prefix_that_leaves_no_room_is_refused():
    with pytest.raises(ConfigError, match="EMBEDDER_QUERY_PREFIX"):
        add_prefixes(MemoryEmbedder(max_tokens=16), query="word " * 9, passage="")
