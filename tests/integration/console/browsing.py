"""A browser without a screen, in front of the whole service over ASGI."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import httpx2

from headwater.cli.service import Service, make_service
from tests.contract.api.fakes import TENANT, make_settings, make_token

HOST = "http://127.0.0.1:8000"
ROOT = f"{HOST}/console"


class Browser:
    """Keeps cookies, says where a form comes from, and fills in hidden fields."""

    def __init__(self, http: httpx2.AsyncClient, service: Service, tenant: str = TENANT) -> None:
        self.http = http
        self.service = service
        self.tenant = tenant

    async def open(self, path: str, **headers) -> httpx2.Response:
        return await self.http.get(f"/console{path}", headers=headers)

    async def send(self, path: str, fields=None, *, csrf=None, **headers) -> httpx2.Response:
        """Send a form as the console's own page would, unless told otherwise."""
        token = await self.read_csrf() if csrf is None else csrf
        known = {"origin": HOST, "sec-fetch-site": "same-origin", **headers}
        return await self.http.post(
            f"/console{path}",
            data={"csrf": token, **(fields or {})},
            headers={name.replace("_", "-"): value for name, value in known.items() if value},
        )

    async def read_csrf(self) -> str:
        """Return the form token of whatever page there is to see: the sign-in form, or any other."""
        return find_csrf((await self.http.get("/console/sign-in", follow_redirects=True)).text)

    async def sign_in(self, **claims) -> httpx2.Response:
        token = make_token(**{"tenant_id": self.tenant, **claims})
        return await self.send("/sign-in", {"token": token})

    async def read(self, path: str) -> str:
        """Return what a page says."""
        answer = await self.open(path)
        assert answer.status_code == 200, answer.text
        return read_words(answer.text)


def find_csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def read_words(page: str) -> str:
    """Return what a page says, without its markup."""
    parser = _Words()
    parser.feed(page)
    return " ".join(parser.words)


@asynccontextmanager
async def open_browser(ports, *, tenant=TENANT, **settings) -> AsyncIterator[Browser]:
    """Open a browser that nobody has signed in with; whoever does is of this tenant."""
    service = make_service(make_settings(**settings), ports)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=service.app), base_url=HOST) as http,
    ):
        yield Browser(http, service, tenant)
