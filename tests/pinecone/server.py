"""A server that speaks Pinecone's protocol (API 2026-07, vector indexes), strict about its limits.

It can answer late (writes become visible when told), refuse with any status, and break off.
"""

import json
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.pinecone.filters import BadFilterError, matches
from tests.pinecone.inference import MODELS, embed_texts
from tests.pinecone.records import (
    BadRequestError,
    Stored,
    change_metadata,
    read_id,
    read_sparse,
    read_values,
    read_vector,
)

VERSIONS = {"2026-07", "2025-04"}
"""Ours, and that of the SDK 7 by which other tools read; a query is the same in both."""
KEY = "pc-test-key"
MAX_BODY = 2 << 20
MAX_ANSWER = 4 << 20
"""Of a query."""
PAGE = 100

Namespace = dict[str, Stored]


@dataclass
class PineconeServer:
    """The state of a project: indexes by name, and what went wrong on purpose."""

    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    namespaces: dict[str, dict[str, Namespace]] = field(default_factory=lambda: defaultdict(dict))
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """Paths and bodies, or the parameters of calls without one."""
    exchanges: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    """Method, route, body and answer of every call that went well."""
    faults: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)
    late: bool = False
    url: str = ""
    _waiting: list[Any] = field(default_factory=list)

    def fail(self, path: str, status: int, *, times: int = 1, **headers: str) -> None:
        """Answer the next calls to a path with this status; 0 breaks the connection off."""
        self.faults += [(path, status, headers)] * times

    def reset(self) -> None:
        """Forget everything; the address stays."""
        for part in (
            self.indexes,
            self.namespaces,
            self.calls,
            self.exchanges,
            self.faults,
            self._waiting,
        ):
            part.clear()
        self.late = False

    def catch_up(self) -> None:
        """Make every write visible."""
        for change in self._waiting:
            change()
        self._waiting.clear()

    def write(self, change: Any) -> None:
        if self.late:
            self._waiting.append(change)
        else:
            change()

    def records(self, namespace: str) -> Namespace:
        """Return what the only index holds in a namespace."""
        (spaces,) = self.namespaces.values()
        return spaces.get(namespace, {})


def make_app(server: PineconeServer) -> Starlette:
    routes = [
        Route("/indexes", create_index, methods=["POST"]),
        Route("/indexes/{name}", describe_index),
        Route("/models/{name}", describe_model),
        Route("/embed", embed, methods=["POST"]),
        Route("/{index}/vectors/upsert", upsert, methods=["POST"]),
        Route("/{index}/query", query, methods=["POST"]),
        Route("/{index}/vectors/fetch", fetch),
        Route("/{index}/vectors/list", list_ids),
        Route("/{index}/vectors/update", update, methods=["POST"]),
        Route("/{index}/vectors/delete", delete, methods=["POST"]),
        Route("/{index}/describe_index_stats", describe_stats, methods=["POST"]),
        Route("/{index}/namespaces/{namespace}", delete_namespace, methods=["DELETE"]),
    ]
    app = Starlette(
        routes=[
            Route(route.path, _guard(route.endpoint), methods=route.methods) for route in routes
        ]
    )
    app.state.server = server
    return app


def _guard(endpoint: Any) -> Any:
    async def call(request: Request) -> Response:
        server: PineconeServer = request.app.state.server
        raw = await request.body()
        refusal = _refuse(request, raw) or _take_fault(server, request.url.path)
        if refusal:
            return refusal
        body = await request.json() if raw else dict(request.query_params)
        server.calls.append((request.url.path, body))
        try:
            answer: Response = await endpoint(request, server, body)
        except (BadRequestError, BadFilterError) as error:
            return _error(400, str(error))
        if answer.status_code < 300:
            route = request.scope["route"].path
            told = json.loads(bytes(answer.body))
            server.exchanges.append((request.method, route, body, told))
        return answer

    return call


def _refuse(request: Request, raw: bytes) -> Response | None:
    if request.headers.get("api-key") != KEY:
        return PlainTextResponse("Invalid API Key", status_code=401)
    if request.headers.get("x-pinecone-api-version") not in VERSIONS:
        return PlainTextResponse("unknown API version", status_code=400)
    return _error(413, "request size is over 2 MB") if len(raw) > MAX_BODY else None


