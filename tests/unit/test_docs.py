"""What exists is documented, and what is documented exists."""

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest
import typer
from fastapi.routing import APIRoute

from headwater.adapters.tokens import verification
from headwater.api import validation
from headwater.cli.main import app as command_line
from headwater.client import Client
from headwater.config import Settings
from headwater.console import application as console
from headwater.domain.errors import FailureType
from tools import reference_pages

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADRS = sorted(ROOT.glob("docs/adr/*.md"))

ERROR_TYPE = re.compile(r"[a-z_]+_error(\.[a-z_]+)*")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def list_documented(page):
    """Return everything that the page's tables write as code."""
    rows = [line for line in read(page).splitlines() if line.startswith("|")]
    return set(re.findall(r"`([^`]+)`", "\n".join(rows)))


@pytest.mark.parametrize("name", reference_pages.PARTS)
def test_what_the_reference_takes_from_the_code_is_up_to_date(name):
    path, make = reference_pages.PARTS[name]
    page = read(path)
    hint = "run .venv/bin/python -m tools.reference_pages"
    assert reference_pages.renew(page, name, make()) == page, hint


def test_every_setting_that_is_named_exists():
    named = {
        name for page in PAGES for name in re.findall(r"HEADWATER_([A-Z_]+)\b", page.read_text())
    }
    assert {name.lower() for name in named} <= Settings.model_fields.keys()


def test_every_route_of_the_console_is_documented_and_no_other():
    routes = {
        f"{method} /console{route.path}"
        for page in console.PAGES
        for route in page.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    documented = {text for text in list_documented("docs/guides/console.md") if " /" in text}
    assert documented == routes


def test_every_command_is_documented_and_no_other():
    commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    documented = re.findall(
        r"^\| `headwater ([a-z-]+)", read("docs/reference/cli.md"), re.MULTILINE
    )
    assert sorted(documented) == sorted(commands)


def test_every_option_that_is_named_exists():
    commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    known = {
        option
        for command in commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"`(--[a-z-]+)", read("docs/reference/cli.md"))) - {"--help"} <= known


def list_literals(paths):
    """Return every text in the code that looks like an error's type."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and ERROR_TYPE.fullmatch(value):
                yield value


def list_error_types():
    """Return every ``type`` that an answer may carry."""
    source = ROOT / "src" / "headwater"
    rooms = ["api/*.py", "services/*.py", "adapters/catalog/*.py", "domain/errors.py"]
    files = [path for room in rooms for path in source.glob(room)]
    others = {"literal_error", "handle_error"}  # pydantic's own, and an event of SQLAlchemy
    return {
        *(set(list_literals(files)) - others),
        *(f"authentication_error.{kind}" for _, kind, _ in verification._REASONS),
        *(
            f"authentication_error.{kind}"
            for module in (
                "api/auth.py",
                "adapters/tokens/callers.py",
                "adapters/tokens/verification.py",
            )
            for kind in list_calls(module, "UnauthenticatedError")
        ),
        *(
            f"value_error.url.{kind}"
            for kind in list_calls("adapters/confluence/addresses.py", "self.refusal")
        ),
        *(kind for kind, _ in validation._VOCABULARY.values()),
    }


def list_calls(module, function):
    """Return the first arguments with which a module calls a function."""
    found = set(re.findall(rf'{re.escape(function)}\("([a-z_]+)"', read(f"src/headwater/{module}")))
    assert found, f"{module} calls no {function}: mend this test"
    return found


def test_every_error_type_is_documented():
    assert list_error_types() - list_documented("docs/reference/errors.md") == set()


def test_every_failure_type_is_documented_and_no_other():
    documented = list_documented("docs/reference/errors.md")
    assert {
        name
        for name in documented
        if name.isupper() and "_" in name and not name.startswith("HEADWATER")
    } | {"TIMEOUT"} == set(FailureType)


def list_links(page):
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    for link in list_links(page):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in list_anchors(target), link


def list_anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in ADRS]
    assert numbers == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_every_decision_says_why(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    if page.stem != "0010-dependencies":
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text


def list_shell_blocks():
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)):
            yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("block", list(list_shell_blocks()))
def test_every_shell_block_parses(block):
    subprocess.run(["/bin/bash", "-n"], input=block, text=True, check=True, capture_output=True)


def list_python_blocks():
    for page in PAGES:
        for number, block in enumerate(
            re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
        ):
            yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("block", list(list_python_blocks()))
def test_every_python_block_parses_and_names_what_there_is(block):
    tree = ast.parse(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("headwater"):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, name.name) for name in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "headwater" or hasattr(Client, node.attr), node.attr


def list_named_tests():
    return sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", read("docs/security.md"))))


@pytest.mark.parametrize(("path", "name"), list_named_tests())
def test_every_test_that_the_threat_model_names_exists(path, name):
    assert re.search(rf"^(async )?def {name}\(", read(path), re.MULTILINE)


def test_the_threat_model_names_a_test_in_every_row():
    rows = [line for line in read("docs/security.md").splitlines() if line.count("|") == 4]
    threats = [row for row in rows if not row.startswith(("| could try", "|---"))]
    assert len(threats) > 15
    assert [row for row in threats if "::" not in row] == []
