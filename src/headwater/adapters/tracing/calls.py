"""A span around the calls of a port, whichever adapter is behind it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any, Final, cast

from headwater.adapters.metrics import KNOWN_ENDINGS
from headwater.ports import Embedder, Extractor, Fact, StoreBatch, Tracer, VectorStore

Facts = Mapping[str, Fact]
Describe = Callable[..., Facts]


class TracedCalls:
    """Passes everything on, with a span around each call that is described."""

    def __init__(
        self, inner: Any, tracer: Tracer, part: str, calls: Mapping[str, Describe]
    ) -> None:
        self._inner = inner
        self._tracer = tracer
        self._part = part
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        """Return what the adapter has under this name."""
        found = getattr(self._inner, name)
        describe = self._calls.get(name)
        return partial(self._run, name, found, describe) if describe else found

    async def _run(
        self,
        name: str,
        call: Callable[..., Awaitable[Any]],
        describe: Describe,
        *args: Any,
        **named: Any,
    ) -> Any:
        with self._tracer.span(f"{self._part}.{name}") as span:
            span.note(**describe(*args, **named))
            return await call(*args, **named)


def trace_embedder(inner: Embedder, tracer: Tracer) -> Embedder:
    """Return the embedder with a span around each embedding."""
    return cast("Embedder", TracedCalls(inner, tracer, "embedder", _EMBEDDER))


def trace_store(inner: VectorStore, tracer: Tracer) -> VectorStore:
    """Return the store with a span around each reading and writing."""
    return cast("VectorStore", TracedCalls(inner, tracer, "store", _STORE))


def trace_extractor(inner: Extractor, tracer: Tracer) -> Extractor:
    """Return the extractor with a span around each file."""
    return cast("Extractor", TracedCalls(inner, tracer, "extractor", _EXTRACTOR))


def _count_documents(_namespace: object, documents: Any) -> Facts:
    return {"documents": len(documents)}


def _count_batch(_namespace: object, batch: StoreBatch) -> Facts:
    return {
        "upserts": len(batch.upserts),
        "records": sum(len(item.records) for item in batch.upserts),
        "metadata": len(batch.metadata),
        "deletions": len(batch.deletions),
    }


def _describe_file(file: Any, policy: Any) -> Facts:
    ending = PurePath(file.name).suffix.lower().removeprefix(".")
    kind = ending if ending in KNOWN_ENDINGS else "other"
    return {"type": kind, "bytes": len(file.data), "ocr": bool(policy.use_ocr)}


_EMBEDDER: Final[Mapping[str, Describe]] = {
    "embed": lambda texts, *, kind: {"texts": len(texts), "kind": kind.value},
}
_STORE: Final[Mapping[str, Describe]] = {
    "apply": _count_batch,
    "query": lambda _namespace, query: {"limit": query.limit},
    "read_vectors": _count_documents,
    "read_chunks": _count_documents,
    "settle": lambda _namespace: {},
}
_EXTRACTOR: Final[Mapping[str, Describe]] = {"extract": _describe_file}
