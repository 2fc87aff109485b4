"""The media host: hands out a file's bytes to whoever holds a signed, short-lived URL."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from headwater.sandbox.world import World


@dataclass(slots=True)
class MediaGate:
    """Signs and checks the URLs of one media host. ``lifetime`` is in seconds."""

    url: str
    secret: bytes = field(repr=False)
    lifetime: float = 60.0
    read_time: Callable[[], float] = time.time

    def sign(self, attachment_id: str, version: int) -> str:
        """Return a URL that opens one version of one file for a short time."""
        expires = str(int(self.read_time() + self.lifetime))
        path = f"/file/{attachment_id}/{version}/binary"
        return f"{self.url}{path}?expires={expires}&signature={self._compute(path, expires)}"

    def opens(self, path: str, expires: str, signature: str) -> bool:
        """Tell whether a URL is signed by this gate and still alive."""
        genuine = hmac.compare_digest(signature.encode(), self._compute(path, expires).encode())
        return genuine and int(expires) > self.read_time()

    def _compute(self, path: str, expires: str) -> str:
        return hmac.new(self.secret, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def make_media_app(world: World, gate: MediaGate) -> Starlette:
    """Return the media host's application.

    It refuses a request that carries ``Authorization``: a signed URL is the only way in, so a
    client that forwards Confluence's credentials to another host is found out.
    """

    def send_file(request: Request) -> Response:
        query = request.query_params
        if "authorization" in request.headers:
            return PlainTextResponse("Only one authentication mechanism is allowed", 400)
        if not gate.opens(request.url.path, query.get("expires", ""), query.get("signature", "")):
            return PlainTextResponse("Request signature is wrong or has expired", 403)
        attachment = world.attachments.get(request.path_params["attachment_id"])
        if attachment is None:
            return PlainTextResponse("Not found", 404)
        disposition = f"attachment; filename*=UTF-8''{quote(attachment.title)}"
        return Response(
            attachment.read(request.path_params["version"]),
            media_type=attachment.media_type,
            headers={"content-disposition": disposition},
        )

    return Starlette(routes=[Route("/file/{attachment_id}/{version:int}/binary", send_file)])
