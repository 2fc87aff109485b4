"""A strict OpenAI-compatible ``/v1/embeddings`` on 127.0.0.1, for tests; misbehaves when told to."""

import asyncio
import base64
from collections import deque
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.ports import EmbeddingKind

KEY = "sk-made-up-0123456789"
MODEL = "words"
DIMENSION = 48

Answer = Callable[[list[dict[str, object]]], object]


def refuse(status: int, message: str, **headers: str) -> Response:
    body = {"error": {"message": message, "type": "invalid_request_error", "code": None}}
    return JSONResponse(body, status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@dataclass
class EmbeddingsServer:
    """``replies`` are used up first, one per request; ``rewrite`` alters the items of good answers."""

    url: str = ""
    largest_batch: int = 2048
    numbers_only: bool = False
    forbidden: str | None = None
    rewrite: Answer | None = None
    replies: deque[Response] = field(default_factory=deque)
    batches: list[list[str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.headers.append(dict(request.headers))
        texts = body["input"]
        self.batches.append(texts)
        if self.replies:
            return self.replies.popleft()
        return self.find_fault(request, body) or await self.embed(texts, body["encoding_format"])

    def find_fault(self, request: Request, body: dict[str, Any]) -> Response | None:
        texts = body["input"]
        if request.headers.get("authorization") != f"Bearer {KEY}":
            given = request.headers.get("authorization")
            return refuse(401, f"Incorrect API key provided: {given}")
        if body["model"] != MODEL:
            return refuse(404, f"The model {body['model']} does not exist")
        if body["encoding_format"] not in {"float", "base64"} or not texts or "" in texts:
            return refuse(400, "invalid input")
        if len(texts) > self.largest_batch:
            return refuse(413, f"batch size {len(texts)} > {self.largest_batch}")
        if self.forbidden in texts:
            return refuse(400, f"{self.forbidden} cannot be embedded with {KEY}")
        return None

    async def embed(self, texts: list[str], encoding: str) -> Response:
        embedder = MemoryEmbedder(dimension=DIMENSION, max_tokens=100_000)
        vectors = await embedder.embed(texts, kind=EmbeddingKind.PASSAGE)
        as_base64 = encoding == "base64" and not self.numbers_only
        items: list[dict[str, object]] = [
            {"object": "embedding", "index": index, "embedding": encode(vector, as_base64)}
            for index, vector in enumerate(vectors)
        ]
        data = self.rewrite(items) if self.rewrite else items
        return JSONResponse({"object": "list", "data": data, "model": MODEL, "usage": {}})


def encode(vector: list[float], as_base64: bool) -> object:  # noqa: FBT001  (read in place)
    scaled = [3.0 * value for value in vector]  # not of length one: endpoints need not be
    if not as_base64:
        return scaled
    return base64.b64encode(np.array(scaled, "<f4").tobytes()).decode()


@asynccontextmanager
async def serve_embeddings():
    server = EmbeddingsServer()
    app = Starlette(routes=[Route("/v1/embeddings", server.answer, methods=["POST"])])
    config = uvicorn.Config(app, "127.0.0.1", 0, log_config=None, lifespan="off")
    runner = Runner(config)
    task = asyncio.create_task(runner.serve())
    await runner.ready.wait()
    port = runner.servers[0].sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}/v1"
    yield server
    runner.should_exit = True
    await task


class Runner(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self.ready.set()
