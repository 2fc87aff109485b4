"""Writes what the reference says of settings, commands and routes, from the code that decides it.

The pages keep their own words; only what stands between ``<!-- made: NAME -->`` and
``<!-- end: NAME -->`` is written here. ``python -m tools.reference_pages`` brings it up to date, and a
test holds it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperOption

from headwater.api.application import create_app
from headwater.cli.main import app as command_line
from headwater.config import Settings, load_settings

ROOT: Final = Path(__file__).parents[1]

IN_WORDS: Final = {
    "database_url": "SQLite under the data dir",
    "jwt_secret": "generated into the data dir",
    "secret_key": "generated into the data dir",
}
"""Defaults that are no value of their own."""


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def describe_settings() -> str:
    """Return the table of all settings."""
    rows = [
        (f"`HEADWATER_{name.upper()}`", _describe_default(name, field.default), field.description)
        for name, field in Settings.model_fields.items()
    ]
    return write_table(
        ("variable", "default", "what it is"), [(*row[:2], row[2] or "") for row in rows]
    )


def _describe_default(name: str, default: Any) -> str:
    if name in IN_WORDS:
        return IN_WORDS[name]
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    return "" if default is None or not text else f"`{text}`"


def describe_commands() -> str:
    """Return every command with its arguments and options."""
    group: Any = typer.main.get_command(command_line)
    return "\n\n".join(describe_command(name, group.commands[name]) for name in group.commands)


def describe_command(name: str, command: Any) -> str:
    """Return a command's heading, what it does, and a table of its options."""
    shown = [item for item in command.params if item.name != "help"]
    rows = [(_spell(item), _explain(item)) for item in shown]
    table = [write_table(("option", "what it does"), rows)] if rows else []
    return "\n\n".join([f"### headwater {name}", (command.help or "").strip(), *table])


def _spell(item: Any) -> str:
    if not isinstance(item, TyperOption):
        return f"`{(item.name or '').upper()}`"
    return ", ".join(f"`{name}`" for name in (*item.opts, *item.secondary_opts))


def _explain(item: Any) -> str:
    text = str(getattr(item, "help", None) or "")
    default = item.default
    shown = (
        isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    )
    return f"{text} Default: `{default}`." if shown else text


def describe_routes() -> str:
    """Return the table of all routes, with the scope that each needs."""
    settings = load_settings(jwt_secret="x" * 40)
    document = create_app(settings, lambda: None).openapi()  # type: ignore[arg-type,return-value]
    rows = [
        (f"`{method.upper()} {path}`", _name_scope(call), _tell_purpose(call))
        for path, calls in document["paths"].items()
        for method, call in calls.items()
    ]
    itself = ("`GET /openapi.json`, `GET /docs`", "none", "The description of all this.")
    return write_table(("route", "scope", "what it does"), [*rows, itself])


def _tell_purpose(call: dict[str, Any]) -> str:
    names = [f"`{item['name']}`" for item in call.get("parameters", ()) if item["in"] == "query"]
    query = f" Query: {', '.join(names)}." if names else ""
    return f"{call['description'].splitlines()[0]}{query}"


def _name_scope(call: dict[str, Any]) -> str:
    scope = call.get("x-required-scope")
    return f"`{scope}`" if scope else "none"


PARTS: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "settings": ("docs/reference/settings.md", describe_settings),
    "commands": ("docs/reference/cli.md", describe_commands),
    "routes": ("docs/reference/api.md", describe_routes),
}
"""By name: the page, and what makes the part."""


def renew(page: str, name: str, made: str) -> str:
    """Return a page with one part made anew; ``ValueError`` where it has no place for it."""
    begin, end = f"<!-- made: {name} -->", f"<!-- end: {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs {begin} and {end}, each once")
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{made}\n\n{end}", page)


def main() -> None:
    """Bring every page up to date."""
    for name, (path, make) in PARTS.items():
        page = ROOT / path
        page.write_text(renew(page.read_text(encoding="utf-8"), name, make()), encoding="utf-8")


if __name__ == "__main__":
    main()