def _take_fault(server: PineconeServer, path: str) -> Response | None:
    for number, (wanted, status, headers) in enumerate(server.faults):
        if path.endswith(wanted):
            del server.faults[number]
            return _fail(status, headers)
    return None


def _fail(status: int, headers: dict[str, str]) -> Response:
    if status:
        return PlainTextResponse("made to fail", status_code=status, headers=headers)
    # A body shorter than declared: the client sees the connection break off.
    return Response(b"{", headers={"content-length": "9999", "content-type": "application/json"})


def _error(status: int, message: str) -> Response:
    return JSONResponse({"code": 3, "message": message, "details": []}, status_code=status)


# ── the control plane ──────────────────────────────────────────────────────────────────────────


async def create_index(_: Request, server: PineconeServer, body: Any) -> Response:
    name = body["name"]
    if name in server.indexes:
        problem = {"error": {"code": "ALREADY_EXISTS", "message": "exists"}, "status": 409}
        return JSONResponse(problem, status_code=409)
    server.indexes[name] = {
        "name": name,
        "host": f"{server.url}/{name}",
        "status": {"ready": True, "state": "Ready"},
        "deployment": {"environment": "test", **body["deployment"]},
        "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
        "schema": body["schema"],
        "deletion_protection": body.get("deletion_protection", "disabled"),
    }
    return JSONResponse(server.indexes[name], status_code=201)


async def describe_index(request: Request, server: PineconeServer, _: Any) -> Response:
    found = server.indexes.get(request.path_params["name"])
    if found is None:
        problem = {"error": {"code": "NOT_FOUND", "message": "no such index"}, "status": 404}
        return JSONResponse(problem, status_code=404)
    return JSONResponse(found)


def _dense(server: PineconeServer, request: Request) -> dict[str, Any]:
    fields = server.indexes[request.path_params["index"]]["schema"]["fields"]
    return next(field for field in fields.values() if field["type"] == "dense_vector")


# ── inference ──────────────────────────────────────────────────────────────────────────────────


async def describe_model(request: Request, _: PineconeServer, __: Any) -> Response:
    found = MODELS.get(request.path_params["name"])
    if found is None:
        problem = {"error": {"code": "NOT_FOUND", "message": "no such model"}, "status": 404}
        return JSONResponse(problem, status_code=404)
    return JSONResponse(found)


async def embed(_: Request, __: PineconeServer, body: Any) -> Response:
    values = embed_texts(body)
    return JSONResponse(
        {
            "model": body["model"],
            "vector_type": "dense",
            "data": [{"values": vector, "vector_type": "dense"} for vector in values],
            "usage": {"total_tokens": sum(len(item["text"].split()) for item in body["inputs"])},
        }
    )


# ── the data plane ─────────────────────────────────────────────────────────────────────────────


def _spaces(request: Request) -> dict[str, Namespace]:
    server: PineconeServer = request.app.state.server
    return server.namespaces[request.path_params["index"]]


async def upsert(request: Request, server: PineconeServer, body: Any) -> Response:
    if not 1 <= len(body["vectors"]) <= 1_000:
        raise BadRequestError("1 to 1,000 vectors at once")
    dimension = _dense(server, request)["dimension"]
    vectors = [read_vector(given, dimension) for given in body["vectors"]]
    spaces, name = _spaces(request), body.get("namespace", "")
    server.write(
        lambda: spaces.setdefault(name, {}).update({vector.id: vector for vector in vectors})
    )
    return JSONResponse({"upsertedCount": len(vectors)})


async def query(request: Request, server: PineconeServer, body: Any) -> Response:
    dense = _dense(server, request)
    if not 1 <= body["topK"] <= 10_000:
        raise BadRequestError("topK")
    sparse = read_sparse(body.get("sparseVector"))
    if sparse and dense["metric"] != "dotproduct":
        raise BadRequestError("Index configuration does not support sparse values")
    vector = read_values(body.get("vector"), dense["dimension"])
    if "filter" in body:
        matches(body["filter"], {})  # a broken filter is refused by an empty namespace too
    found = [
        (_score(stored, vector, sparse, dense["metric"]), stored)
        for stored in _spaces(request).get(body.get("namespace", ""), {}).values()
        if "filter" not in body or matches(body["filter"], stored.metadata)
    ]
    found.sort(key=lambda pair: (-pair[0], pair[1].id))
    shown = {"values": body.get("includeValues", False)}
    shown["metadata"] = body.get("includeMetadata", False)
    hits = [{**stored.as_json(**shown), "score": score} for score, stored in found[: body["topK"]]]
    answer = JSONResponse({"matches": hits, "namespace": body.get("namespace", "")})
    if len(bytes(answer.body)) > MAX_ANSWER:
        raise BadRequestError("the result is over 4 MB")
    return answer


