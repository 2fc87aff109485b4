"""The commands by name."""

import logging

import typer

from headwater.adapters.logs import configure_logging
from headwater.cli.backup import backup, restore
from headwater.cli.confluence import spaces, upload
from headwater.cli.demo import demo
from headwater.cli.doctor import doctor
from headwater.cli.export import export
from headwater.cli.keys import rotate_keys
from headwater.cli.knowledge import delete, jobs, search
from headwater.cli.serving import sandbox, serve, worker
from headwater.cli.tokens import token
from headwater.cli.tools import mcp

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def prepare() -> None:
    """Confluence spaces in a vector knowledge base, kept exactly in step."""
    # Standard output belongs to what a command prints; commands that serve say more in their log.
    configure_logging(json_lines=False, own_level=logging.WARNING)


for command in (
    demo,
    serve,
    worker,
    sandbox,
    spaces,
    upload,
    search,
    jobs,
    delete,
    token,
    doctor,
    rotate_keys,
    mcp,
    backup,
    restore,
    export,
):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    app()
