"""Names, labels, ids, cursors and questions are data: whatever they spell, nothing leaks and nothing breaks."""

import itertools
import json
import re
import time
from contextlib import asynccontextmanager
from urllib.parse import quote

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.annotations import quote_cql
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.data_center.spaces import find_space
from headwater.domain.errors import SpaceNotFoundError
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import ContentRestriction
from headwater.sandbox.cql import Comparison, Junction, parse_cql
from headwater.sandbox.world import World
from tests.integration.sync.lab import KEY, TENANT, open_lab, paragraphs
from tests.integration.sync.serving import SECRET, call_lab
from tests.security.payloads import CONTROLS, HALVES, PAYLOADS
from tests.unit.confluence.confluence_fakes import FakeConfluence, answer, make_client

API = "/v2/confluence"
PINECONE = {"rezolve_domain": "lab", "tenant_id": str(TENANT)}
OPEN, HIDDEN = "openword", "secretword"


@asynccontextmanager
async def open_service(tmp_path, *, audience=()):
    """Yield a lab with an open page and one that a group alone may see, and a client of its API."""
    world = World()
    world.people.add_group("staff")
    world.people.add_group("board")
    world.add_space(KEY, "Lab")
    world.permit(KEY, groups=["staff"])
    world.create_page(KEY, "Open", paragraphs(f"{OPEN} stands here"))
    hidden = world.create_page(KEY, "Hidden", paragraphs(f"{HIDDEN} stands here"))
    world.restrict(hidden.id, groups=["board"])
    async with open_lab(tmp_path, world) as lab, call_lab(lab) as client:
        job = await lab.sync(
            restriction=ContentRestriction(tuple(audience), source_restriction=True)
        )
        assert job.progress.documents.added == 2
        yield lab, client


def bear(**claims):
    """Return the headers of a token with these claims besides the tenant's."""
    known = {
        "tenant_id": str(TENANT),
        "scope": "knowledge:read knowledge:write",
        "exp": int(time.time()) + 600,
    }
    token = jwt.encode({**known, **claims}, SECRET, algorithm="HS256")
    return {"authorization": f"Bearer {token}", "x-tenantid": str(TENANT)}


def search(**fields):
    return "POST", f"{API}/search", {"query": OPEN, "pinecone_config": PINECONE, **fields}


def upload(lab, **fields):
    body = {
        "authorization": {
            "instance_url": lab.site.instance_url,
            "web_url_instance": lab.site.web_url,
            "username": lab.site.username,
            "api_token": lab.site.token,
        },
        "content_restriction": {},
        "pinecone_config": PINECONE,
        "sync_config": {"incremental": True, "processor_mode": "auto", "use_ocr": False},
        "space": "NOWHERE",
    }
    return {**body, **fields}


def read_page(lab, **fields):
    """Return a body about one page of the lab."""
    return {"source_url": f"{lab.site.web_url}/pages/1", "pinecone_config": PINECONE, **fields}


def requests_with(lab, text):
    """Return every place of a request into which a client may put a text."""
    part, job = quote(text, safe="", errors="surrogatepass"), f"{API}/jobs"
    web = lab.site.web_url
    yield search(query=f"{OPEN} {text}", labels=[text, "x"], space=text)
    yield search(content_types=[text], modified_after=text)
    yield "GET", f"{job}?space={part}", None
    yield "GET", f"{job}?cursor={part}", None
    yield "GET", f"{job}?status={part}", None
    yield "GET", f"{job}?limit={part}", None
    yield "GET", f"{job}/{part}", None
    yield "GET", f"{job}/{part}/failures", None
    yield "GET", f"{job}/{part}/events", None
    yield "GET", f"{job}/job-1/failures?cursor={part}", None
    yield "POST", f"{job}/{part}/cancel", None
    yield "POST", f"{job}/{part}/approve", {}
    yield "POST", f"{job}/{part}/retry", {}
    yield "POST", f"{API}/upload", upload(lab, space=text)
    yield "POST", f"{API}/upload", upload(lab, job_id=text)
    yield "POST", f"{API}/upload", upload(lab, content_restriction={"audience": [text, 1]})
    links = [
        f"{web}/pages/{part}",
        f"{web}/display/{part}/{part}",
        f"{web}/pages/viewpage.action?pageId={part}",
        f"{web}/pages/viewpage.action?spaceKey={part}&title={part}",
        f"{web}/pages/tinyurl.action?urlIdentifier={part}",
        f"{web}/pages/1?preview={part}",
    ]
    for link in links:
        yield "POST", f"{API}/why", read_page(lab, source_url=link)
    yield "POST", f"{API}/delete", read_page(lab, source_url=links[3])
    yield "POST", f"{API}/access/explain", read_page(lab, principals=[text])
    yield from settings_with(text, part)
    names = {"platform_type": "confluence", "pinecone_config": PINECONE}
    yield "POST", "/v2/delete", {**names, "ids": [text], "source_urls": links}
    yield "POST", f"/v2/get-vectors?platform_type={part}", PINECONE


def settings_with(text, part):
    configurations, blacklist = f"{API}/sync-configurations", f"{API}/blacklist"
    settings = {"include_labels": [text], "root_pages": [text], "schedule": text}
    yield "PUT", f"{configurations}/{part}", {"settings": settings}
    yield "GET", f"{configurations}/{part}", None
    yield "DELETE", f"{configurations}/{part}", None
    yield "DELETE", f"{blacklist}/{part}", None
    for kind in ("page", "label", "url_prefix", text):
        yield "POST", blacklist, {"kind": kind, "value": text}


