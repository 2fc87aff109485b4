"""Style sheet and scripts, under names that change with their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headwater.domain.errors import NotFoundError

FOREVER: Final = "public, max-age=31536000, immutable"

_SCRIPTS: Final = files("django_htmx") / "static" / "django_htmx"
_OWN: Final = files("headwater.console") / "static"
_STYLES: Final = ("console.css", "reading.css")
"""Sent as one style sheet."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that every page may ask for. ``mark`` is a digest of its content."""

    content: bytes
    media_type: str

    @property
    def mark(self) -> str:
        """Part of the file's address: another content has another address."""
        return hashlib.sha256(self.content).hexdigest()[:16]


def _load_files() -> Mapping[str, StaticFile]:
    style, script = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
    return {
        "console.css": StaticFile(b"".join((_OWN / name).read_bytes() for name in _STYLES), style),
        "icon.svg": StaticFile((_OWN / "icon.svg").read_bytes(), "image/svg+xml"),
        "htmx.js": StaticFile((_SCRIPTS / "htmx-2.min.js").read_bytes(), script),
        "htmx-sse.js": StaticFile((_SCRIPTS / "ext" / "hx-sse-2.min.js").read_bytes(), script),
    }


FILES: Final = _load_files()

router = APIRouter()


def name_static(root: str, name: str) -> str:
    """Return the address of a file, below the console's own."""
    return f"{root}/static/{FILES[name].mark}/{name}"


@router.get("/static/{mark}/{name}")
async def send_static(request: Request, mark: str, name: str) -> Response:
    """Send a style sheet, a script or the icon; browsers keep it for good."""
    found = FILES.get(name)
    if found is None or found.mark != mark:
        raise NotFoundError("there is no such file; reload the page")
    if request.headers.get("if-none-match") == f'"{mark}"':
        return Response(status_code=304)
    headers = {"Cache-Control": FOREVER, "ETag": f'"{mark}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)
