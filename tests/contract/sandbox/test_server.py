import asyncio
import base64
import socket
import threading
import time
from html import escape

import httpx2
import pytest
from starlette.responses import JSONResponse

from headwater.domain.errors import ConfigError
from headwater.sandbox.links import link_tiny, read_tiny
from headwater.sandbox.server import run_sandbox, run_sandbox_thread, serve_sandbox
from headwater.sandbox.world import World

CURRENT = "/wiki/rest/api/user/current"


@pytest.mark.parametrize(
    "auth",
    [None, ("sandbox@headwater.example", "wrong"), ("nobody@example.org", "sandbox-token"),
     ("ann@example.org", "")],
)  # fmt: skip
async def test_rejected_credentials_are_403_on_v1_and_404_on_v2(sandbox, auth, connect):
    async with connect(base_url=sandbox.url, auth=auth) as stranger:
        refused = await stranger.get(CURRENT)
        assert refused.status_code == 403
        assert "caller cannot access Confluence" in refused.json()["message"]
        hidden = await stranger.get("/wiki/api/v2/spaces")
        assert hidden.status_code == 404
        assert hidden.json()["errors"][0]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("value", ["Basic %%%", "Basic " + base64.b64encode(b"no colon").decode()])
async def test_an_unreadable_basic_header_is_401(sandbox, value, connect):
    async with connect(base_url=sandbox.url) as stranger:
        refused = await stranger.get(CURRENT, headers={"authorization": value})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("OAuth realm=")
    assert refused.headers["content-type"].startswith("text/html")


async def test_a_bearer_token_opens_nothing_here(sandbox, connect):
    async with connect(base_url=sandbox.url) as stranger:
        refused = await stranger.get(CURRENT, headers={"authorization": "Bearer x"})
    assert refused.status_code == 403


async def test_an_anonymous_site_answers_with_less(sandbox, world, connect):
    world.anonymous_access = True
    world.permit("ENG", groups=["confluence-users"], anonymous=True)
    async with connect(base_url=sandbox.url, auth=("x@example.org", "wrong")) as visitor:
        assert (await visitor.get(CURRENT)).json()["type"] == "anonymous"
        spaces = (await visitor.get("/wiki/api/v2/spaces")).json()["results"]
        assert [space["key"] for space in spaces] == ["ENG"]


async def test_the_known_caller_is_named(client, sandbox):
    caller = (await client.get(CURRENT)).json()
    assert (caller["type"], caller["email"]) == ("known", sandbox.email)


async def test_answers_carry_the_edges_headers(client):
    one, two = [await client.get("/wiki/api/v2/spaces") for _ in range(2)]
    assert one.headers["server"] == "AtlassianEdge"
    assert one.headers["atl-traceid"] != two.headers["atl-traceid"]


async def test_the_tenant_is_named_without_credentials(sandbox, world, connect):
    async with connect() as stranger:
        answer = await stranger.get(f"{sandbox.url}/_edge/tenant_info")
    assert answer.json() == {"cloudId": world.cloud_id}


async def test_every_link_of_the_api_opens_in_a_browser(client, sandbox, ids, connect):
    async with connect() as browser:
        for listing in ("pages", "blogposts", "attachments", "footer-comments", "spaces"):
            for item in (await client.get(f"/wiki/api/v2/{listing}")).json()["results"]:
                page = await browser.get(f"{sandbox.web_url}{item['_links']['webui']}")
                assert page.status_code == 200
                assert page.headers["content-type"].startswith("text/html")
        folder = (await client.get(f"/wiki/api/v2/folders/{ids['Guides']}")).json()
        assert (await browser.get(sandbox.web_url + folder["_links"]["webui"])).status_code == 200
        guide = (await client.get(f"/wiki/api/v2/pages/{ids['Guide & <more>']}")).json()
        page = await browser.get(sandbox.web_url + guide["_links"]["tinyui"])
        assert escape("Guide & <more>") in page.text
        assert "<more>" not in page.text


@pytest.mark.parametrize("path", ["/spaces/ENG/pages/1/x", "/spaces/NO", "/x/AQ", "/x/*", "/nope"])
async def test_a_dead_link_is_404(sandbox, path, connect):
    async with connect() as browser:
        assert (await browser.get(sandbox.web_url + path)).status_code == 404


