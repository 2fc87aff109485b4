"""Reading a request body as one JSON object, or refusing it with 400.

Stricter than ``json.loads`` where readers differ about what a text means: no duplicate keys, no
``NaN``, no lone surrogates, no nesting that could exhaust a stack.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from fastapi import Request

from headwater.api.errors import Problem, RefusalError

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 64
BODY_SECONDS: Final = 30.0
"""How long a body may take to arrive."""

_JSON_TYPE: Final = re.compile(r"application/([\w.!#$&^-]+\+)?json", re.ASCII | re.IGNORECASE)
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP: Final = [1 if byte in b"[{" else -1 for byte in range(256)]


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the body; 400 unless it is one JSON object, declared as JSON, within the limits."""
    _check_declared(request.headers.get("content-type", ""))
    raw = await _read_bytes(request)
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise _refusal("type_error.dict", "the body is not a JSON object")
    return value


def parse_json(raw: bytes) -> object:
    """Parse a whole JSON text; 400 for what is none or is ambiguous."""
    if not raw.strip():
        raise _refusal("value_error.jsondecode", "the body is empty; send a JSON object")
    if max(accumulate(map(_STEP.__getitem__, _brackets(raw))), default=0) > MAX_DEPTH:
        raise _refusal("value_error.too_deep", f"nested more than {MAX_DEPTH} levels deep")
    return _load(raw)


def _brackets(raw: bytes) -> bytes:
    return _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)


def _load(raw: bytes) -> object:
    try:
        value: object = json.loads(
            raw.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise _refusal("value_error.jsondecode", "the body is not UTF-8") from None
    except UnicodeEncodeError:
        raise _refusal("value_error.jsondecode", "a string holds half a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise _refusal("value_error.jsondecode", error.msg, error.pos) from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise _refusal("value_error.jsondecode", "a number has too many digits") from None
    return value


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refusal("value_error.jsondecode", "an object names the same key twice")
    return found


def _refuse_constant(name: str) -> object:
    raise _refusal("value_error.jsondecode", f"{name} is no JSON")


def _check_declared(content_type: str) -> None:
    if not _JSON_TYPE.fullmatch(content_type.split(";", 1)[0].strip()):
        problem = Problem(
            ("header", "content-type"),
            "declare the body as application/json",
            "value_error.content_type",
        )
        raise RefusalError(400, [problem])


async def _read_bytes(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and len(declared) > len(str(MAX_BYTES)):
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BYTES:
                    raise _too_large()
    except TimeoutError:
        message = f"the body did not arrive within {BODY_SECONDS:.0f} s"
        raise _refusal("value_error.too_slow", message) from None
    return bytes(body)


def _too_large() -> RefusalError:
    return _refusal("value_error.too_large", f"the body is over {MAX_BYTES} bytes")


def _refusal(kind: str, message: str, position: int | None = None) -> RefusalError:
    loc = ("body",) if position is None else ("body", position)
    return RefusalError(400, [Problem(loc, message, kind)])
