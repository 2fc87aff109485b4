"""Recognising the caller's credential in a URL that Confluence names: it is neither asked nor quoted."""

import base64
from urllib.parse import unquote

_SHORTEST = 12
"""A shorter password may be a word that stands in honest paths."""


def find_telltales(authorization: str | None) -> tuple[str, ...]:
    """Return what of an ``Authorization`` header no URL may hold: its value, and Basic's password."""
    scheme, _, value = (authorization or "").partition(" ")
    secrets = [value]
    if scheme == "Basic":
        secrets.append(base64.b64decode(value).decode("utf-8", "replace").partition(":")[2])
    return tuple(secret.casefold() for secret in secrets if len(secret) >= _SHORTEST)


def is_telltale(url: str, telltales: tuple[str, ...]) -> bool:
    """Tell whether a URL holds one of them, percent-encoded or not, in letters of any case."""
    forms = (url.casefold(), unquote(url).casefold())
    return any(secret in form for secret in telltales for form in forms)
