import base64
import math
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import stamina
from openai import AsyncOpenAI
from starlette.responses import JSONResponse, PlainTextResponse
from structlog.testing import capture_logs

from headwater.adapters.embedders import openai as adapter
from headwater.adapters.embedders.openai import OpenAIEmbedder
from headwater.domain.errors import ConfigError, DocumentError, FailureType, RetryableError
from headwater.domain.secrets import Secret
from headwater.ports import EmbeddingKind
from tests.unit.adapters.embeddings_server import (
    DIMENSION,
    KEY,
    MODEL,
    refuse,
    serve_embeddings,
)

PASSAGE = EmbeddingKind.PASSAGE


@pytest.fixture(autouse=True)
def _retry_without_waiting():
    with stamina.set_testing(testing=True, attempts=adapter.ATTEMPTS):
        yield


@pytest.fixture
async def server():
    async with serve_embeddings() as running:
        yield running


@pytest.fixture
async def embedder(server):
    opened = await open_embedder(server)
    server.batches.clear()
    server.headers.clear()
    yield opened
    await opened.close()


async def open_embedder(server, **settings):
    given = {"base_url": server.url, "model": MODEL, "api_key": Secret(KEY), **settings}
    return await OpenAIEmbedder.open(**given)


async def test_the_dimension_is_learned_from_one_short_text(embedder):
    assert embedder.dimension == DIMENSION
    assert embedder.model == f"openai-{MODEL}-d{DIMENSION}"


async def test_a_given_dimension_needs_no_request_to_open(server):
    embedder = await open_embedder(server, dimension=DIMENSION, max_tokens=8000)
    assert (embedder.dimension, embedder.max_tokens, server.batches) == (DIMENSION, 8000, [])
    await embedder.close()


async def test_numbers_and_base64_give_the_same_vectors(server, embedder):
    as_base64 = await embedder.embed(["some words"], kind=PASSAGE)
    server.numbers_only = True
    as_numbers = await embedder.embed(["some words"], kind=PASSAGE)
    assert math.dist(as_base64[0], as_numbers[0]) < 1e-6


async def test_vectors_come_back_in_the_order_of_the_texts_whatever_the_order_of_the_answer(
    server, embedder
):
    texts = [f"text {number}" for number in range(5)]
    expected = await embedder.embed(texts, kind=PASSAGE)
    server.rewrite = lambda items: items[::-1]
    assert await embedder.embed(texts, kind=PASSAGE) == expected


async def test_a_request_holds_at_most_64_texts(server, embedder):
    await embedder.embed(["text"] * 130, kind=PASSAGE)
    assert [len(batch) for batch in server.batches] == [64, 64, 2]


async def test_a_request_holds_a_bounded_number_of_tokens(server, embedder, monkeypatch):
    monkeypatch.setattr(adapter, "BATCH_TOKENS", 20)
    texts = ["one two three four five"] * 5
    assert embedder.count_tokens(texts[0]) == 10
    await embedder.embed(texts, kind=PASSAGE)
    assert [len(batch) for batch in server.batches] == [2, 2, 1]


async def test_a_batch_that_is_too_large_for_the_endpoint_is_halved(server, embedder):
    texts = [f"text {number}" for number in range(10)]
    expected = await embedder.embed(texts, kind=PASSAGE)
    server.largest_batch = 3
    assert await embedder.embed(texts, kind=PASSAGE) == expected


async def test_one_refused_text_is_named_by_its_place(server, embedder):
    server.forbidden = "text 70"
    with pytest.raises(
        DocumentError, match=r"Text 71 of 80.*HTTP 400.*cannot be embedded"
    ) as caught:
        await embedder.embed([f"text {number}" for number in range(80)], kind=PASSAGE)
    assert caught.value.error_type is FailureType.VECTOR_EMBEDDING_FAILED
    assert KEY not in str(caught.value)


async def test_a_refusal_is_quoted_only_from_openais_own_field(server, embedder):
    server.replies.append(JSONResponse({"detail": [{"input": "a private text"}]}, 422))
    with pytest.raises(DocumentError, match="HTTP 422") as caught:
        await embedder.embed(["a private text"], kind=PASSAGE)
    assert "private" not in str(caught.value)


@pytest.mark.parametrize("reply", [refuse(429, "slow down", retry_after="0"), refuse(500, "oops")])
async def test_a_short_trouble_is_waited_out(server, embedder, reply):
    server.replies.append(reply)
    with capture_logs() as logs:
        assert len(await embedder.embed(["a private text"], kind=PASSAGE)) == 1
    assert len(server.batches) == 2
    assert "a private text" not in str(logs)


async def test_lasting_trouble_is_retryable_after_a_bounded_number_of_attempts(server, embedder):
    server.replies.extend(refuse(503, "down") for _ in range(9))
    with pytest.raises(RetryableError, match="HTTP 503") as caught:
        await embedder.embed(["text"], kind=PASSAGE)
    assert caught.value.retry_after is None
    assert len(server.batches) == adapter.ATTEMPTS


async def test_a_long_retry_after_is_handed_to_the_caller_at_once(server, embedder):
    server.replies.append(refuse(429, "slow down", retry_after="37"))
    with pytest.raises(RetryableError) as caught:
        await embedder.embed(["text"], kind=PASSAGE)
    assert caught.value.retry_after == 37
    assert len(server.batches) == 1


async def test_a_retry_after_may_be_a_date(server, embedder):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.replies.append(refuse(429, "slow down", retry_after=date))
    with pytest.raises(RetryableError) as caught:
        await embedder.embed(["text"], kind=PASSAGE)
    assert caught.value.retry_after == pytest.approx(60, abs=3)


