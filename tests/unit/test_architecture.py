"""What import-linter cannot see: who makes what, and who reads the environment."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "headwater"


def calls(name: str) -> Iterator[str]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == name:
                yield str(path.relative_to(SOURCE))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_only_authentication_the_catalog_and_the_jobs_make_a_tenant_id() -> None:
    makers = set(calls("TenantId"))
    assert makers
    assert {path for path in makers if not path.startswith(("adapters/catalog/", "jobs/"))} == {
        "adapters/tokens/callers.py"
    }


def test_nothing_but_the_settings_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.rglob("*.py"))
        if any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]
    assert readers == []


def test_no_module_is_named_for_being_a_leftover() -> None:
    leftovers = {"utils", "helpers", "common", "core", "manager", "base", "misc"}
    assert [path for path in SOURCE.rglob("*.py") if path.stem in leftovers] == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}
