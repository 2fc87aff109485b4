"""HTTP/1.1 on the wire, for clients that are slow or broken on purpose."""

import asyncio
import json
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 10.0
"""How long a client may take for a request's line and headers; they may be 64 KiB."""


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol, which waits for a request's headers for a bounded time only.

    Without the bound each client that sends its headers byte by byte would hold a connection for ever;
    so would one that goes on with a body after its answer.
    What is no HTTP is answered in the one shape of all errors.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; while they make no whole head, or nobody reads them any more, the time goes on."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._expect_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless its request's answer has begun, and close."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._answer_no_http(msg)
        self.transport.close()

    def _answer_no_http(self, msg: str) -> None:
        problem = {"loc": ["request"], "msg": msg, "type": "value_error.http"}
        body = json.dumps({"detail": [problem]}).encode()
        head = h11.Response(
            status_code=400,
            headers=[
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ],
            reason=b"Bad Request",
        )
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
