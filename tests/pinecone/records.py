"""What the service keeps of a vector, and what it refuses to keep."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

MAX_METADATA = 40_960
MAX_SPARSE = 2_048


class BadRequestError(ValueError):
    """A request that the service answers with 400."""


@dataclass(frozen=True)
class Stored:
    id: str
    values: np.ndarray
    sparse: dict[int, float]
    metadata: dict[str, Any] = field(default_factory=dict)

    def as_json(self, *, values: bool, metadata: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.id}
        if values:
            shown["values"] = self.values.astype(float).tolist()
            if self.sparse:
                shown["sparseValues"] = {
                    "indices": list(self.sparse),
                    "values": list(self.sparse.values()),
                }
        if metadata:
            shown["metadata"] = self.metadata
        return shown


def read_vector(given: dict[str, Any], dimension: int) -> Stored:
    return Stored(
        id=read_id(given["id"]),
        values=read_values(given.get("values"), dimension),
        sparse=read_sparse(given.get("sparseValues")),
        metadata=read_metadata(given.get("metadata") or {}),
    )


def change_metadata(stored: Stored, changes: dict[str, Any]) -> Stored:
    return replace(stored, metadata=read_metadata({**stored.metadata, **changes}))


def read_id(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= 512:
        raise BadRequestError(f"no id: {text!r}")
    if not text.isascii() or "\0" in text:
        raise BadRequestError(f"an id is ASCII without NUL: {text!r}")
    return text


def read_values(given: Any, dimension: int) -> np.ndarray:
    if not isinstance(given, list) or len(given) != dimension:
        raise BadRequestError(f"Vector dimension does not match the index's {dimension}")
    values = np.array(given, dtype=np.float32)
    if not np.isfinite(values).all() or not (np.abs(values) >= 1e-8).any():
        raise BadRequestError("Dense vectors must contain at least one non-zero value")
    return values


def read_sparse(given: Any) -> dict[int, float]:
    if given is None:
        return {}
    indices, values = given["indices"], given["values"]
    if not indices or len(indices) != len(values) or len(indices) > MAX_SPARSE:
        raise BadRequestError("sparse values: as many indices as values, 1 to 2,048")
    if len(set(indices)) != len(indices) or not all(0 <= index < 2**32 for index in indices):
        raise BadRequestError("sparse indices: distinct, 32 bits")
    return {index: float(np.float32(value)) for index, value in zip(indices, values, strict=True)}


def read_metadata(given: dict[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if name.startswith("$"):
            raise BadRequestError(f"metadata key {name!r}")
        if isinstance(value, list):
            if not all(isinstance(item, str) for item in value):
                raise BadRequestError(f"metadata {name}: a list of strings")
        elif not isinstance(value, str | int | float | bool):
            raise BadRequestError(f"metadata {name}: {type(value).__name__} is not supported")
    size = len(json.dumps(given, ensure_ascii=False).encode())
    if size > MAX_METADATA:
        raise BadRequestError(f"Metadata size is {size} bytes, which exceeds the limit of 40960")
    return {
        name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in given.items()
    }
