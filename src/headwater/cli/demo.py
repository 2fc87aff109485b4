"""``headwater demo``: the main job from end to end, on this machine alone."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.panel import Panel

from headwater.bootstrap import prepare_settings
from headwater.cli.confluence import print_spaces
from headwater.cli.knowledge import print_matches
from headwater.cli.options import Json
from headwater.cli.output import CommandFailedError, console, print_json, run_async
from headwater.cli.progress import show_job
from headwater.cli.serving import run_api
from headwater.cli.tokens import DEVELOPMENT_TENANT, mint_token
from headwater.client import AsyncClient, Login, Upload
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
async def demo(json_output: Json = False) -> None:
    """Run a sample Confluence, bring a space in through the HTTP API, and ask it three questions."""
    # Who wants data gets it alone on standard output, at the end.
    console.stderr = json_output
    try:
        told = await _run()
    finally:
        console.stderr = False
    if json_output:
        print_json(told)


async def _run() -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-demo-")))
        site = await stack.enter_async_context(run_sandbox(make_world()))
        console.print(f"A sample Confluence runs at {site.web_url}")
        settings = _settings(folder)
        url = await stack.enter_async_context(run_api(settings))
        console.print(f"Headwater's API runs at {url}\n")
        token = mint_token(settings, DEVELOPMENT_TENANT, groups=[READERS])
        client = AsyncClient(url, token=token, tenant=DEVELOPMENT_TENANT)
        told = await _tell_story(await stack.enter_async_context(client), site)
    console.print(Panel(NEXT_STEPS, title="How to go on", expand=False))
    return told


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


async def _tell_story(client: AsyncClient, site: Sandbox) -> dict[str, Any]:
    """Tell the story, and return what the API answered."""
    login = Login(site.instance_url, site.email, site.token, site.web_url)
    console.rule("1. Which spaces are there?  POST /v2/confluence/space-listing")
    listed = await client.list_spaces(login)
    print_spaces(listed.spaces)
    console.rule(f"2. Bring {SPACE} in  POST /v2/confluence/upload")
    first = await _upload(client, Upload(login, SPACE, source_restriction=True, incremental=False))
    console.rule("3. Again, incrementally: only what changed costs anything")
    second = await _upload(client, Upload(login, SPACE, source_restriction=True))
    console.rule("4. Three questions  POST /v2/confluence/search")
    answers = [await _ask(client, question) for question in demo_questions()]
    return {**listed.to_json(), "jobs": [first, second], "answers": answers}


async def _upload(client: AsyncClient, wanted: Upload) -> Any:
    job = await show_job(client, await client.upload(wanted))
    console.print(f"{job.status}: {job.message}\n", markup=False)
    if job.status != "succeeded":
        raise CommandFailedError(f"the demo's upload ended as {job.status}")
    return job.to_json()


async def _ask(client: AsyncClient, question: str) -> dict[str, Any]:
    answer = await client.search(question, top_k=2)
    console.print(f"\n[bold]? {question}[/]  ({answer.took_ms} ms)")
    if not answer.results:
        raise CommandFailedError(f"nothing found for {question!r}")
    print_matches(answer.results)
    return {"question": question, **answer.to_json()}
