"""PP-OCR through RapidOCR and ONNX Runtime, upright whichever way the page lies."""

from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from headwater.adapters.extraction.ocr.reading_order import Point, Word

Pixels = NDArray[np.uint8]
"""Height, width and three channels: blue, green, red."""

PARAMETERS = {
    # The classifier of lines takes upright ones for upside down, and one thread beats two that spin.
    "Global.use_cls": False,
    "Global.log_level": "critical",
    "Det.limit_type": "max",
    "Det.limit_side_len": 1280,
    "Rec.rec_batch_num": 1,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}
TALL_BOX = 1.5
SIDEWAYS_SHARE = 0.5
UPRIGHT_CONFIDENCE = 0.90
"""Upright pages score .97 and more, also noisy ones; turned ones .58 to .70."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """Words with the length-weighted mean of their scores, and the share of boxes on end."""

    words: tuple[Word, ...]
    confidence: float
    tall: float

    @property
    def worth(self) -> float:
        """How likely this is the right way up."""
        return self.confidence * (1 - self.tall)


@cache
def load_engine() -> RapidOCR:
    """Return the engine; its models are part of the package (about 2 seconds)."""
    return RapidOCR(params=PARAMETERS)


def recognize(pixels: Pixels) -> Recognition:
    """Return the words of an image, turned by quarters when it does not lie upright."""
    first = _recognize_once(pixels)
    if not first.words:
        return first
    if first.tall > SIDEWAYS_SHARE:
        turns: tuple[int, ...] = (1, 3)
    elif first.confidence < UPRIGHT_CONFIDENCE:
        turns = (2,)
    else:
        return first
    turned = [_recognize_once(np.ascontiguousarray(np.rot90(pixels, turn))) for turn in turns]
    return max([first, *turned], key=lambda found: found.worth)


def _recognize_once(pixels: Pixels) -> Recognition:
    found: Any = load_engine()(pixels)
    if found.boxes is None or found.txts is None or found.scores is None:
        return Recognition((), 0.0, 0.0)
    words = tuple(
        Word(text, _corners(box)) for text, box in zip(found.txts, found.boxes, strict=True)
    )
    return Recognition(words, _weigh(found.txts, found.scores), _share_tall(words))


def _corners(box: NDArray[np.float32]) -> tuple[Point, Point, Point, Point]:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return first, second, third, fourth


def _weigh(texts: tuple[str, ...], scores: tuple[float, ...]) -> float:
    total = sum(len(text) for text in texts)
    pairs = zip(texts, scores, strict=True)
    return sum(len(text) * score for text, score in pairs) / total if total else 0.0


def _share_tall(words: tuple[Word, ...]) -> float:
    return sum(_is_tall(word) for word in words) / len(words)


def _is_tall(word: Word) -> bool:
    flat = list(chain.from_iterable(word.corners))
    xs, ys = flat[::2], flat[1::2]
    return max(ys) - min(ys) > TALL_BOX * (max(xs) - min(xs))
