"""What an address asks for behind its question mark: bounded, and free of what no database holds."""

from fastapi import Request

from headwater.domain.errors import InvalidInputError

MAX_LENGTH = 4_000
"""Characters of one parameter."""


def read_parameter(request: Request, name: str) -> str:
    """Return a parameter as it is; empty where it is missing.

    ``InvalidInputError`` for one that is too long or holds a NUL.
    """
    text = request.query_params.get(name, "")
    if len(text) > MAX_LENGTH or "\0" in text:
        raise InvalidInputError(("query", name), f"{name!r} is too long, or holds a NUL character")
    return text


def read_parameters(request: Request, name: str) -> tuple[str, ...]:
    """Return every value of a parameter, and the parts between its commas, each once."""
    given = ",".join(request.query_params.getlist(name))
    if len(given) > MAX_LENGTH or "\0" in given:
        raise InvalidInputError(("query", name), f"{name!r} is too long, or holds a NUL character")
    return tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
