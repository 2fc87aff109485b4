"""The commands by name."""

import typer

from headwater.cli.confluence import spaces, upload
from headwater.cli.demo import demo
from headwater.cli.doctor import doctor
from headwater.cli.knowledge import jobs, search
from headwater.cli.serving import sandbox, serve, worker
from headwater.cli.tokens import token

app = typer.Typer(
    help="Confluence spaces in a vector knowledge base, kept exactly in step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

for command in (demo, serve, worker, sandbox, spaces, upload, search, jobs, token, doctor):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    app()
