"""Trouble at a rate: a share of Confluence's answers is replaced, by a seed that repeats it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

Mishap = Callable[["Storm", str, Response], Response]


@dataclass
class Storm:
    """A fault of the sandbox. ``rate`` is the share of answers it spoils."""

    seed: int
    rate: float
    struck: list[str] = field(default_factory=list)
    """What it did, in order: the name of the mishap and the route."""

    def __post_init__(self) -> None:
        self._dice = Random(self.seed)  # noqa: S311  (trouble that a seed repeats)
        self._rows: dict[str, list[object]] = {}

    def __call__(self, _request: Request, route: str, answer: Response) -> Response:
        if self._dice.random() >= self.rate:
            return answer
        (name,) = self._dice.choices(list(MISHAPS), WEIGHTS)
        self.struck.append(f"{name} {route}")
        return MISHAPS[name](self, route, answer)

    def break_off(self, request: httpx2.Request) -> httpx2.TransportError | None:
        """Return the trouble that a request meets on its way, if any."""
        if self._dice.random() >= self.rate / 4:
            return None
        trouble = self._dice.choice(BREAKS)
        self.struck.append(f"{trouble.__name__} {request.url.path}")
        return trouble("trouble on the way", request=request)

    def drop_row(self, route: str, answer: Response) -> Response:
        """Return a page of a space's list without one of its rows."""
        value = _read_list(answer) if route.endswith(LISTINGS) else None
        if value is None or not value["results"]:
            return answer
        value["results"].pop(self._dice.randrange(len(value["results"])))
        return JSONResponse(value, answer.status_code)

    def repeat_rows(self, route: str, answer: Response) -> Response:
        """Return a page of a list with rows of an earlier page, or of its own, once more."""
        value = _read_list(answer)
        if value is None:
            return answer
        before = self._rows.setdefault(route, [])
        rows = value["results"]
        value["results"] = [*rows, *rows[:1], *before[:2]]
        before.extend(rows)
        return JSONResponse(value, answer.status_code)


def _read_list(answer: Response) -> dict[str, Any] | None:
    if answer.status_code != 200 or answer.media_type != "application/json":
        return None
    value = json.loads(bytes(answer.body))
    is_list = isinstance(value, dict) and isinstance(value.get("results"), list)
    return value if is_list else None


def _throttle(seconds: int) -> Mishap:
    return lambda *_: Response(status_code=429, headers={"retry-after": str(seconds)})


def _refuse(status: int) -> Mishap:
    return lambda *_: JSONResponse({"message": "trouble"}, status)


LISTINGS: Final = (
    "/wiki/api/v2/spaces/{id}/pages",
    "/wiki/api/v2/spaces/{id}/blogposts",
    "/rest/api/content",
    "/rest/api/content/scan",
    "/rest/api/content/search",
    "/rest/api/search",
)
"""How the routes of lists end."""

BREAKS: Final = (httpx2.ReadError, httpx2.ReadTimeout, httpx2.ConnectError)
"""A connection that is reset, one that stalls, and none."""

MISHAPS: Final[dict[str, Mishap]] = {
    "429 at once": _throttle(0),
    "429 later": _throttle(1),
    "500": _refuse(500),
    "502": _refuse(502),
    "503": _refuse(503),
    "cut off": lambda _, __, answer: Response(
        answer.body[: len(answer.body) // 2], media_type="application/json"
    ),
    "HTML": lambda *_: HTMLResponse("<html><title>Log in</title></html>"),
    "wrong type": lambda _, __, answer: Response(answer.body, media_type="text/plain"),
    "rows twice": Storm.repeat_rows,
    "row missing": Storm.drop_row,
}

WEIGHTS: Final = [1 if name == "429 later" else 10 for name in MISHAPS]
"""A wait is the same trouble as any other, and takes its time."""
