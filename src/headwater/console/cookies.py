"""The console's two cookies: who is signed in, and which sign-in form is answered."""

import re
from typing import Final

from fastapi import Request
from fastapi.responses import Response

SESSION: Final = "headwater-session"
DOOR: Final = "headwater-door"
"""Holds the form token of somebody who is not signed in yet."""

_PORT: Final = re.compile(r":[0-9]*$")

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def read_cookie(request: Request, name: str) -> str | None:
    """Return a cookie's value as the browser sent it."""
    return request.cookies.get(_spell(request, name))


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Have the browser keep a value until it is closed, out of reach of scripts and other sites."""
    response.set_cookie(
        _spell(request, name),
        value,
        path="/" if _is_secure(request) else f"{request.scope['root_path']}/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax" if name == SESSION else "strict",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Have the browser forget a value."""
    response.delete_cookie(
        _spell(request, name),
        path="/" if _is_secure(request) else f"{request.scope['root_path']}/",
        secure=_is_secure(request),
        httponly=True,
    )


def _spell(request: Request, name: str) -> str:
    """Return the name in full: browsers let nobody but this very host set one with this prefix."""
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Request) -> bool:
    """Tell whether cookies go over TLS only: always, but for a browser on this very machine."""
    host = _PORT.sub("", request.headers.get("host", "")).strip("[]")
    return request.scope["scheme"] == "https" or host not in LOOPBACK
