"""A Confluence that repeats the caller's credential wherever it can gets it into nothing that we keep or show."""

import base64
import json
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from headwater.sandbox.world import World
from tests.integration.sync.lab import KEY, open_lab, paragraphs
from tests.integration.sync.serving import call_lab

TOKEN = "ATATT3xFfGF0Echo0123456789abcdefghijklmnopqrstuv"
API = "/v2/confluence"
STATUSES = [200, 302, 400, 403, 404, 500]
KINDS = ["text/html", "application/json", "text/plain"]


def spell(email):
    basic = base64.b64encode(f"{email}:{TOKEN}".encode()).decode()
    return {TOKEN, TOKEN.lower(), quote(TOKEN), basic, basic[:40], TOKEN[:24], TOKEN[:24].lower()}


def echo(status, kind):
    """Return a fault that says the request's credential in every part of its answer."""

    def fault(request: Request, _template: str, _answer: Response) -> Response:
        said = request.headers.get("authorization", "")
        text = f"{said} {TOKEN}"
        values: dict[str, object] = {
            "message": text,
            "title": text,
            "errors": [{"detail": text}],
            TOKEN: text,
        }
        links = {"next": f"{request.url.path}/{TOKEN}/?cursor={TOKEN}", "webui": f"/{TOKEN}"}
        values |= {"results": [{"id": TOKEN, TOKEN: text}], "_links": links}
        body = json.dumps(values) if kind == "application/json" else f"<html>{text}</html>"
        headers = {
            "location": f"http://{TOKEN}.example/{TOKEN}?token={TOKEN}",
            "link": f'<{request.url.path}/{TOKEN}>; rel="next"',
            "atl-traceid": TOKEN,
            "atl-request-id": TOKEN,
            "x-failure-category": text,
            "x-seraph-loginreason": text,
            "x-authentication-denied-reason": text,
            "www-authenticate": f"Basic realm={TOKEN}",
            "retry-after": TOKEN,
            "set-cookie": f"session={TOKEN}",
        }
        return Response(body, status, headers, media_type=kind)

    return fault


def only_for(fault, part):
    """Let the fault strike where the route holds this text."""

    def narrowed(request: Request, template: str, answer: Response) -> Response:
        struck: Response = fault(request, template, answer) if part in template else answer
        return struck

    return narrowed


def make_world():
    world = World()
    world.people.admin.token = TOKEN
    world.add_space(KEY, "Lab")
    page = world.create_page(KEY, "Page", paragraphs("one word"))
    world.comment(page.id, paragraphs("a remark"))
    world.attach(page.id, "a.txt", b"some bytes", media_type="text/plain")
    return world


async def read_all(lab, client):
    """Return everything that the service would show of its jobs."""
    shown = [await client.get(f"{API}/jobs")]
    for job in shown[0].json()["jobs"]:
        paths = [f"{API}/jobs/{job['job_id']}{tail}" for tail in ("", "/failures", "/events")]
        shown += [await client.get(path) for path in paths]
    pinecone = {"rezolve_domain": "lab", "tenant_id": str(lab.tenant)}
    failed = {"platform_type": "confluence", "pinecone_config": pinecone}
    shown.append(await client.post("/v2/failed-files", json=failed))
    return "".join(response.text + str(response.headers) for response in shown)


def find_forms(forms, text):
    """Return where the credential stands, with a little of what stands around it."""
    places = [text.find(form) for form in forms]
    return [text[max(0, place - 80) : place + 20] for place in places if place >= 0]


def read_files(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def try_syncs(lab, parts):
    """Run a job for every status with the fault in one part of Confluence's interface.

    What a download brings with 200 is the file itself, and kept as any other.
    """
    for part in parts:
        for status in (302, 404, 500) if part == "/download" else (200, 302, 404, 500):
            for kind in KINDS[:2] if status == 200 else KINDS[:1]:
                lab.site.faults[:] = []
                ref = await lab.submit()
                lab.site.faults.append(only_for(echo(status, kind), part))
                await lab.run(ref)


@pytest.mark.parametrize(
    "parts",
    [["/user/current", "/spaces"], ["/content/search", "/pages"], ["/download", "byOperation"]],
    ids=["opening", "content", "what hangs on it"],
)
async def test_no_echo_of_a_credential_is_stored_shown_or_logged(tmp_path, parts):
    async with open_lab(tmp_path, make_world()) as lab, call_lab(lab) as client:
        with capture_logs() as lines:
            await try_syncs(lab, parts)
            shown = await read_all(lab, client)
        kept = read_files(tmp_path)
    forms = spell(lab.site.email)
    assert find_forms(forms, shown + str(lines)) == []
    assert find_forms(forms, kept.decode("latin-1")) == []


@pytest.mark.parametrize("status", STATUSES)
async def test_no_echo_of_a_credential_is_in_an_answer(tmp_path, status):
    async with open_lab(tmp_path, make_world()) as lab, call_lab(lab) as client:
        credentials = {
            "instance_url": lab.site.instance_url,
            "web_url_instance": lab.site.web_url,
            "username": lab.site.username,
            "api_token": lab.site.token,
        }
        for part in ("/user/current", "/spaces"):
            for kind in KINDS:
                lab.site.faults[:] = [only_for(echo(status, kind), part)]
                with capture_logs() as lines:
                    response = await client.post(f"{API}/space-listing", json=credentials)
                told = response.text + str(response.headers) + str(lines)
                assert find_forms(spell(lab.site.email), told) == []
                assert response.status_code in {200, 403, 502}