@pytest.mark.parametrize("number", [1, 255, 256, 65_536, 1_844_969_501, 9_007_199_254_740_993])
def test_short_links_lead_back(world, number):
    page = world.add_content("ENG", "Page", content_id=str(number))
    assert read_tiny(link_tiny(page).removeprefix("/x/")) == str(number)


async def test_requests_are_counted_by_route(client, sandbox, ids):
    sandbox.requests.clear()
    for name in ("Home", "Guide & <more>"):
        await client.get(f"/wiki/api/v2/pages/{ids[name]}?body-format=storage")
    await client.get("/wiki/api/v2/pages/424242")
    template = "/wiki/api/v2/pages/{id}"
    assert sandbox.requests.count("GET", template) == sandbox.requests.count() == 3
    assert [visit.status for visit in sandbox.requests.select(template=template)] == [200, 200, 404]
    assert sandbox.requests.all[0].query == "body-format=storage"


async def test_a_fault_replaces_an_answer(client, sandbox):
    def throttle(_, template, answer):
        if template == "/wiki/api/v2/spaces" and answer.status_code == 200:
            return JSONResponse({}, 429, headers={"retry-after": "7"})
        return answer

    sandbox.faults.append(throttle)
    throttled = await client.get("/wiki/api/v2/spaces")
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
    assert (await client.get("/wiki/api/v2/pages")).status_code == 200
    assert [visit.status for visit in sandbox.requests.all] == [429, 200]
    sandbox.faults.clear()
    assert (await client.get("/wiki/api/v2/spaces")).status_code == 200


async def test_a_fault_may_hold_an_answer_back(client, sandbox):
    gate = asyncio.Event()

    async def hold(_request, _template, answer):
        await gate.wait()
        return answer

    sandbox.faults.append(hold)
    request = asyncio.create_task(client.get("/wiki/api/v2/spaces"))
    done, _ = await asyncio.wait([request], timeout=0.05)
    assert not done
    gate.set()
    assert (await request).status_code == 200


async def test_latency_delays_requests_side_by_side(connect):
    async with run_sandbox(World(), latency=0.1) as sandbox, connect() as client:
        start = time.monotonic()
        url = f"{sandbox.url}/_edge/tenant_info"
        await asyncio.gather(*(client.get(url) for _ in range(5)))
        assert 0.1 <= time.monotonic() - start < 0.4


async def test_two_sandboxes_run_at_once_and_free_their_ports():
    async with run_sandbox(World(title="A")) as one, run_sandbox(World(title="B")) as two:
        assert len({one.url, one.media_url, two.url, two.media_url}) == 4
        port = int(one.url.rsplit(":", 1)[1])
    async with run_sandbox(World(), port=port) as again:
        assert again.url == one.url
        assert again.instance_url == f"{again.url}/wiki/rest/api"
        assert again.web_url == f"{again.url}/wiki"


async def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="choose another port"):
            async with run_sandbox(World(), port=taken.getsockname()[1]):
                pass


def test_a_thread_serves_blocking_callers(world):
    before = set(threading.enumerate())
    with run_sandbox_thread(world) as sandbox, httpx2.Client(verify=False) as client:
        assert client.get(f"{sandbox.url}/_edge/tenant_info").status_code == 200
    begun = set(threading.enumerate()) - before
    assert "sandbox" not in {thread.name for thread in begun}


def test_serving_ends_with_an_interrupt(world):
    def interrupt(sandbox):
        urls.append(sandbox.url)
        raise KeyboardInterrupt

    urls: list[str] = []
    serve_sandbox(world, announce=interrupt)
    assert urls


def test_a_running_sandbox_shows_no_token(world):
    with run_sandbox_thread(world) as sandbox:
        assert sandbox.token not in repr(sandbox)


async def test_the_world_is_not_written_through_the_api(client, world, ids):
    before = world.revision
    for method in ("POST", "PUT", "DELETE"):
        new = await client.request(method, f"/wiki/api/v2/pages/{ids['Home']}", json={})
        assert new.status_code == 405
        assert new.json()["errors"][0]["code"] == "METHOD_NOT_ALLOWED"
        old = await client.request(method, f"/wiki/rest/api/content/{ids['Home']}", json={})
        assert (old.status_code, old.json()["statusCode"]) == (405, 405)
    assert world.revision == before
