"""``headwater rotate-keys``: seal what is stored with the newest key."""

import typer

from headwater.bootstrap import open_vault, prepare_settings
from headwater.cli.options import Json
from headwater.cli.output import CommandFailedError, print_json, run_async
from headwater.config import load_settings
from headwater.services.key_rotation import rotate_keys as rotate


@run_async
async def rotate_keys(json_output: Json = False) -> None:
    """Seal every stored credential with the first key in HEADWATER_SECRET_KEY."""
    async with open_vault(prepare_settings(load_settings())) as (credentials, box):
        done = await rotate(credentials, box)
    if json_output:
        print_json({"resealed": done.resealed, "unreadable": done.unreadable})
    else:
        typer.echo(f"{done.resealed} credential(s) sealed with the first key")
    if done.unreadable:
        raise CommandFailedError(
            f"no key in HEADWATER_SECRET_KEY opens {done.unreadable} credential(s)",
            hint="keep the older keys on the list; jobs whose key is lost need to be uploaded again",
        )
    typer.echo("older keys can be dropped from HEADWATER_SECRET_KEY", err=True)
