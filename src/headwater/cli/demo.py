"""``headwater demo``: the main job from end to end, on this machine alone."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from rich.panel import Panel

from headwater.bootstrap import prepare_settings
from headwater.cli.client import ApiClient
from headwater.cli.confluence import make_upload_body, print_spaces
from headwater.cli.knowledge import print_matches
from headwater.cli.output import CommandFailedError, console, run_async
from headwater.cli.progress import show_job
from headwater.cli.serving import run_api
from headwater.cli.tokens import DEVELOPMENT_TENANT, mint_token
from headwater.config import Settings, load_settings
from headwater.sandbox.server import Sandbox, run_sandbox
from headwater.sandbox.worlds import demo_questions, make_world

SPACE = "IT"
READERS = "all-staff"
"""The group in whose name the demo asks: it may view the space, but none of its restricted pages."""

NEXT_STEPS = """\
[bold]make serve[/]        runs the API at http://127.0.0.1:8000 (/docs describes it)
[bold]headwater upload[/]  brings in a space of your own Confluence:
    .venv/bin/headwater upload KEY --user YOU@EXAMPLE.COM \\
      --site https://YOUR.atlassian.net/wiki/rest/api
[bold]headwater search[/]  asks it a question
README.md goes on from here; docs/ explains how it works."""


@run_async
async def demo() -> None:
    """Run a sample Confluence, bring a space in through the HTTP API, and ask it three questions."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-demo-")))
        site = await stack.enter_async_context(run_sandbox(make_world()))
        console.print(f"A sample Confluence runs at {site.web_url}")
        settings = _settings(folder)
        url = await stack.enter_async_context(run_api(settings))
        console.print(f"Headwater's API runs at {url}\n")
        http = await stack.enter_async_context(_open_http(settings, url))
        await _tell_story(ApiClient(http), site)
    console.print(Panel(NEXT_STEPS, title="How to go on", expand=False))


def _settings(folder: Path) -> Settings:
    return prepare_settings(
        load_settings(
            data_dir=folder,
            host="127.0.0.1",
            port=0,
            allowed_private_hosts=("127.0.0.1",),
            jwt_jwks_url=None,
            jwt_public_key=None,
        )
    )


def _open_http(settings: Settings, url: str) -> httpx2.AsyncClient:
    token = mint_token(settings, DEVELOPMENT_TENANT, groups=[READERS])
    headers = {"authorization": f"Bearer {token}", "x-tenantid": DEVELOPMENT_TENANT}
    return httpx2.AsyncClient(base_url=url, headers=headers, timeout=60)


async def _tell_story(client: ApiClient, site: Sandbox) -> None:
    authorization = {
        "instance_url": site.instance_url,
        "web_url_instance": site.web_url,
        "username": site.email,
        "api_token": site.token,
    }
    console.rule("1. Which spaces are there?  POST /v2/confluence/space-listing")
    print_spaces((await client.post("/v2/confluence/space-listing", authorization))["spaces"])
    console.rule(f"2. Bring {SPACE} in  POST /v2/confluence/upload")
    await _upload(client, authorization, incremental=False)
    console.rule("3. Again, incrementally: only what changed costs anything")
    await _upload(client, authorization, incremental=True)
    console.rule("4. Three questions  POST /v2/confluence/search")
    for question in demo_questions():
        await _ask(client, question)


async def _upload(client: ApiClient, authorization: dict[str, str], *, incremental: bool) -> None:
    body = make_upload_body(
        authorization=authorization,
        tenant=DEVELOPMENT_TENANT,
        space=SPACE,
        incremental=incremental,
        audience=["all"],
        source_restriction=True,
    )
    job = await show_job(client, await client.post("/v2/confluence/upload", body))
    console.print(f"{job['status']}: {job['message']}\n", markup=False)
    if job["status"] != "succeeded":
        raise CommandFailedError(f"the demo's upload ended as {job['status']}")


async def _ask(client: ApiClient, question: str) -> None:
    body: dict[str, Any] = {
        "query": question,
        "pinecone_config": {"rezolve_domain": "headwater.local", "tenant_id": DEVELOPMENT_TENANT},
        "top_k": 2,
    }
    answer = await client.post("/v2/confluence/search", body)
    console.print(f"\n[bold]? {question}[/]  ({answer['took_ms']} ms)")
    if not answer["results"]:
        raise CommandFailedError(f"nothing found for {question!r}")
    print_matches(answer["results"])
