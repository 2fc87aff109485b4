"""A server on 127.0.0.1 that answers byte by byte what a test tells it to."""

import asyncio
from contextlib import asynccontextmanager

JSON = "application/json"


class Server:
    """Plays one script per path; remembers the requests' paths and authorization."""

    def __init__(self, scripts) -> None:
        self.scripts = scripts
        self.requests: list[tuple[str, bool]] = []
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            target = head.split(" ")[1]
            self.requests.append((target, "authorization:" in head.lower()))
            script = self.scripts.get(target.partition("?")[0], reply(404, "{}"))
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has hung up, as some tests want it to
        finally:
            writer.close()


@asynccontextmanager
async def run(scripts):
    server = Server(scripts)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def reply(code, body, *, content_type=JSON, length=None, **headers):
    """One answer; ``length`` may lie about the body's."""

    async def script(_reader, writer):
        data = body.encode()
        lines = [
            f"HTTP/1.1 {code} X",
            f"content-type: {content_type}",
            f"content-length: {len(data) if length is None else length}",
            "connection: close",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        await writer.drain()

    return script


def endless(piece, counter):
    """An answer without an end, as fast as it is taken."""

    async def script(_reader, writer):
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\n\r\n".encode())
        while True:
            writer.write(piece)
            counter.append(len(piece))
            await writer.drain()

    return script


def silent():
    """Headers, and then nothing until the client hangs up."""

    async def script(reader, writer):
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\n\r\n".encode())
        await writer.drain()
        await reader.read()

    return script


def dripping(seconds):
    """A byte now and then, for ever."""

    async def script(_reader, writer):
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\n\r\n".encode())
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(seconds)

    return script


def hang_up():
    """Close without a word."""

    async def script(_reader, writer):
        writer.close()

    return script
