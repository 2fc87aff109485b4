"""An embeddings endpoint far away: OpenAI-compatible, the same vector for the same text, and slow."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from zlib import crc32

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MODEL = "far-away"
DIMENSION = 16
"""Few: what is measured is the waiting."""


@contextmanager
def run_endpoint(seconds: float) -> Iterator[str]:
    """Serve on 127.0.0.1 while the block runs, each answer after so many seconds; give the base URL."""

    async def answer(request: Request) -> JSONResponse:
        texts = (await request.json())["input"]
        await asyncio.sleep(seconds)
        data = [
            {"object": "embedding", "index": place, "embedding": _make_vector(text)}
            for place, text in enumerate(texts)
        ]
        return JSONResponse({"object": "list", "data": data, "model": MODEL, "usage": {}})

    app = Starlette(routes=[Route("/v1/embeddings", answer, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    with config.bind_socket() as listener:
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


def _make_vector(text: str) -> str:
    numbers = np.random.default_rng(crc32(text.encode())).standard_normal(DIMENSION)
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode("ascii")
