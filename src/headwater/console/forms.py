"""Reading what a form sent: bounded in size, time and number of fields."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from fastapi import Request

from headwater.domain.errors import InvalidInputError

MAX_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 1_000
BODY_SECONDS: Final = 30.0
"""How long a form may take to arrive."""

_FORM_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, as sent."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """Return a field without the white space around it; empty where it is missing."""
        return self.fields.get(name, [""])[-1].strip()

    def has(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return bool(self.text(name))

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of a field that hold something, each once."""
        lines = map(str.strip, self.text(name).splitlines())
        return tuple(dict.fromkeys(filter(None, lines)))


async def read_form(request: Request) -> Form:
    """Return the form; ``InvalidInputError`` for what is none, is too large or too slow."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise InvalidInputError(("form",), "send this as a form; use the console's own page")
    return parse_form(await _read_bytes(request))


def parse_form(raw: bytes) -> Form:
    """Return the fields of an encoded form; ``InvalidInputError`` for what is none."""
    try:
        fields = parse_qs(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise _damaged() from error
    if any("\0" in value for values in fields.values() for value in values):
        raise _damaged()  # no database holds it
    return Form(fields)


def _damaged() -> InvalidInputError:
    return InvalidInputError(("form",), "the form is damaged; reload the page")


async def _read_bytes(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BYTES:
                    raise InvalidInputError(("form",), f"the form is over {MAX_BYTES} bytes")
    except TimeoutError as error:
        raise InvalidInputError(("form",), "the form took too long to arrive; try again") from error
    return bytes(body)
