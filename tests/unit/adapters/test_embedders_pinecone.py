"""What is Pinecone's inference's own: batches, refusals, and what each says of who can mend it."""

import math

import pytest

from headwater.adapters.embedders.pinecone import PineconeEmbedder
from headwater.domain.errors import (
    BackendAwayError,
    ConfigError,
    DocumentError,
    FailureType,
    RetryableError,
)
from headwater.domain.secrets import Secret
from headwater.ports import EmbeddingKind
from tests.pinecone.inference import BATCH, DENSE, DIMENSION, SPARSE, WINDOW
from tests.pinecone.server import KEY, run_pinecone

PASSAGE, QUERY = EmbeddingKind.PASSAGE, EmbeddingKind.QUERY


@pytest.fixture(scope="module")
def running():
    with run_pinecone() as server:
        yield server


@pytest.fixture
async def embedder(running):
    running.reset()
    opened = await open_embedder(running)
    yield opened
    await opened.close()


async def open_embedder(server, *, model=None, key=KEY):
    return await PineconeEmbedder.open(api_key=Secret(key), host=server.url, model=model)


async def test_the_service_tells_what_the_model_is(embedder):
    assert (embedder.dimension, embedder.max_tokens, embedder.batch) == (DIMENSION, WINDOW, BATCH)
    assert embedder.model == f"pinecone-{DENSE}-d{DIMENSION}"


async def test_requests_carry_as_many_texts_as_the_model_takes(embedder, running):
    texts = [f"text {number}" for number in range(2 * BATCH + 1)]
    assert len(await embedder.embed(texts, kind=PASSAGE)) == len(texts)
    asked = [body for path, body in running.calls if path == "/embed"]
    assert [len(body["inputs"]) for body in asked] == [BATCH, BATCH, 1]
    assert all(body["parameters"]["truncate"] == "NONE" for body in asked)


async def test_questions_and_passages_are_embedded_as_such(embedder):
    (passage,) = await embedder.embed(["the same words"], kind=PASSAGE)
    (question,) = await embedder.embed(["the same words"], kind=QUERY)
    assert math.dist(passage, question) > 0.001


async def test_one_text_that_is_refused_is_named_and_spoils_no_other(embedder):
    texts = ["one", "two", " ", "four"]
    with pytest.raises(DocumentError, match=r"Text 3 of 4.*an input is empty") as caught:
        await embedder.embed(texts, kind=PASSAGE)
    assert caught.value.error_type is FailureType.VECTOR_EMBEDDING_FAILED


@pytest.mark.parametrize(
    ("model", "said"),
    [("no-such-model", "knows no model 'no-such-model'"), (SPARSE, "makes no dense vectors")],
)
async def test_a_model_that_cannot_be_used_is_refused_by_name_of_the_setting(running, model, said):
    with pytest.raises(ConfigError, match=f"HEADWATER_EMBEDDER_MODEL.*{said}"):
        await open_embedder(running, model=model)


async def test_a_wrong_key_is_said_at_the_start(running):
    with pytest.raises(ConfigError, match="HEADWATER_PINECONE_API_KEY"):
        await open_embedder(running, key="wrong")


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, BackendAwayError), (400, DocumentError)],
)
async def test_a_refusal_is_told_by_who_can_mend_it(embedder, running, status, error):
    running.fail("/embed", status)
    with pytest.raises(error):
        await embedder.embed(["text"], kind=PASSAGE)


async def test_after_an_outage_the_same_texts_are_embedded(embedder, running):
    running.fail("/embed", 503, times=20)
    with pytest.raises(RetryableError):
        await embedder.embed(["text"], kind=PASSAGE)
    running.faults.clear()
    assert len(await embedder.embed(["text"], kind=PASSAGE)) == 1
