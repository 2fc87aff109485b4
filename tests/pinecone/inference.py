"""The models that the server runs, and what it refuses to embed."""

from typing import Any

from headwater.adapters.embedders.memory import MemoryEmbedder
from tests.pinecone.records import BadRequestError

DENSE, SPARSE = "multilingual-e5-large", "pinecone-sparse-english-v0"
DIMENSION, WINDOW, BATCH = 64, 507, 96

_WORDS = MemoryEmbedder(dimension=DIMENSION, max_tokens=WINDOW)


def _describe(name: str, **fields: Any) -> dict[str, Any]:
    shared = {"model": name, "short_description": name, "type": "embed", "modality": "text"}
    limits = {"max_sequence_length": WINDOW, "max_batch_size": BATCH, "provider_name": "nobody"}
    return {**shared, **limits, "supported_parameters": [], **fields}


MODELS = {
    DENSE: _describe(DENSE, vector_type="dense", default_dimension=DIMENSION),
    SPARSE: _describe(SPARSE, vector_type="sparse"),
}


def embed_texts(body: dict[str, Any]) -> list[list[float]]:
    """Return vectors of other lengths than one; a question's and a passage's differ a little."""
    if body["model"] != DENSE:
        raise BadRequestError(f"model {body['model']!r} is not supported")
    parameters = body.get("parameters", {})
    if parameters.get("input_type") not in {"query", "passage"}:
        raise BadRequestError("input_type is required")
    texts = [item["text"] for item in body["inputs"]]
    if not 1 <= len(texts) <= BATCH:
        raise BadRequestError(f"1 to {BATCH} inputs")
    for text in texts:
        if not text.strip():
            raise BadRequestError("an input is empty")
        if parameters.get("truncate") == "NONE" and _WORDS.count_tokens(text) > WINDOW:
            raise BadRequestError(f"an input has more than {WINDOW} tokens")
    lean = 0.01 if parameters["input_type"] == "query" else 0.0
    return [[3 * (value + lean) for value in _WORDS._hash_words(text)] for text in texts]
