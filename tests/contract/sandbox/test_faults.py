"""Each kind of trouble, as a client meets it."""

import asyncio
import json

import httpx2
import pytest

from headwater.sandbox import faults

SPACES = "/wiki/api/v2/spaces"
PAGES = "/wiki/api/v2/pages"
SEARCH = "/wiki/rest/api/content/search"


async def test_a_fault_can_be_narrowed_to_routes_and_times(sandbox, client):
    sandbox.faults.append(faults.only(faults.fail(502), SPACES, times=2))
    statuses = [(await client.get(path)).status_code for path in (PAGES, SPACES, SPACES, SPACES)]
    assert statuses == [200, 502, 502, 200]


async def test_chance_is_the_same_each_time(sandbox, client):
    runs = []
    for _ in range(2):
        sandbox.faults[:] = [faults.at_rate(faults.fail(), 0.5, seed=3)]
        runs.append([(await client.get(SPACES)).status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


@pytest.mark.parametrize("retry_after", [None, "7", "Fri, 31 Dec 2027 23:59:59 GMT", faults.ABSURD])
async def test_throttling_says_when_to_come_back(sandbox, client, retry_after):
    sandbox.faults.append(faults.throttle(retry_after))
    answer = await client.get(SPACES)
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, retry_after)


async def test_a_removed_endpoint_is_410(sandbox, client):
    sandbox.faults.append(faults.remove())
    answer = await client.get(SEARCH)
    assert answer.status_code == 410
    assert "removed" in answer.json()["message"]


async def test_a_login_page_is_html_with_200(sandbox, client):
    sandbox.faults.append(faults.show_login_page())
    answer = await client.get(SPACES)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_wrong_content_type_keeps_the_body(sandbox, client):
    honest = (await client.get(SPACES)).content
    sandbox.faults.append(faults.mislabel("text/plain"))
    answer = await client.get(SPACES)
    assert answer.content == honest
    assert answer.headers["content-type"].startswith("text/plain")


async def test_truncated_json_looks_whole_and_is_not(sandbox, client):
    sandbox.faults.append(faults.truncate())
    answer = await client.get(SPACES)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_a_reset_breaks_the_answer_off(sandbox, client):
    sandbox.faults.append(faults.reset())
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.get(SPACES)


async def test_a_stalled_answer_comes_when_it_is_let_go(sandbox, client):
    let_go = asyncio.Event()
    sandbox.faults.append(faults.stall(let_go))
    asking = asyncio.create_task(client.get(SPACES))
    done, _ = await asyncio.wait([asking], timeout=0.05)
    assert not done
    let_go.set()
    assert (await asking).status_code == 200


async def test_rows_are_lost_and_repeated(sandbox, client):
    honest = [row["id"] for row in (await client.get(PAGES)).json()["results"]]
    sandbox.faults[:] = [faults.lose_rows(0.5, seed=1)]
    some = [row["id"] for row in (await client.get(PAGES)).json()["results"]]
    assert set(some) < set(honest)
    sandbox.faults[:] = [faults.repeat_rows(1.0)]
    await client.get(PAGES)
    assert [row["id"] for row in (await client.get(PAGES)).json()["results"]] == honest * 2


async def test_rows_keep_the_link_to_the_next_page(sandbox, client):
    sandbox.faults.append(faults.lose_rows(1.0))
    answer = await client.get(f"{PAGES}?limit=1")
    assert answer.json()["results"] == []
    assert "next" in answer.json()["_links"]
    assert "next" in answer.headers["link"]


async def test_errors_and_single_answers_have_no_rows_to_lose(sandbox, client, ids):
    sandbox.faults.append(faults.lose_rows(1.0))
    assert (await client.get(f"{PAGES}/{ids['Home']}")).json()["title"] == "Home"
    assert (await client.get(f"{PAGES}?limit=x")).status_code == 400


async def test_a_lagging_index_does_not_know_what_is_new(sandbox, client, world, ids):
    moment = world.clock()
    world.edit(ids["Home"], "<p>new</p>")
    world.create_page("ENG", "Newest")
    sandbox.faults.append(faults.lag_index(world, moment))
    found = (await client.get(SEARCH, params={"cql": "type=page", "limit": 200})).json()["results"]
    titles = {row["title"] for row in found}
    assert "Guide & <more>" in titles
    assert titles.isdisjoint({"Home", "Newest"})
    listed = (await client.get(PAGES)).json()["results"]
    assert {"Home", "Newest"} <= {row["title"] for row in listed}
