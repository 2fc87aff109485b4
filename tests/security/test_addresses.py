"""A URL that a tenant, or the tenant's Confluence, names leads nowhere inside: refused, and nothing dialled."""

import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest

from headwater.domain.content import ListedAttachment
from headwater.domain.errors import HeadwaterError
from headwater.domain.ids import ContentId
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.ports import Source
from tests.contract.api.examples import CREDENTIALS, CURL, LISTING_PATH, UPLOAD_PATH, changed
from tests.contract.api.fakes import World, assert_refused, open_client
from tests.integration.confluence.hostile_server import Server, reply, run
from tests.integration.confluence.test_hostile_servers import CLOUD, PAGES
from tests.security.hostile_addresses import ANSWERS, DISGUISES, LITERALS, NAMES, URLS
from tests.security.silence import Dials, Target, answer_by, listen, open_door
from tests.unit.confluence.confluence_fakes import NOW, SPACE

PUBLIC = "93.184.216.34"
FORMS = {**LITERALS, **DISGUISES}
FILE = "/wiki/rest/api/content/10/child/attachment/att1/download"
PLAN = ListedAttachment(
    ContentId("att1"), ContentId("10"), "plan.pdf", "application/pdf", 4, 1, NOW
)


def named(table):
    """Return a table's rows as cases that bear their names."""
    return [pytest.param(value, id=name) for name, value in table.items()]


@asynccontextmanager
async def open_service(*allowed, names=ANSWERS):
    """Yield a client of the API over the real door to Confluence, and what was dialled."""
    dials, world = Dials(), World()
    world.sources = cast("Any", open_door(dials, answer_by(names), *allowed))
    async with open_client(world) as client:
        yield client, world, dials


async def assert_closed(url, *, at_web_url):
    """Demand 422 at the field of either call, no job, and silence at the target."""
    async with listen() as target, open_service() as (client, world, dials):
        for name in ("instance_url", "web_url_instance") if at_web_url else ("instance_url",):
            value = url.format(port=target.port)
            listing = await client.post(LISTING_PATH, json={**CREDENTIALS, name: value})
            assert_refused_at(listing, ("body", name))
            upload = changed(CURL, f"authorization.{name}", value)
            assert_refused_at(
                await client.post(UPLOAD_PATH, json=upload), ("body", "authorization", name)
            )
        assert dials.hosts == []
        assert world.jobs.stored == {}


def assert_refused_at(response, loc):
    assert_refused(response, 422)
    problems = [(tuple(item["loc"]), item["type"]) for item in response.json()["detail"]]
    assert [place for place, _ in problems] == [loc]
    assert problems[0][1].startswith("value_error.url")


@pytest.mark.parametrize("host", named(FORMS))
async def test_no_spelling_of_an_inner_address_is_accepted(host):
    await assert_closed(f"https://{host}:{{port}}/wiki", at_web_url=True)


@pytest.mark.parametrize("url", named(URLS))
async def test_no_crooked_url_is_accepted(url):
    await assert_closed(url, at_web_url=True)


@pytest.mark.parametrize("host", named(NAMES))
async def test_no_name_that_leads_inside_is_accepted(host):
    await assert_closed(f"https://{host}:{{port}}/wiki", at_web_url=False)


async def test_the_base_of_links_is_neither_resolved_nor_dialled():
    body = {
        **CREDENTIALS,
        "instance_url": f"https://{PUBLIC}/wiki",
        "web_url_instance": "https://private.example/wiki",
    }
    async with open_service() as (client, _, dials):
        assert (await client.post(LISTING_PATH, json=body)).status_code == 502
    assert set(dials.hosts) == {PUBLIC}


@pytest.mark.parametrize("path", ["/ex/confluence/abc", "/rest/api", "", "/wiki/api/v2"])
async def test_every_kind_of_confluence_goes_through_the_same_door(path):
    await assert_closed(f"https://127.0.0.1:{{port}}{path}", at_web_url=True)
    await assert_closed(f"https://wiki:{{port}}{path}", at_web_url=False)


async def test_a_name_is_asked_for_again_only_to_be_judged_again():
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def rebind(_host, _port):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    dials = Dials()
    async with listen() as target:
        url = f"https://rebinding.example:{target.port}/wiki"
        with pytest.raises(HeadwaterError):
            async with open_door(dials, rebind).open(SiteAddress(url, url), login()):
                pass
    assert set(dials.hosts) == {PUBLIC}


async def test_the_connection_goes_to_the_judged_address_without_asking_again(monkeypatch):
    asked = []
    system = socket.getaddrinfo

    def record(host, *args, **kwargs):
        asked.append(host)
        return system(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", record)
    async with run(CLOUD) as server:
        url = f"http://wiki.corp:{server.port}/wiki"
        door = open_door(Dials(), answer_by({"wiki.corp": ["127.0.0.1"]}), "wiki.corp")
        async with door.open(SiteAddress(url, url), login()) as source:
            await source.list_spaces()
    assert "wiki.corp" not in asked


def login():
    return SiteCredential("me@x.io", Secret("t0ken"))


def inner_urls():
    """Return where a hostile Confluence may point to, by http and by https."""
    literals = {name: f"//{host}:{{port}}/wiki" for name, host in FORMS.items()}
    names = {f"name: {name}": f"//{host}:{{port}}/wiki" for name, host in NAMES.items()}
    https = {name: f"https:{rest}" for name, rest in {**literals, **names}.items()}
    http = {
        f"http: {name}": f"http:{literals[name]}"
        for name in ("loopback", "private 10", "mapped loopback", "decimal", "two parts")
    }
    return {**https, **http, **URLS}


@dataclass(frozen=True)
class Hostile:
    """A Confluence that is listed by name; what it points to beside itself is not."""

    server: Server
    source: Source
    target: Target

    def point_to(self, url, path, make_script):
        self.server.scripts[path] = make_script(url.format(port=self.target.port))


@asynccontextmanager
async def visit_hostile():
    names = {**ANSWERS, "wiki.corp": ["127.0.0.1"]}
    dials = Dials()
    async with listen() as target, run(dict(CLOUD)) as server:
        url = f"http://wiki.corp:{server.port}/wiki"
        door = open_door(dials, answer_by(names), "wiki.corp")
        async with door.open(SiteAddress(url, url), login()) as source:
            yield Hostile(server, source, target)
        assert set(dials.hosts) <= {"127.0.0.1"}  # the listed Confluence's own


async def find_followed(path, make_script, read):
    """Return the names of all forms that were not refused."""
    followed = []
    async with visit_hostile() as hostile:
        for name, url in inner_urls().items():
            hostile.point_to(url, path, make_script)
            try:
                await read(hostile.source)
            except HeadwaterError:
                continue
            followed.append(name)
    return followed


async def read_listing(source):
    return [item async for batch in source.list_documents(SPACE) for item in batch]


async def read_file(source):
    return await source.fetch_attachment(PLAN, max_bytes=1000)


def redirect(url):
    """Redirect; what a header cannot hold is left out of it."""
    location = "".join(character for character in url if " " <= character <= "~")
    return reply(302, "", location=location)


def link(url):
    return reply(200, json.dumps({"results": [], "_links": {"next": url}}))


async def test_no_redirect_of_a_listing_is_followed_inside():
    assert await find_followed(PAGES, redirect, read_listing) == []


async def test_no_next_link_is_followed_inside():
    assert await find_followed(PAGES, link, read_listing) == []


async def test_no_file_is_fetched_from_inside():
    assert await find_followed(FILE, redirect, read_file) == []
