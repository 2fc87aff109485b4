"""MiniLM-L6-v2 and its siblings (BERT encoders) as an ONNX graph, built from safetensors weights.

The graph takes token ids and a mask and returns finished sentence vectors: mean pooling over the
mask and scaling to length one happen inside it. It uses ONNX Runtime's own operators (domain
``com.microsoft``), which do attention and the residual layer norms in one pass each.
Architecture: Devlin et al. 2018, "BERT"; pooling: Reimers and Gurevych 2019, "Sentence-BERT".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from headwater.domain.errors import ConfigError

Array = npt.NDArray[np.float32]

RECIPE = 1
"""Raise it with any change here that could change a vector or the file."""

IDS, MASK, EMBEDDING = "input_ids", "attention_mask", "embedding"
"""The graph's inputs (int32, texts x tokens) and its output (float32, texts x hidden size)."""

_OPSETS = (helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1))
_IR_VERSION = 9
_EMBEDDINGS = "embeddings"


@dataclass(frozen=True, slots=True)
class BertShape:
    """The sizes of an encoder; the field names are ours, the defaults MiniLM-L6-v2's."""

    layers: int = 6
    hidden: int = 384
    heads: int = 12
    intermediate: int = 1536
    positions: int = 512
    vocabulary: int = 30522
    epsilon: float = 1e-12


MINILM_L6 = BertShape()


def build_model(weights: Mapping[str, Array], shape: BertShape) -> ModelProto:
    """Return the encoder as an ONNX model; ``ConfigError`` when the weights do not fit the shape."""
    _check_weights(weights, shape)
    graph = _Graph(weights, shape)
    hidden = _add_embeddings(graph)
    for number in range(shape.layers):
        hidden = _add_layer(graph, f"encoder.layer.{number}", hidden)
    _add_pooling(graph, hidden)
    model = graph.to_model()
    checker.check_model(model)
    return model


def expected_weights(shape: BertShape) -> dict[str, tuple[int, ...]]:
    """Return the name and size of every tensor that the graph is made of."""
    sizes: dict[str, tuple[int, ...]] = {
        f"{_EMBEDDINGS}.word_embeddings.weight": (shape.vocabulary, shape.hidden),
        f"{_EMBEDDINGS}.position_embeddings.weight": (shape.positions, shape.hidden),
        f"{_EMBEDDINGS}.token_type_embeddings.weight": (2, shape.hidden),
        f"{_EMBEDDINGS}.LayerNorm.weight": (shape.hidden,),
        f"{_EMBEDDINGS}.LayerNorm.bias": (shape.hidden,),
    }
    for number in range(shape.layers):
        sizes.update(_expected_layer(f"encoder.layer.{number}", shape))
    return sizes


def _expected_layer(name: str, shape: BertShape) -> dict[str, tuple[int, ...]]:
    square, wide = (shape.hidden, shape.hidden), (shape.intermediate, shape.hidden)
    dense = {
        "attention.self.query": square,
        "attention.self.key": square,
        "attention.self.value": square,
        "attention.output.dense": square,
        "intermediate.dense": wide,
        "output.dense": (shape.hidden, shape.intermediate),
    }
    sizes: dict[str, tuple[int, ...]] = {}
    for part, size in dense.items():
        sizes |= {f"{name}.{part}.weight": size, f"{name}.{part}.bias": size[:1]}
    for part in ("attention.output.LayerNorm", "output.LayerNorm"):
        sizes |= {f"{name}.{part}.weight": square[:1], f"{name}.{part}.bias": square[:1]}
    return sizes


def _check_weights(weights: Mapping[str, Array], shape: BertShape) -> None:
    problems = list(_find_misfits(weights, shape))
    if problems:
        raise ConfigError(
            f"The embedding weights do not fit the architecture: {'; '.join(problems[:3])}"
            f"{' …' if len(problems) > 3 else ''}. Give a folder with a BERT encoder's"  # noqa: PLR2004  (three are shown)
            " model.safetensors, tokenizer.json and config.json."
        )


def _find_misfits(weights: Mapping[str, Array], shape: BertShape) -> Iterator[str]:
    if shape.hidden % shape.heads:
        yield f"{shape.hidden} units cannot be shared by {shape.heads} heads"
    for name, size in expected_weights(shape).items():
        if name not in weights:
            yield f"{name} is missing"
        elif weights[name].shape != size:
            yield f"{name} is {weights[name].shape}, not {size}"


