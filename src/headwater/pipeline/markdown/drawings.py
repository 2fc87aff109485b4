"""Drawings that keep their text in a macro: diagrams as source, and Confluence's roadmap planner.

What draw.io, Gliffy and the like draw lies in an attachment, which is a document of its own; of these
the page has but the name.
"""

import json
import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from headwater.pipeline.markdown.blocks import make_list
from headwater.pipeline.markdown.macro import Macro
from headwater.pipeline.markdown.text import make_fence, make_paragraph
from headwater.pipeline.markdown.visitor import Visitor

MAX_INFLATED: Final = 1_000_000
"""Bytes of a diagram's source. Compressed data may claim a thousand times its size."""

_MAX_PLAN_NODES: Final = 10_000
_RAW_DEFLATE: Final = -15
_NAMES: Final = ("diagramDisplayName", "diagramName", "name", "title", "filename", "")


def render_source(macro: Macro, visitor: Visitor, language: str) -> list[str]:
    """Render a diagram by its source, from the body or packed in a parameter; else by its name, a loss."""
    source = macro.read_plain_body() or _unpack(macro)
    rest = macro.render_besides(visitor)
    if source.strip():
        return [*_title(macro), make_fence(source.strip("\n"), language), *rest]
    return [*render_name(macro, visitor), *rest]


def render_name(macro: Macro, visitor: Visitor) -> list[str]:
    """Render a drawing by its name: what it shows is kept elsewhere."""
    visitor.lose(macro.name)
    name = make_paragraph(macro.read_parameter(*_NAMES))
    return [name] if name else []


def _title(macro: Macro) -> list[str]:
    title = make_paragraph(macro.read_parameter("title"))
    return [f"**{title}**"] if title else []


def _unpack(macro: Macro) -> str:
    """Return what the parameter ``data`` holds: text, or text escaped, deflated and in base 64."""
    data = macro.read_parameter("data")
    if macro.read_parameter("compressed") != "true":
        return data
    try:
        packed = b64decode(data, validate=True)
        inflated = zlib.decompressobj(_RAW_DEFLATE).decompress(packed, MAX_INFLATED)
        return unquote(inflated.decode())
    except (Base64Error, zlib.error, ValueError):
        return ""


def render_roadmap(macro: Macro, visitor: Visitor) -> list[str]:
    """Render a roadmap as its title and a list of what its lanes, bars and markers say; dates are lost."""
    visitor.lose(macro.name)
    said = dict.fromkeys(map(make_paragraph, _list_texts(_read_plan(macro))))
    items = make_list(("-", [text]) for text in said if text)
    return [*_title(macro), *items, *macro.render_besides(visitor)]


def _read_plan(macro: Macro) -> object:
    source = macro.read_parameter("source")
    try:
        return json.loads(unquote(source)) if source else None
    except (ValueError, RecursionError):
        return {"title": source}


def _list_texts(plan: object) -> Iterator[str]:
    """Yield the titles and descriptions in a plan, each part's before those of its own parts."""
    waiting = [plan]
    for _ in range(_MAX_PLAN_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, dict):
            said = (node.get(key) for key in ("title", "description"))
            yield from (text for text in said if isinstance(text, str))
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        waiting += [part for part in reversed(list(parts)) if isinstance(part, dict | list)]
