"""Two tenants beside each other, on one Confluence's ids, under one roof: nothing read ever crosses.

Both call their spaces, pages, jobs, configurations and labels the same. What tells them apart is a word
that all of a tenant's content holds, and that no answer to the other, and no log line, may hold.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs

from headwater.api.application import create_app
from headwater.config import load_settings
from headwater.sandbox.server import Sandbox, run_sandbox
from headwater.sandbox.world import World
from tests.integration.sync.lab import KEY, Lab, open_lab, paragraphs

API = "/v2/confluence"
SECRET = "a-shared-secret-of-more-than-32-bytes"
TENANTS = {
    "alphamark": "8d1c2b7e-0f43-4a6b-9a55-c1f0de6b9a10",
    "betamark": "c7e5a9d2-64b8-4c1f-8f02-3b9d7ae1506f",
}
JOBS = ["job-a", "job-b"]
COMMON = "commonword"


@dataclass
class Side:
    """One tenant: its mark, its Confluence, and what of it should be found."""

    mark: str
    site: Sandbox
    pages: list[str] = field(default_factory=list)
    synced: set[str] | None = None
    """Titles as the last complete sync saw them; unknown while one is under way."""
    unsure: set[str] = field(default_factory=set)
    """Those among them that a deletion on request may have kept out."""
    job_ids: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    """Pages deleted on request: one that was in stays out until it is edited and asked for anew."""
    edited: set[str] = field(default_factory=set)
    """Those of the deleted that have been edited since."""

    @property
    def tenant(self) -> str:
        return TENANTS[self.mark]

    @property
    def headers(self) -> dict[str, str]:
        claims = {
            "tenant_id": self.tenant,
            "scope": "knowledge:read knowledge:write",
            "groups": ["staff"],
            "exp": int(time.time()) + 600,
        }
        token = jwt.encode(claims, SECRET, algorithm="HS256")
        return {"authorization": f"Bearer {token}", "x-tenantid": self.tenant}

    @property
    def credentials(self) -> dict[str, str]:
        return {
            "instance_url": self.site.instance_url,
            "web_url_instance": "https://wiki.example",
            "username": self.site.username,
            "api_token": self.site.token,
        }

    @property
    def pinecone(self) -> dict[str, str]:
        return {"rezolve_domain": self.mark, "tenant_id": self.tenant}

    def current_titles(self) -> set[str]:
        return self.titles_of(self.pages)

    def titles_of(self, pages: Iterable[str]) -> set[str]:
        return {self.site.world.find_content(page).title for page in pages}


def make_world(mark: str) -> World:
    world = World()
    world.people.add_user("ann", f"ann@{mark}.example", f"Ann {mark}", token=f"{mark}-token")
    world.add_space(KEY, f"Space of {mark}")
    return world


@asynccontextmanager
async def open_both(folder: Path) -> AsyncGenerator[tuple[Lab, dict[str, Side], Any]]:
    """Yield one service over one catalog and one index, and the two sides."""
    first, second = TENANTS
    async with (
        open_lab(folder, make_world(first)) as lab,
        run_sandbox(make_world(second)) as other,
    ):
        sides = {first: Side(first, lab.site), second: Side(second, other)}
        app = create_app(load_settings(jwt_secret=SECRET), lambda: nullcontext(lab.ports))
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://lab") as client,
        ):
            yield lab, sides, client


MARKS = st.sampled_from(list(TENANTS))


class TwoTenants(RuleBasedStateMachine):
    """Random calls of two tenants; every answer is searched for what is the other's."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()

    @initialize()
    def begin(self) -> None:
        opened = self.stack.enter_async_context(open_both(Path(self.folder.name)))
        self.lab, self.sides, self.client = self.runner.run(opened)
        for mark in TENANTS:
            self.write(mark, 0)
            self.upload(mark, JOBS[0], run=True)

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def ask(self, mark: str, method: str, path: str, body: object = None) -> httpx2.Response:
        """Send a request, and demand that neither its answer nor the log holds what is the other's."""
        side = self.sides[mark]
        with capture_logs() as lines:
            response: httpx2.Response = self.runner.run(
                self.client.request(method, path, json=body, headers=side.headers)
            )
        self.demand_own(mark, response.text + str(response.headers))
        self.demand_none(str(lines))
        assert response.status_code < 500, response.text
        return response

    def demand_own(self, mark: str, text: str) -> None:
        for other in set(TENANTS) - {mark}:
            assert other not in text
            assert TENANTS[other] not in text

    def demand_none(self, text: str) -> None:
        for mark, tenant in TENANTS.items():
            assert mark not in text
            assert tenant not in text

    @rule(mark=MARKS, number=st.integers(0, 3))
    def write(self, mark: str, number: int) -> None:
        side = self.sides[mark]
        world, title = side.site.world, f"Page {number} of {mark}"
        body = paragraphs(f"{COMMON} {mark} word{number} of version {time.monotonic_ns()}")
        if title in side.current_titles():
            page = next(p for p in side.pages if world.find_content(p).title == title)
            world.edit(page, body)
            side.edited |= {page} & side.deleted
            return
        page = world.create_page(KEY, title, body).id
        world.label(page, "common", mark)
        side.pages.append(page)

    @rule(mark=MARKS, number=st.integers(0, 3))
    def trash(self, mark: str, number: int) -> None:
        side = self.sides[mark]
        if number < len(side.pages):
            side.site.world.trash(side.pages.pop(number))

    @rule(mark=MARKS, job_id=st.sampled_from(["", *JOBS]), run=st.booleans())
    def upload(self, mark: str, job_id: str, run: bool) -> None:  # noqa: FBT001  (drawn)
        side = self.sides[mark]
        body = {
            "authorization": side.credentials,
            "content_restriction": {"audience": ["staff", mark], "blacklisted": True},
            "pinecone_config": side.pinecone,
            "sync_config": {"incremental": True, "processor_mode": "auto", "use_ocr": False},
            "space": KEY,
            "job_id": job_id,
        }
        response = self.ask(mark, "POST", f"{API}/upload", body)
        assert response.status_code in {200, 409}
        if response.status_code == 200 and response.json() not in side.job_ids:
            side.job_ids.add(response.json())
            side.deleted -= side.edited
            side.edited.clear()
        if run:
            self.run_all()

    def run_all(self) -> None:
        """Run whatever is queued; the worker's log must name nobody's content."""
        while self.lab.queue.waiting:
            ref = self.lab.queue.waiting.pop(0)
            side = next(side for side in self.sides.values() if side.tenant == ref.tenant.value)
            with capture_logs() as lines:
                job = self.runner.run(self.lab.run(ref))
            self.demand_own(side.mark, str(lines))
            assert job.ref == ref
            side.synced = side.current_titles() if job.status.value == "succeeded" else None
            side.unsure = side.titles_of(side.deleted.intersection(side.pages))

    @rule(mark=MARKS, end=st.sampled_from(["cancel", "retry", "approve"]), place=st.integers(0, 9))
    def push_job(self, mark: str, end: str, place: int) -> None:
        """Push a job of either side about; the other's must look as if there were none."""
        ids = sorted({*JOBS, *(job for side in self.sides.values() for job in side.job_ids)})
        job_id = ids[place % len(ids)]
        response = self.ask(mark, "POST", f"{API}/jobs/{job_id}/{end}", {})
        if job_id not in self.sides[mark].job_ids:
            assert response.status_code == 404
        elif response.status_code == 200 and end == "retry":
            self.sides[mark].job_ids.add(response.json())
        if end != "cancel":
            self.sides[mark].synced = None

    @rule(mark=MARKS, tail=st.sampled_from(["", "/failures", "/events"]))
    def read_each_job(self, mark: str, tail: str) -> None:
        self.run_all()  # the story of an unfinished job does not end
        own = self.sides[mark].job_ids
        for job_id in {job for side in self.sides.values() for job in side.job_ids}:
            response = self.ask(mark, "GET", f"{API}/jobs/{job_id}{tail}")
            assert response.status_code == (200 if job_id in own else 404)

    @rule(mark=MARKS, query=st.sampled_from([COMMON, *TENANTS, "word1"]))
    def search(self, mark: str, query: str) -> None:
        body = {"query": query, "pinecone_config": self.sides[mark].pinecone, "top_k": 100}
        for filters in ({}, {"labels": ["common"]}, {"labels": list(TENANTS)}, {"space": KEY}):
            self.ask(mark, "POST", f"{API}/search", {**body, **filters})

    @rule(mark=MARKS, place=st.integers(0, 7))
    def explain(self, mark: str, place: int) -> None:
        """Ask about a page of either side by its id, which both sides have."""
        pages = [page for side in self.sides.values() for page in side.pages]
        if pages:
            url = f"https://wiki.example/pages/viewpage.action?pageId={pages[place % len(pages)]}"
            body = {"source_url": url, "pinecone_config": self.sides[mark].pinecone}
            self.ask(mark, "POST", f"{API}/why", body)
            self.ask(mark, "POST", f"{API}/access/explain", {**body, "principals": ["staff"]})

    @rule(mark=MARKS, place=st.integers(0, 7), by_id=st.booleans())
    def delete(self, mark: str, place: int, by_id: bool) -> None:  # noqa: FBT001  (drawn)
        """Delete by an id that both sides have: only one's own goes."""
        side = self.sides[mark]
        pages = [page for other in self.sides.values() for page in other.pages]
        if not pages:
            return
        page = pages[place % len(pages)]
        body: dict[str, object] = {"pinecone_config": side.pinecone}
        if by_id:
            site = side.site.world.cloud_id
            body |= {"platform_type": "confluence", "ids": [f"confluence:{site}:{page}#0"]}
            self.ask(mark, "POST", "/v2/delete", body)
        else:
            body["source_url"] = f"https://wiki.example/pages/viewpage.action?pageId={page}"
            self.ask(mark, "POST", f"{API}/delete", body)
        side.deleted.add(page)
        side.edited.discard(page)
        side.synced = None

    @rule(mark=MARKS, name=st.sampled_from(["nightly", "weekly"]), remove=st.booleans())
    def configure(self, mark: str, name: str, remove: bool) -> None:  # noqa: FBT001  (drawn)
        path = f"{API}/sync-configurations/{name}"
        if remove:
            self.ask(mark, "DELETE", path)
        else:
            self.ask(mark, "PUT", path, {"settings": {"exclude_labels": [mark + "-draft"]}})
        self.ask(mark, "GET", path)

    @rule(mark=MARKS, value=st.sampled_from(["draft", "secret"]), remove=st.booleans())
    def blacklist(self, mark: str, value: str, remove: bool) -> None:  # noqa: FBT001  (drawn)
        body = {"kind": "label", "value": f"{mark}-{value}"}
        entry = self.ask(mark, "POST", f"{API}/blacklist", body).json()
        if remove:
            other = next(name for name in TENANTS if name != mark)
            path = f"{API}/blacklist/{entry['id']}"
            assert self.ask(other, "DELETE", path).status_code == 404
            assert self.ask(mark, "DELETE", path).status_code == 204

    @rule(mark=MARKS)
    def read_everything(self, mark: str) -> None:
        side = self.sides[mark]
        platform = {"platform_type": "confluence", "pinecone_config": side.pinecone}
        self.ask(mark, "GET", f"{API}/sync-configurations")
        self.ask(mark, "GET", f"{API}/blacklist")
        self.ask(mark, "POST", "/v2/get-vectors?platform_type=confluence", side.pinecone)
        self.ask(mark, "POST", "/v2/failed-files", platform)
        self.ask(mark, "POST", f"{API}/space-listing", side.credentials)
        self.ask(mark, "POST", f"{API}/listing", {**side.credentials, "space": KEY})

    @rule(path=st.sampled_from(["/healthz", "/readyz", "/metrics", "/openapi.json"]))
    def read_what_is_open_to_all(self, path: str) -> None:
        text = self.runner.run(self.client.get(path)).text
        self.demand_none(text)
        assert not any(job in text for side in self.sides.values() for job in side.job_ids)

    @invariant()
    def each_finds_all_of_its_own(self) -> None:
        """Whatever the other did, what a sync saw is there: nothing was taken for somebody else's."""
        for mark, side in getattr(self, "sides", {}).items():
            if side.synced is not None:
                body = {"query": COMMON, "pinecone_config": side.pinecone, "top_k": 100}
                found = self.ask(mark, "POST", f"{API}/search", body).json()["results"]
                titles = {match["title"] for match in found}
                assert (
                    side.synced - side.titles_of(side.deleted.intersection(side.pages))
                    <= titles
                    <= side.synced
                )

    @invariant()
    def each_lists_its_own_jobs(self) -> None:
        for mark, side in getattr(self, "sides", {}).items():
            listed = self.ask(mark, "GET", f"{API}/jobs?limit=250").json()["jobs"]
            assert sorted(job["job_id"] for job in listed) == sorted(side.job_ids)


TwoTenants.TestCase.settings = settings(
    max_examples=3, stateful_step_count=12, deadline=None, print_blob=True
)
TestTwoTenants = pytest.mark.timeout(600)(TwoTenants.TestCase)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_tenants_at_length():
    at_length = settings(max_examples=60, stateful_step_count=40, deadline=None, print_blob=True)
    run_state_machine_as_test(TwoTenants, settings=at_length)