class _Graph:
    """Collects nodes and constants; every constant is named after the weight it comes from."""

    def __init__(self, weights: Mapping[str, Array], shape: BertShape) -> None:
        self.weights = weights
        self.shape = shape
        self._nodes: list[Any] = []
        self._constants: list[TensorProto] = []

    def add_constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add_node(
        self, operator: str, inputs: Sequence[str], output: str, *, domain: str = "", **options: Any
    ) -> str:
        self._nodes.append(
            helper.make_node(operator, inputs, [output], name=output, domain=domain, **options)
        )
        return output

    def add_fused(self, operator: str, inputs: Sequence[str], output: str, **options: Any) -> str:
        return self.add_node(operator, inputs, output, domain="com.microsoft", **options)

    def copy_weight(self, name: str) -> str:
        return self.add_constant(name, self.weights[name])

    def copy_pair(self, name: str) -> tuple[str, str]:
        return self.copy_weight(f"{name}.weight"), self.copy_weight(f"{name}.bias")

    def turn_weight(self, name: str) -> str:
        """Add a dense layer's matrix as inputs x outputs, which is how ONNX multiplies."""
        return self.add_constant(f"{name}.weight", self.weights[f"{name}.weight"].T)

    def to_model(self) -> ModelProto:
        tokens = ["texts", "tokens"]
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT32, tokens) for name in (IDS, MASK)
        ]
        output = helper.make_tensor_value_info(
            EMBEDDING, TensorProto.FLOAT, ["texts", self.shape.hidden]
        )
        graph = helper.make_graph(
            self._nodes, "encoder", inputs, [output], initializer=self._constants
        )
        return helper.make_model(graph, opset_imports=_OPSETS, ir_version=_IR_VERSION)


def _add_embeddings(graph: _Graph) -> str:
    table = f"{_EMBEDDINGS}.position_embeddings.weight"
    # Every token is of type 0, so its row moves into the position table.
    positions = (
        graph.weights[table] + graph.weights[f"{_EMBEDDINGS}.token_type_embeddings.weight"][0]
    )
    words = graph.copy_weight(f"{_EMBEDDINGS}.word_embeddings.weight")
    gathered = graph.add_node("Gather", [words, IDS], "words")
    width = graph.add_node("Shape", [IDS], "width", start=1, end=2)
    start = graph.add_constant("zero", np.zeros(1, np.int64))
    rows = graph.add_node("Slice", [graph.add_constant(table, positions), start, width], "rows")
    placed = graph.add_node("Add", [gathered, rows], "placed")
    return graph.add_node(
        "LayerNormalization",
        [placed, *graph.copy_pair(f"{_EMBEDDINGS}.LayerNorm")],
        "embedded",
        epsilon=graph.shape.epsilon,
    )


def _add_layer(graph: _Graph, name: str, hidden: str) -> str:
    context = graph.add_fused(
        "Attention",
        [hidden, *_join_attention(graph, name), MASK],
        f"{name}.context",
        num_heads=graph.shape.heads,
    )
    attended = _add_residual(graph, f"{name}.attention.output", context, hidden)
    inner = f"{name}.intermediate.dense"
    wide = graph.add_node("MatMul", [attended, graph.turn_weight(inner)], f"{name}.wide")
    bias = graph.copy_weight(f"{inner}.bias")
    active = graph.add_fused("BiasGelu", [wide, bias], f"{name}.active")
    return _add_residual(graph, f"{name}.output", active, attended)


def _join_attention(graph: _Graph, name: str) -> tuple[str, str]:
    parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    matrix = np.concatenate([graph.weights[f"{part}.weight"].T for part in parts], axis=1)
    bias = np.concatenate([graph.weights[f"{part}.bias"] for part in parts])
    joined = f"{name}.attention.self"
    return (
        graph.add_constant(f"{joined}.weight", matrix),
        graph.add_constant(f"{joined}.bias", bias),
    )


def _add_residual(graph: _Graph, name: str, new: str, old: str) -> str:
    dense = graph.add_node("MatMul", [new, graph.turn_weight(f"{name}.dense")], f"{name}.product")
    scale, shift = graph.copy_pair(f"{name}.LayerNorm")
    bias = graph.copy_weight(f"{name}.dense.bias")
    return graph.add_fused(
        "SkipLayerNormalization",
        [dense, old, scale, shift, bias],
        f"{name}.sum",
        epsilon=graph.shape.epsilon,
    )


def _add_pooling(graph: _Graph, hidden: str) -> None:
    """Average the tokens under the mask, then scale to length one (which cancels the average's divisor)."""
    mask = graph.add_node("Cast", [MASK], "mask", to=TensorProto.FLOAT)
    last, tokens = (
        graph.add_constant(name, np.array([axis], np.int64))
        for name, axis in (("last", 2), ("one", 1))
    )
    column = graph.add_node("Unsqueeze", [mask, last], "column")
    masked = graph.add_node("Mul", [hidden, column], "masked")
    total = graph.add_node("ReduceSum", [masked, tokens], "total", keepdims=0)
    length = graph.add_node("ReduceL2", [total, tokens], "length", keepdims=1)
    graph.add_node("Div", [total, length], EMBEDDING)