def _score(stored: Stored, vector: np.ndarray, sparse: dict[int, float], metric: str) -> float:
    score = float(stored.values @ vector)
    if metric == "cosine":
        score /= float(np.linalg.norm(stored.values) * np.linalg.norm(vector))
    return score + sum(
        weight * stored.sparse[index] for index, weight in sparse.items() if index in stored.sparse
    )


async def fetch(request: Request, _: PineconeServer, __: Any) -> Response:
    ids = [read_id(text) for text in request.query_params.getlist("ids")]
    if not 1 <= len(ids) <= 1_000:
        raise BadRequestError("1 to 1,000 ids")
    name = request.query_params.get("namespace", "")
    held = _spaces(request).get(name, {})
    shown = {key: held[key].as_json(values=True, metadata=True) for key in ids if key in held}
    return JSONResponse({"vectors": shown, "namespace": name})


async def list_ids(request: Request, _: PineconeServer, __: Any) -> Response:
    params = request.query_params
    limit = int(params.get("limit", PAGE))
    if not 1 <= limit <= PAGE:
        raise BadRequestError("limit")
    held = _spaces(request).get(params.get("namespace", ""), {})
    after = params.get("paginationToken", "")
    ids = sorted(key for key in held if key.startswith(params.get("prefix", "")) and key > after)
    shown: dict[str, Any] = {"vectors": [{"id": key} for key in ids[:limit]]}
    if len(ids) > limit:
        shown["pagination"] = {"next": ids[limit - 1]}
    return JSONResponse(shown)


async def update(request: Request, server: PineconeServer, body: Any) -> Response:
    key, changes = read_id(body.get("id")), body["setMetadata"]
    spaces, name = _spaces(request), body.get("namespace", "")

    def change() -> None:
        held = spaces.get(name, {})
        if key in held:  # an unknown id is answered like a known one
            held[key] = change_metadata(held[key], changes)

    change_metadata(Stored(key, np.zeros(1), {}), changes)
    server.write(change)
    return JSONResponse({})


async def delete(request: Request, server: PineconeServer, body: Any) -> Response:
    spaces, name = _spaces(request), body.get("namespace", "")
    if name not in spaces and not server.late:
        return _error(404, "Namespace not found")
    if "filter" in body:
        matches(body["filter"], {})  # a broken filter is refused whatever the namespace holds
    elif not 1 <= len([read_id(text) for text in body["ids"]]) <= 1_000:
        raise BadRequestError("1 to 1,000 ids")

    def change() -> None:
        held = spaces.get(name, {})
        chosen = body.get("ids", [])
        if "filter" in body:  # given with ids too, the filter alone counts
            chosen = [key for key, one in held.items() if matches(body["filter"], one.metadata)]
        for key in chosen:
            held.pop(key, None)

    server.write(change)
    return JSONResponse({})


async def delete_namespace(request: Request, server: PineconeServer, _: Any) -> Response:
    spaces, name = _spaces(request), request.path_params["namespace"]
    if name not in spaces:
        return _error(404, "Namespace not found")
    server.write(lambda: spaces.pop(name, None))
    return JSONResponse({})


async def describe_stats(request: Request, server: PineconeServer, _: Any) -> Response:
    dense, spaces = _dense(server, request), _spaces(request)
    return JSONResponse(
        {
            "namespaces": {name: {"vectorCount": len(held)} for name, held in spaces.items()},
            "dimension": dense["dimension"],
            "indexFullness": 0.0,
            "totalVectorCount": sum(map(len, spaces.values())),
            "metric": dense["metric"],
            "vectorType": "dense",
        }
    )


@contextmanager
def run_pinecone() -> Iterator[PineconeServer]:
    """Serve on a free port of this machine, in a thread, while the block runs."""
    server = PineconeServer()
    config = uvicorn.Config(make_app(server), port=0, log_config=None, lifespan="off", ws="none")
    running = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield server
        finally:
            running.should_exit = True
            thread.join()
