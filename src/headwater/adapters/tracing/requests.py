"""A span for each request to Confluence, from its sending to its answer's last byte."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Final, cast

import httpx2

from headwater.adapters.tracing.spans import OtelSpan, OtelTracer

_KNOWN: Final = frozenset(
    """
    wiki rest api v1 v2 ex confluence content pages blogposts spaces space attachments attachment
    child children comment comments footer-comments inline-comments labels label search restriction
    restrictions byOperation read user users users-bulk current bulk group member members permission
    permissions role-assignments folders databases whiteboards embeds descendants ancestors download
    downloads _edge tenant_info settings systemInfo page blogpost direct-children history version
    """.split()  # noqa: SIM905  (a table to be read in lines)
)
"""Parts of Confluence's own paths; every other part may name something, so it is left out."""

_REFUSED: Final = 400


class TracedTransport(httpx2.AsyncBaseTransport):
    """Sends requests through another transport."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, tracer: OtelTracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its span ends when the answer is closed."""
        span = self._tracer.start(
            "confluence.request",
            method=request.method,
            host=request.url.host,
            path=mask_path(request.url.path),
        )
        with ExitStack() as until_answered:
            until_answered.push(span.leave)
            response = await self._inner.handle_async_request(request)
            until_answered.pop_all()
        span.note(status=response.status_code)
        if response.status_code >= _REFUSED:
            span.fail(str(response.status_code))
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_TracedStream(cast("httpx2.AsyncByteStream", response.stream), span),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()


class _TracedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, span: OtelSpan) -> None:
        self._inner = inner
        self._span = span

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._span.end()


def mask_path(path: str) -> str:
    """Return the path with ``{}`` for every part that is not Confluence's own word."""
    return "/".join(part if part in _KNOWN or not part else "{}" for part in path.split("/"))
