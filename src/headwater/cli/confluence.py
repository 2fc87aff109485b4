"""Commands that read a Confluence: ``spaces`` and ``upload``."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from headwater.cli.client import is_embedded, open_client
from headwater.cli.options import (
    DEFAULT_TENANT,
    ApiTokenFile,
    Json,
    Server,
    Site,
    Tenant,
    Token,
    User,
    WebUrl,
    make_connection,
    read_credentials,
)
from headwater.cli.output import CommandFailedError, console, print_json, run_async
from headwater.cli.progress import show_job
from headwater.client import AsyncClient, Job, Upload
from headwater.client.answers import Plan, Space
from headwater.client.inputs import new_job_id

FAILED_STATUSES = {"failed", "cancelled"}


@run_async
async def spaces(
    site: Site,
    user: User,
    web_url: WebUrl = None,
    api_token_file: ApiTokenFile = None,
    tenant: Tenant = DEFAULT_TENANT,
    server: Server = None,
    token: Token = None,
    json_output: Json = False,
) -> None:
    """List the spaces of a Confluence."""
    login = read_credentials(site, web_url, user, api_token_file)
    async with open_client(make_connection(tenant, server, token)) as client:
        answer = await client.list_spaces(login)
    if json_output:
        print_json(answer.to_json())
    else:
        print_spaces(answer.spaces)


def print_spaces(rows: Sequence[Space]) -> None:
    """Print spaces as a table."""
    table = Table("key", "name", "type", "status")
    for row in rows:
        table.add_row(*map(escape, (row.key, row.name, row.type, row.status)))
    console.print(table)


@run_async
async def upload(
    space: Annotated[str, typer.Argument(help="Key of the space.")],
    site: Site,
    user: User,
    web_url: WebUrl = None,
    api_token_file: ApiTokenFile = None,
    full: Annotated[bool, typer.Option("--full", help="Read every page again.")] = False,
    use_ocr: Annotated[bool, typer.Option("--ocr", help="Read text in images too.")] = False,
    audience: Annotated[
        list[str] | None,
        typer.Option("--audience", help="Group that may retrieve; repeat for more."),
    ] = None,
    source_restriction: Annotated[
        bool, typer.Option("--source-restriction", help="Apply Confluence's read restrictions.")
    ] = False,
    blacklist: Annotated[
        bool, typer.Option("--blacklist", help="Leave out what the tenant's blacklist names.")
    ] = False,
    configuration: Annotated[
        str | None,
        typer.Option("--configuration", help="Follow this stored sync configuration."),
    ] = None,
    job_id: Annotated[str, typer.Option("--job-id", help="Name the job.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait and show progress.")] = True,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would do and cost; change nothing.")
    ] = False,
    tenant: Tenant = DEFAULT_TENANT,
    server: Server = None,
    token: Token = None,
    json_output: Json = False,
) -> None:
    """Bring a space into the knowledge base, or up to date, with live progress."""
    wanted = Upload(
        read_credentials(site, web_url, user, api_token_file),
        space,
        source_restriction=source_restriction,
        incremental=not full,
        audience=audience or ["all"],
        blacklisted=blacklist,
        use_ocr=use_ocr,
        configuration=configuration or "",
        job_id=job_id or new_job_id(),
    )
    async with open_client(make_connection(tenant, server, token)) as client:
        if plan:
            answer = await client.plan(wanted)
            print_json(answer.to_json()) if json_output else print_plan(answer)
            return
        started = await client.upload(wanted)
        # An embedded server ends with this command, so its job is waited for in any case.
        follow = wait or is_embedded(client)
        job = await _follow(client, started, json_output=json_output) if follow else None
    _report(started, job, json_output=json_output)


def print_plan(plan: Plan) -> None:
    """Print what an upload would do, the first documents of each kind, and what it would cost."""
    for kind, outcomes in (("documents", plan.documents), ("attachments", plan.attachments)):
        counts = ", ".join(f"{count} {name}" for name, count in outcomes if count)
        console.print(f"{kind}: {counts or 'none'}", markup=False)
    for name, documents in plan.samples.items():
        if name != "unchanged":
            titles = ", ".join(document.title for document in documents)
            console.print(f"  {name}: {titles}", markup=False, soft_wrap=True)
    console.print(
        f"about {plan.chunks_to_embed} chunks to embed ({plan.tokens} tokens),"
        f" {plan.requests} requests, {plan.estimated_seconds:.0f} s",
        markup=False,
        soft_wrap=True,
    )
    for note in plan.notes:
        console.print(note, markup=False, soft_wrap=True)


async def _follow(client: AsyncClient, job_id: str, *, json_output: bool) -> Job:
    if json_output:
        return await client.wait_for_job(job_id)
    return await show_job(client, job_id)


def _report(job_id: str, job: Job | None, *, json_output: bool) -> None:
    if json_output:
        print_json(job.to_json() if job else {"job_id": job_id})
    elif job is None:
        console.print(f"started {job_id}; headwater jobs {job_id} shows how far it is")
    else:
        console.print(f"{job.status}: {job.message}", markup=False)
        for failure in job.failures:
            text = f"  {failure.error_type} {failure.title}: {failure.error_message}"
            console.print(text, markup=False)
    if job and job.status in FAILED_STATUSES:
        raise CommandFailedError(f"job {job_id} {job.status}: {job.message}")
