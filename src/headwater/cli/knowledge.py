"""Commands over what is in: ``search``, ``jobs`` and ``delete``."""

from collections.abc import Sequence
from typing import Annotated

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
from headwater.client import AsyncClient, Job
from headwater.client.answers import Failures, Jobs, Match
from headwater.pipeline.content_urls import parse_content_url

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
    async with open_client(make_connection(tenant, server, token, group)) as client:
        answer = await client.search(question, top_k=top_k, space=space, labels=label or ())
    if json_output:
        print_json(answer.to_json())
    else:
        print_matches(answer.results)


def print_matches(results: Sequence[Match]) -> None:
    """Print matches with title, heading path, link, score and the beginning of their text."""
    if not results:
        console.print("nothing found; is the space in, and may the reader see it?")
    for number, match in enumerate(results, 1):
        path = " > ".join([match.title, *match.heading_path])
        console.print(
            f"{number}. {path}  ({match.score:.3f})", style="bold", markup=False, soft_wrap=True
        )
        console.print(f"   {match.source_url}", style="cyan", markup=False, soft_wrap=True)
        text = " ".join(match.text.split())
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
        if failures:
            print_failures(await read_failures(client, str(job_id)), json_output=json_output)
            return
        answer: Jobs | Job
        if job_id is None:
            answer = await client.list_jobs(space=space, limit=limit)
        else:
            answer = await _act(client, job_id, action)
    if json_output:
        print_json(answer.to_json())
    else:
        _print_jobs(answer.jobs if isinstance(answer, Jobs) else [answer])


async def read_failures(client: AsyncClient, job_id: str) -> Sequence[Failures]:
    """Return all pages of a job's failures."""
    pages = [await client.list_failures(job_id)]
    while pages[-1].next:
        pages.append(await client.list_failures(job_id, cursor=pages[-1].next))
    return pages


async def _act(client: AsyncClient, job_id: str, action: str | None) -> Job:
    """Do what is asked for, and return the job that it is about then."""
    if action == "retry":
        return await client.read_job(await client.retry_job(job_id))
    actions = {"cancel": client.cancel_job, "approve": client.approve_job}
    return await actions.get(action or "", client.read_job)(job_id)


@run_async
async def delete(
    source_url: Annotated[
        str, typer.Argument(help="Link of a page, blog post, attachment, space or whole site.")
    ],
    include_descendants: Annotated[
        bool, typer.Option("--include-descendants", help="The pages below a page too.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before a whole space or site is deleted.")
    ] = False,
    tenant: Tenant = DEFAULT_TENANT,
    server: Server = None,
    token: Token = None,
    json_output: Json = False,
) -> None:
    """Delete what is in of a page, a blog post, an attachment, a space or a site."""
    if not yes:
        confirm_whole(source_url)
    async with open_client(make_connection(tenant, server, token)) as client:
        receipt = await client.delete(source_url, include_descendants=include_descendants)
    if json_output:
        print_json(receipt.to_json())
    else:
        documents, vectors = receipt.documents_deleted, receipt.vectors_removed
        console.print(f"{documents} document(s) with {vectors} vector(s) deleted")


def confirm_whole(source_url: str) -> None:
    """Ask before a whole space or site goes; ends the command unless the answer is yes."""
    try:
        link = parse_content_url(source_url)
    except ValueError as error:
        raise typer.BadParameter(f"{source_url!r} is no URL") from error
    whole = f"the space {link.space}" if link.is_whole_space else "the whole site"
    if link.is_whole_space or link.site_path is not None:
        typer.confirm(f"Delete everything that is in of {whole}?", abort=True, err=True)


def _choose_action(**wanted: bool) -> str | None:
    chosen = [name for name, is_wanted in wanted.items() if is_wanted]
    if len(chosen) > 1:
        raise typer.BadParameter("one of --cancel, --retry and --approve at a time")
    return chosen[0] if chosen else None


def _print_jobs(rows: Sequence[Job]) -> None:
    """Print a line per job, its id whole however narrow the terminal is, and what it says."""
    if not rows:
        console.print("no jobs yet; headwater upload starts one")
    for row in rows:
        documents = row.progress.documents
        state = row.status if row.status != "running" else f"running ({row.stage})"
        count = f"{documents.done}/{documents.listed} documents"
        line = f"{row.job_id}  {row.space}  {state}  {count}  {row.created_at:%Y-%m-%d %H:%M:%SZ}"
        console.print(line, markup=False, soft_wrap=True)
        if row.message:
            console.print(f"    {row.message}", markup=False, soft_wrap=True)


def print_failures(pages: Sequence[Failures], *, json_output: bool) -> None:
    """Print what each document failed of, and where it is."""
    if json_output:
        rows = [row for page in pages for row in page.to_json()["failures"]]
        print_json({**pages[-1].to_json(), "failures": rows})
        return
    if not pages[0].total:
        console.print("nothing failed")
    for row in (row for page in pages for row in page.failures):
        line = f"{row.error_type}  {row.title}: {row.error_message}"
        console.print(line, markup=False, soft_wrap=True)
        console.print(f"    {row.source_url}", style="cyan", markup=False, soft_wrap=True)