async def send(client, method, path, body, headers=None):
    """Send a request whose JSON may hold what UTF-8 cannot, as an escape."""
    headers = {"content-type": "application/json", **(headers or {})}
    content = None if body is None else json.dumps(body).encode()
    return await client.request(method, path, content=content, headers=headers)


async def find_trouble(lab, client, texts, *, share=1):
    """Return the requests that were answered as if the text were more than data.

    With a ``share`` of 2 every text is put into every second place, and every place gets half the texts.
    """
    troubles = []
    for number, (name, text) in enumerate(texts.items()):
        for method, path, body in itertools.islice(
            requests_with(lab, text), number % share, None, share
        ):
            response = await send(client, method, path, body)
            if response.status_code >= 500 or f"{HIDDEN} stands" in response.text:
                troubles.append((name, method, path, response.status_code, response.text))
    return troubles


@pytest.mark.parametrize("share", [2, pytest.param(1, marks=pytest.mark.long)])
async def test_no_text_in_any_place_leaks_or_breaks(tmp_path, share):
    texts = {**PAYLOADS, **CONTROLS, **HALVES}
    async with open_service(tmp_path) as (lab, client):
        assert await find_trouble(lab, client, texts, share=share) == []
        assert lab.queue.waiting == []
        assert len(await lab.indexed()) == 2
        assert await lab.find(OPEN, groups=["staff"]) == ["Open"]


async def test_no_claim_opens_what_it_does_not_name(tmp_path):
    opened = []
    async with open_service(tmp_path) as (_, client):
        method, path, body = search(query=HIDDEN)
        for name, text in {**PAYLOADS, **CONTROLS, **HALVES}.items():
            claims = {"email": text, "confluence_account_id": text, "sub": text}
            headers = bear(groups=["staff", text], **claims)
            response = await send(client, method, path, body, headers)
            if response.status_code != 200 or f"{HIDDEN} stands" in response.text:
                opened.append((name, response.text))
        response = await send(client, method, path, body, bear(groups=["staff", "board"]))
        assert f"{HIDDEN} stands" in response.text
    assert opened == []


async def test_an_audience_means_its_groups_to_the_letter(tmp_path):
    names = {name: text for name, text in PAYLOADS.items() if text.strip() != "all"}
    async with open_service(tmp_path, audience=names.values()) as (lab, _):
        assert await lab.find(OPEN) == []
        for text in names.values():
            assert await lab.find(OPEN, groups=["staff", text]) == ["Open"], text
            assert await lab.find(OPEN, groups=["staff", f"{text} "]) == [], text


async def test_labels_and_filters_mean_themselves(tmp_path):
    async with open_service(tmp_path) as (lab, client):
        for number, text in enumerate(PAYLOADS.values()):
            page = lab.world.create_page(KEY, f"Labelled {number}", paragraphs("labelledword"))
            lab.world.label(page.id, text)
        await lab.sync(restriction=ContentRestriction())
        for number, text in enumerate(PAYLOADS.values()):
            response = await send(client, *search(query="labelledword", labels=[text]))
            titles = {match["title"] for match in response.json()["results"]}
            assert titles == {f"Labelled {number}"}, text


@pytest.mark.parametrize("count", [10_000, 10_001])
async def test_ten_thousand_entries_are_a_filter_and_more_are_refused(tmp_path, count):
    names = [f"entry' {number}" for number in range(count)]
    async with open_service(tmp_path) as (lab, client):
        requests = [
            search(labels=names),
            ("POST", f"{API}/access/explain", read_page(lab, principals=names)),
            ("POST", f"{API}/upload", upload(lab, content_restriction={"audience": names})),
        ]
        answers = [await send(client, *request) for request in requests]
    expected = [422, 422, 422] if count > 10_000 else [200, 404, 422]
    assert [response.status_code for response in answers] == expected
    if count > 10_000:
        kinds = {response.json()["detail"][0]["type"] for response in answers}
        assert kinds == {"value_error.list.max_items"}
    else:
        assert answers[0].json()["results"] == []
        assert answers[2].json()["detail"][0]["type"] == "value_error.space"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_space_key_stays_one_value_of_a_query(text):
    query = parse_cql(f"space = {quote_cql(text)} and type = page")
    assert isinstance(query.condition, Junction)
    space, kind = query.condition.parts
    assert isinstance(space, Comparison)
    assert (space.field, space.operator, space.values) == ("space", "=", (text,))
    assert isinstance(kind, Comparison)
    assert kind.values == ("page",)


@pytest.mark.parametrize(
    "key", [*PAYLOADS.values(), *CONTROLS.values()], ids=[*PAYLOADS, *CONTROLS]
)
async def test_a_space_key_stays_one_segment_of_a_path(key):
    known = {"/c/rest/api/user/current": answer({"type": "known", "userKey": "u"})}
    confluence = FakeConfluence(known)
    with pytest.raises(SpaceNotFoundError):
        await find_space(Rest(make_client(confluence), "/c"), SpaceKey(key))
    for request in confluence.requests:
        path, _, query = request.url.raw_path.decode().partition("?")
        assert path == "/c/rest/api/user/current" or re.fullmatch(r"/c/rest/api/space/[^/]+", path)
        assert query == ""
