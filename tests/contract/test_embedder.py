"""What every embedder keeps to."""

import asyncio
import math
from contextlib import asynccontextmanager

import pytest

from headwater.adapters.embedders.local import LocalEmbedder
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.embedders.openai import OpenAIEmbedder
from headwater.adapters.embedders.pinecone import PineconeEmbedder
from headwater.adapters.embedders.prefixed import add_prefixes
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.secrets import Secret
from headwater.ports import Embedder, EmbeddingKind
from tests.pinecone.server import KEY as PINECONE_KEY
from tests.pinecone.server import run_pinecone
from tests.unit.adapters.embeddings_server import KEY, MODEL, serve_embeddings

PASSAGE, QUERY = EmbeddingKind.PASSAGE, EmbeddingKind.QUERY
TEXTS = [
    "Restart the ingest service when its queue is stuck.",
    "",
    "Ärger mit Umlauten, 漢字, emoji 🚀 and a combining e\u0301",
    "one",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('hello')\n```",
    "a longer sentence about the menu of the cafeteria on Mondays and on Tuesdays " * 3,
]


@asynccontextmanager
async def open_memory(_data_dir):
    yield MemoryEmbedder()


@asynccontextmanager
async def open_prefixed(_data_dir):
    yield add_prefixes(MemoryEmbedder(), query="query: ", passage="passage: ")


@asynccontextmanager
async def open_local(data_dir):
    embedder = await LocalEmbedder.open(data_dir)
    yield embedder
    await embedder.close()


@asynccontextmanager
async def open_openai(_data_dir):
    async with serve_embeddings() as server:
        embedder = await OpenAIEmbedder.open(base_url=server.url, model=MODEL, api_key=Secret(KEY))
        yield embedder
        await embedder.close()


@asynccontextmanager
async def open_pinecone(_data_dir):
    with run_pinecone() as server:
        embedder = await PineconeEmbedder.open(
            api_key=Secret(PINECONE_KEY), host=server.url, model=None
        )
        yield embedder
        await embedder.close()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("embedder")


@pytest.fixture(params=[open_memory, open_prefixed, open_local, open_openai, open_pinecone])
async def embedder(request, data_dir):
    async with request.param(data_dir) as opened:
        yield opened


async def test_one_vector_per_text_in_order(embedder: Embedder):
    texts = [text for text in TEXTS if text]
    together = await embedder.embed(texts, kind=PASSAGE)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = await embedder.embed([text], kind=PASSAGE)
        assert math.dist(alone, vector) < 1e-5


async def test_every_vector_has_the_dimension_and_length_one(embedder: Embedder):
    for vector in await embedder.embed([text for text in TEXTS if text], kind=PASSAGE):
        assert len(vector) == embedder.dimension
        assert all(type(value) is float for value in vector)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)


async def test_no_texts_give_no_vectors(embedder: Embedder):
    assert list(await embedder.embed([], kind=PASSAGE)) == []


async def test_the_same_text_gets_the_same_vector_again(embedder: Embedder):
    first, second = await embedder.embed(["same words", "same words"], kind=PASSAGE)
    assert math.dist(first, second) < 1e-5


async def test_a_question_is_nearest_to_the_text_that_answers_it(embedder: Embedder):
    texts = [
        "The cafeteria serves soup on Mondays.",
        "To reset a forgotten password, open the account page and ask for a mail.",
        "Release notes of the billing service, version 4.",
    ]
    vectors = await embedder.embed(texts, kind=PASSAGE)
    (question,) = await embedder.embed(["How do I reset a forgotten password?"], kind=QUERY)
    distances = [math.dist(question, vector) for vector in vectors]
    assert distances.index(min(distances)) == 1


async def test_text_beyond_the_window_is_refused_by_place_and_not_cut(embedder: Embedder):
    long = "word " * embedder.max_tokens * 2
    assert embedder.count_tokens(long) > embedder.max_tokens
    with pytest.raises(DocumentError, match="Text 2 of 3") as caught:
        await embedder.embed(["short", long, "short"], kind=PASSAGE)
    assert caught.value.error_type is FailureType.VECTOR_EMBEDDING_FAILED


async def test_text_that_just_fills_the_window_is_embedded(embedder: Embedder):
    text = "word"
    while embedder.count_tokens(f"{text} word") <= embedder.max_tokens:
        text += " word"
    assert len(await embedder.embed([text], kind=PASSAGE)) == 1


async def test_more_text_never_counts_fewer_tokens(embedder: Embedder):
    for text in TEXTS:
        assert 2 <= embedder.count_tokens(text) <= embedder.count_tokens(f"{text} more")


async def test_the_model_has_a_name_for_its_vectors(embedder: Embedder):
    assert embedder.model
    assert embedder.model.isascii()


async def test_many_callers_at_once_get_their_own_vectors(embedder: Embedder):
    texts = [f"document number {number} about subject {number * 7}" for number in range(12)]
    expected = await embedder.embed(texts, kind=PASSAGE)
    found = await asyncio.gather(*(embedder.embed([text], kind=PASSAGE) for text in texts))
    for (vector,), wanted in zip(found, expected, strict=True):
        assert math.dist(vector, wanted) < 1e-5
