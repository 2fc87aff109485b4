"""A Confluence made of canned answers, and a clock that only sleeping moves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2

from headwater.adapters.confluence.client import JsonClient, Limits
from headwater.adapters.confluence.governor import SiteGovernor
from headwater.adapters.confluence.patience import PATIENT, Timing
from headwater.domain.content import DocumentKind, ListedDocument, Space, SpaceStatus, SpaceType
from headwater.domain.ids import ContentId, SpaceId, SpaceKey

ROOT = "https://acme.example.com"
NOW = datetime(2026, 3, 26, 15, 0, tzinfo=UTC)
KNOWN_USER = {"type": "known", "accountId": "557058:me"}
SPACE = Space(SpaceId("100"), SpaceKey("DOCS"), "Docs", SpaceType.GLOBAL, SpaceStatus.CURRENT)
SPACE_ITEM = {"id": "100", "key": "DOCS", "name": "Docs", "type": "global", "status": "current"}

Reply = httpx2.Response | Callable[[httpx2.Request], httpx2.Response]


class FakeClock:
    """Never really sleeps; remembers how long it was asked to."""

    def __init__(self) -> None:
        self.moment = NOW
        self.sleeps: list[float] = []

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.moment += timedelta(seconds=seconds)

    @property
    def timing(self):
        return Timing(
            now=lambda: self.moment, sleep=self.sleep, dice=lambda: 0.5, watch=self.read_watch
        )

    def read_watch(self):
        return (self.moment - NOW).total_seconds()


class FakeConfluence:
    """Answers by path; a list of replies is used up, its last one stays."""

    def __init__(self, routes=None) -> None:
        self.routes = {"/wiki/rest/api/user/current": answer(KNOWN_USER), **(routes or {})}
        self.requests: list[httpx2.Request] = []

    def __call__(self, request) -> httpx2.Response:
        self.requests.append(request)
        reply = self.routes.get(request.url.path, status(404))
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        answered: httpx2.Response = reply(request) if callable(reply) else copy(reply)
        return answered

    def queries(self, path):
        return [dict(item.url.params) for item in self.requests if item.url.path == path]

    def count(self, path):
        return len(self.queries(path))

    @property
    def transport(self):
        return httpx2.MockTransport(self)


def answer(value, **headers):
    return httpx2.Response(
        200, content=json.dumps(value), headers={"content-type": "application/json", **headers}
    )


def status(code, **headers):
    return httpx2.Response(
        code, json={}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def html(code=200):
    return httpx2.Response(code, html="<html>Log in</html>")


def results(items, following=None):
    links = {"next": following} if following else {}
    return answer({"results": items, "_links": links})


def copy(reply):
    return httpx2.Response(reply.status_code, content=reply.content, headers=reply.headers)


def make_client(
    confluence,
    *,
    root=ROOT,
    clock=None,
    limits=None,
    patience=PATIENT,
    on_wait=None,
    governor=None,
    authorization="Basic eDp5",
):
    timing = (clock or FakeClock()).timing
    return JsonClient(
        httpx2.AsyncClient(transport=httpx2.MockTransport(confluence)),
        root,
        authorization,
        limits=limits or Limits(),
        patience=patience,
        timing=timing,
        visitor=(governor or SiteGovernor(timing)).join(on_wait),
    )


def page_item(content_id, **fields):
    return {
        "id": str(content_id),
        "status": "current",
        "title": f"Page {content_id}",
        "spaceId": "100",
        "parentId": None,
        "authorId": "557058:ann",
        "version": {"number": 3, "createdAt": "2026-01-02T03:04:05.678Z"},
        "_links": {"webui": f"/spaces/DOCS/pages/{content_id}/Title"},
        **fields,
    }


def body_item(content_id, text="<p>x</p>", **fields):
    return page_item(content_id, body={"storage": {"value": text}}, **fields)


def listed(content_id, kind=DocumentKind.PAGE):
    return ListedDocument(ContentId(str(content_id)), kind, "T", 1, NOW)


def restriction_item(users=(), groups=(), **extra):
    """One ``read`` operation with account ids and (id, name) pairs."""
    return {
        "operation": "read",
        "restrictions": {
            "user": inner([{"type": "known", "accountId": user} for user in users], **extra),
            "group": inner([{"type": "group", "id": item[0], "name": item[1]} for item in groups]),
        },
    }


def inner(items, **extra):
    return {"results": items, "start": 0, "limit": 100, "size": len(items), **extra}


async def collect(batches):
    return [item async for batch in batches for item in batch]