@pytest.mark.parametrize("value", ["soon", "-1", "inf", "nan"])
async def test_a_senseless_retry_after_counts_as_none(server, embedder, value):
    server.replies.extend(refuse(429, "slow down", retry_after=value) for _ in range(3))
    with pytest.raises(RetryableError) as caught:
        await embedder.embed(["text"], kind=PASSAGE)
    assert caught.value.retry_after is None


@pytest.mark.parametrize(
    ("status", "setting"),
    [
        (401, "HEADWATER_EMBEDDER_API_KEY"),
        (403, "HEADWATER_EMBEDDER_API_KEY"),
        (404, "HEADWATER_EMBEDDER_MODEL"),
        (405, "HEADWATER_EMBEDDER_URL"),
    ],
)
async def test_a_wrong_setting_is_named(server, embedder, status, setting):
    server.replies.append(refuse(status, "no"))
    with pytest.raises(ConfigError, match=setting):
        await embedder.embed(["text"], kind=PASSAGE)
    assert len(server.batches) == 1


async def test_a_wrong_key_refuses_to_open_and_is_shown_nowhere(server):
    with pytest.raises(ConfigError, match="HEADWATER_EMBEDDER_API_KEY") as caught:
        await open_embedder(server, api_key=Secret("sk-wrong-key"))
    assert "sk-wrong-key" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_an_unknown_model_refuses_to_open(server):
    with pytest.raises(ConfigError, match="HEADWATER_EMBEDDER_MODEL"):
        await open_embedder(server, model="other")


async def test_an_endpoint_that_refuses_a_single_word_refuses_to_open(server):
    server.forbidden = "proof"
    with pytest.raises(ConfigError, match="single word"):
        await open_embedder(server)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"base_url": None}, "HEADWATER_EMBEDDER_URL"),
        ({"base_url": "localhost:8080"}, "HEADWATER_EMBEDDER_URL"),
        ({"base_url": "ftp://host/v1"}, "HEADWATER_EMBEDDER_URL"),
        ({"base_url": "http://host:no-port/v1"}, "HEADWATER_EMBEDDER_URL"),
        ({"base_url": "http:///v1"}, "HEADWATER_EMBEDDER_URL"),
        ({"model": None}, "HEADWATER_EMBEDDER_MODEL"),
        ({"api_key": Secret("two\nlines")}, "HEADWATER_EMBEDDER_API_KEY"),
        ({"api_key": Secret("schlüssel")}, "HEADWATER_EMBEDDER_API_KEY"),
    ],
)
async def test_an_unusable_setting_is_named_before_any_request(server, settings, named):
    with pytest.raises(ConfigError, match=named) as caught:
        await open_embedder(server, **settings)
    assert server.batches == []
    assert "lines" not in str(caught.value)


async def test_without_a_key_the_request_carries_none_of_ours_nor_the_sdks(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-from-the-environment")
    with pytest.raises(ConfigError):
        await open_embedder(server, api_key=None)
    assert "from-the-environment" not in str(server.headers)


async def test_nobody_listening_is_retryable(server):
    with pytest.raises(RetryableError, match="cannot be reached"):
        await open_embedder(server, base_url="http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    "reply",
    [
        PlainTextResponse("<html>a proxy's page</html>"),
        JSONResponse({"data": None}),
        JSONResponse({"data": [{"index": 0, "embedding": "not base64!"}]}),
        JSONResponse({"data": [{"index": 0, "embedding": "AAAA"}]}),
        JSONResponse({"data": [{"index": 0, "embedding": []}]}),
        JSONResponse({"data": [{"index": "a", "embedding": [1.0]}]}),
    ],
)
async def test_an_answer_of_another_shape_is_retryable_and_points_to_the_url(
    server, embedder, reply
):
    server.replies.extend([reply] * adapter.ATTEMPTS)
    with pytest.raises(RetryableError, match="HEADWATER_EMBEDDER_URL"):
        await embedder.embed(["text"], kind=PASSAGE)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda items: items[:-1],
        lambda items: [*items, items[0]],
        lambda items: [items[0]] * len(items),
        lambda _items: [],
    ],
)
async def test_a_wrong_number_of_vectors_is_never_taken_for_an_answer(server, embedder, rewrite):
    server.rewrite = rewrite
    with pytest.raises(RetryableError, match="do not match the 2 texts"):
        await embedder.embed(["one", "two"], kind=PASSAGE)


async def test_a_vector_of_another_size_says_that_the_model_changed(server, embedder):
    server.numbers_only = True
    server.rewrite = lambda items: [{**item, "embedding": [1.0, 2.0]} for item in items]
    with pytest.raises(ConfigError, match="2 numbers instead of 48"):
        await embedder.embed(["text"], kind=PASSAGE)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
async def test_a_vector_without_direction_fails_its_text(server, embedder, value):
    vector = base64.b64encode(struct.pack("<f", value) * DIMENSION).decode()
    server.rewrite = lambda items: [items[0], {**items[1], "embedding": vector}]
    with pytest.raises(DocumentError, match="Text 2 of 2"):
        await embedder.embed(["good", "bad"], kind=PASSAGE)


def test_an_embedder_that_was_not_opened_has_no_dimension():
    client = AsyncOpenAI(base_url="http://127.0.0.1:1", api_key=KEY)
    with pytest.raises(RuntimeError, match="open"):
        assert OpenAIEmbedder(client, MODEL, dimension=None, max_tokens=1).dimension


async def test_neither_repr_nor_model_show_the_key(embedder):
    assert KEY not in repr(embedder) + embedder.model
