"""The default embedder: an encoder in this process, on the CPU, without the network."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException
from tokenizers import Tokenizer

from headwater.adapters.embedders.minilm import EMBEDDING, IDS, MASK
from headwater.adapters.embedders.weights import (
    ModelFiles,
    ensure_graph,
    find_default_files,
    read_model_folder,
)
from headwater.adapters.embedders.window import refuse_long
from headwater.domain.errors import ConfigError, RetryableError
from headwater.ports import EmbeddingKind, Vector

RUN_TOKENS = 1024
RUN_TEXTS = 16
"""Limits of one run, padding included. On a CPU larger runs cost more time per token and more memory
(``benchmarks/embedding.py``), and make others wait longer for their turn."""

MAX_THREADS = 8
"""A batch of this size does not scale beyond; a container may see far more cores than it may use."""

_T = TypeVar("_T")
_Tokens = list[int]


class LocalEmbedder:
    """A BERT encoder in ONNX Runtime. Open it with :meth:`open`; safe to use from many tasks.

    Questions have a thread of their own, so that a search does not queue behind a sync's passages.
    """

    def __init__(self, files: ModelFiles, tokenizer: Tokenizer, session: Any) -> None:
        self._files = files
        self._tokenizer = tokenizer
        self._session = session
        self._lanes = {
            kind: ThreadPoolExecutor(1, thread_name_prefix=f"embed-{kind}")
            for kind in EmbeddingKind
        }

    @classmethod
    async def open(cls, data_dir: Path, model_dir: Path | None = None) -> Self:
        """Load the model, building it under ``data_dir/models`` at first use (1 to 2 seconds).

        ``model_dir`` names other weights (``HEADWATER_EMBEDDER_MODEL``); ``ConfigError`` when they
        cannot be used.
        """
        embedder = await asyncio.to_thread(cls._load, data_dir / "models", model_dir)
        await _prove(embedder)
        return embedder

    @classmethod
    def _load(cls, cache: Path, model_dir: Path | None) -> Self:
        files = read_model_folder(model_dir) if model_dir else find_default_files()
        tokenizer = load_tokenizer(files.tokenizer)
        if tokenizer.get_vocab_size() > files.shape.vocabulary:
            raise ConfigError(
                f"{files.tokenizer} knows more tokens than {files.weights}: they belong to different models."
            )
        return cls(files, tokenizer, _open_session(ensure_graph(files, cache)))

    async def close(self) -> None:
        """Wait for the batch in hand, then let the threads go."""
        for lane in self._lanes.values():
            await asyncio.to_thread(lane.shutdown)

    @property
    def model(self) -> str:
        """Names weights, tokenizer, sizes, window and our graph recipe by digest."""
        return self._files.name

    @property
    def dimension(self) -> int:
        """The length of every vector."""
        return self._files.shape.hidden

    @property
    def max_tokens(self) -> int:
        """The window in tokens, the two special ones included."""
        return self._files.window

    def count_tokens(self, text: str) -> int:
        """Return the exact number of tokens, special ones included (about 0.3 ms for a full window)."""
        return len(self._tokenizer.encode(text).ids)

    async def embed(self, texts: Sequence[str], *, kind: EmbeddingKind) -> list[Vector]:
        """Return one vector per text, in order; the kind decides the thread, not the vector.

        ``DocumentError`` names the first text that is longer than the window; nothing is cut off.
        """
        tokens = await self._in_lane(kind, lambda: self._tokenize(texts))
        refuse_long([len(ids) for ids in tokens], self.max_tokens)
        vectors: dict[int, Vector] = {}
        for batch in _batches(tokens):
            found = await self._in_lane(
                kind, partial(self._run, [tokens[place] for place in batch])
            )
            vectors.update(zip(batch, found, strict=True))
        return [vectors[place] for place in range(len(tokens))]

    async def _in_lane(self, kind: EmbeddingKind, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._lanes[kind], work)

    def _tokenize(self, texts: Sequence[str]) -> list[_Tokens]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def _run(self, batch: Sequence[_Tokens]) -> list[Vector]:
        try:
            outputs = self._session.run([EMBEDDING], _pad(batch))
        except (Fail, RuntimeException) as error:
            raise RetryableError(
                "The embedding model could not run; free some memory and try again."
            ) from error
        vectors: list[Vector] = outputs[0].tolist()
        return vectors


async def _prove(embedder: LocalEmbedder) -> None:
    vector = (await embedder.embed(["proof"], kind=EmbeddingKind.QUERY))[0]
    if not np.isfinite(vector).all():
        await embedder.close()
        raise ConfigError(
            "The embedding weights give no numbers. Replace model.safetensors, or unset"
            " HEADWATER_EMBEDDER_MODEL for the default model."
        )


def load_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer without padding and truncation, reading ``[SEP]`` and the like as plain text."""
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(f"{path} is not a tokenizer.json: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


def _open_session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(_usable_cores(), MAX_THREADS)
    options.log_severity_level = 3
    # Idle threads sleep: the event loop and its neighbours need the cores between two batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _batches(tokens: Sequence[_Tokens]) -> Iterator[list[int]]:
    """Yield the places of texts of like length, shortest first, so that little is padding."""
    batch: list[int] = []
    for place in sorted(range(len(tokens)), key=lambda place: len(tokens[place])):
        padded = (len(batch) + 1) * len(tokens[place])
        if batch and (padded > RUN_TOKENS or len(batch) == RUN_TEXTS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _pad(batch: Sequence[_Tokens]) -> dict[str, Any]:
    ids = np.zeros((len(batch), max(map(len, batch))), np.int32)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {IDS: ids, MASK: mask}
