"""Commands over what is in: ``search`` and ``jobs``."""

from typing import Annotated, Any

import typer

from headwater.cli.client import open_client
from headwater.cli.options import (
    DEFAULT_TENANT,
    Json,
    Server,
    Tenant,
    Token,
    make_connection,
)
from headwater.cli.output import console, print_json, run_async

EXCERPT = 240


@run_async
async def search(
    question: Annotated[str, typer.Argument(help="What to look for.")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="How many chunks.")] = 5,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Any of these labels; repeat for more.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", help="Group the reader is in; repeat for more.")
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    server: Server = None,
    token: Token = None,
    json_output: Json = False,
) -> None:
    """Answer a question from the knowledge base."""
    body: dict[str, Any] = {
        "query": question,
        "pinecone_config": {"rezolve_domain": "headwater.local", "tenant_id": tenant},
        "top_k": top_k,
        "labels": label or [],
    }
    if space:
        body["space"] = space
    async with open_client(make_connection(tenant, server, token, group)) as client:
        answer = await client.post("/v2/confluence/search", body)
    if json_output:
        print_json(answer)
    else:
        print_matches(answer["results"])


def print_matches(results: list[dict[str, Any]]) -> None:
    """Print matches with title, heading path, link, score and the beginning of their text."""
    if not results:
        console.print("nothing found; is the space in, and may the reader see it?")
    for number, match in enumerate(results, 1):
        path = " > ".join([match["title"], *match["heading_path"]])
        console.print(
            f"{number}. {path}  ({match['score']:.3f})", style="bold", markup=False, soft_wrap=True
        )
        console.print(f"   {match['source_url']}", style="cyan", markup=False, soft_wrap=True)
        text = " ".join(match["text"].split())
        console.print(f"   {text[:EXCERPT]}{'…' if len(text) > EXCERPT else ''}", markup=False)


@run_async
async def jobs(
    job_id: Annotated[str | None, typer.Argument(help="One job; all of them without.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Ask the job to stop.")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="Show what failed.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed.")] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Carry out the deletions that are held.")
    ] = False,
    space: Annotated[str | None, typer.Option(help="Only jobs of this space.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=250, help="How many jobs.")] = 20,
    tenant: Tenant = DEFAULT_TENANT,
    server: Server = None,
    token: Token = None,
    json_output: Json = False,
) -> None:
    """List jobs, or show, explain, cancel, retry or approve one."""
    action = _choose_action(cancel=cancel, retry=retry, approve=approve)
    if job_id is None and (action or failures):
        raise typer.BadParameter("name the job that this is about")
    async with open_client(make_connection(tenant, server, token)) as client:
        base = "/v2/confluence/jobs"
        if job_id is None:
            query: dict[str, str | int] = {"limit": limit, **({"space": space} if space else {})}
            answer = await client.get(base, **query)
        elif action:
            answer = await client.post(f"{base}/{job_id}/{action}")
            if retry:
                answer = await client.get(f"{base}/{answer}")
        else:
            answer = await client.get(f"{base}/{job_id}{'/failures' if failures else ''}")
    if json_output or failures:
        print_json(answer)
    else:
        _print_jobs([answer] if job_id else answer["jobs"])


def _choose_action(**wanted: bool) -> str | None:
    chosen = [name for name, is_wanted in wanted.items() if is_wanted]
    if len(chosen) > 1:
        raise typer.BadParameter("one of --cancel, --retry and --approve at a time")
    return chosen[0] if chosen else None


def _print_jobs(rows: list[dict[str, Any]]) -> None:
    """Print a line per job, its id whole however narrow the terminal is, and what it says."""
    if not rows:
        console.print("no jobs yet; headwater upload starts one")
    for row in rows:
        documents = row["progress"]["documents"]
        state = row["status"] if row["status"] != "running" else f"running ({row['stage']})"
        count = f"{documents['done']}/{documents['listed']} documents"
        line = f"{row['job_id']}  {row['space']}  {state}  {count}  {row['created_at']}"
        console.print(line, markup=False, soft_wrap=True)
        if row["message"]:
            console.print(f"    {row['message']}", markup=False, soft_wrap=True)
