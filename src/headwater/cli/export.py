"""``headwater export``: what is in, as JSON lines or Markdown files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from headwater.bootstrap import make_authenticator, open_ports, prepare_settings
from headwater.cli.exported_files import Write, writing_folder, writing_lines
from headwater.cli.options import DEFAULT_TENANT, Json, Tenant, Token
from headwater.cli.output import print_json, run_async, stderr
from headwater.cli.tokens import SCOPES, mint_token
from headwater.config import Settings, load_settings
from headwater.domain.access import Reader
from headwater.domain.ids import SpaceKey, TenantId
from headwater.services.exporting import stream_export

STANDARD_OUTPUT: Final = Path("-")
READ, WRITE = SCOPES


class ExportFormat(StrEnum):
    """How documents are written."""

    JSONL = "jsonl"
    MARKDOWN = "markdown"


@run_async
async def export(
    target: Annotated[
        Path,
        typer.Argument(help="New file, or new folder of Markdown files; - is standard output."),
    ],
    form: Annotated[
        ExportFormat, typer.Option("--format", help="One line of JSON, or one file, per document.")
    ] = ExportFormat.JSONL,
    space: Annotated[str | None, typer.Option(help="Only this space.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="Only what this group's readers may see; repeat for more."),
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    token: Token = None,
    json_output: Json = False,
) -> None:
    """Write every document that is in, with its text, labels, losses and who may read it."""
    settings = prepare_settings(load_settings())
    owner, reader = await _identify(settings, tenant, token, group)
    to_stdout = target == STANDARD_OUTPUT
    if to_stdout and form is ExportFormat.MARKDOWN:
        raise typer.BadParameter("name a folder for Markdown files")
    writing = (
        writing_folder(target)
        if form is ExportFormat.MARKDOWN
        else writing_lines(None if to_stdout else target)
    )
    with writing as write:
        count, incomplete = await _export(settings, owner, reader, space, write)
    report = {"documents": count, "incomplete": incomplete, "target": str(target)}
    if json_output and not to_stdout:
        print_json(report)
    else:
        stderr.print(f"{count} documents written to {target}", markup=False, soft_wrap=True)
    if incomplete:
        note = f"{incomplete} of them were being written; their rows say so: export them again"
        stderr.print(note, markup=False, soft_wrap=True)


async def _identify(
    settings: Settings, tenant: str, token: str | None, groups: list[str] | None
) -> tuple[TenantId, Reader | None]:
    """Return whose documents, and with whose eyes; who may change everything sees everything."""
    scopes = [READ] if groups else SCOPES
    text = token or mint_token(settings, tenant, groups=groups or (), scopes=scopes)
    caller = await make_authenticator(settings).identify(text)
    return caller.tenant, None if WRITE in caller.permissions else caller.reader


async def _export(
    settings: Settings, tenant: TenantId, reader: Reader | None, space: str | None, write: Write
) -> tuple[int, int]:
    count = incomplete = 0
    key = SpaceKey(space) if space else None
    async with open_ports(settings, executes=False) as ports:
        async for document in stream_export(ports, tenant, reader=reader, space=key):
            write(document)
            count += 1
            incomplete += not document.document.is_whole
    return count, incomplete
