"""Whatever is probed has plain words."""

import ast
from pathlib import Path

import pytest

from headwater.adapters import confluence
from headwater.console.capabilities import explain_capabilities
from headwater.ports import Capability


def list_probed():
    """Return the names of everything that the adapters try."""
    folder = Path(confluence.__file__).parent
    for path in (folder / "probing.py", folder / "data_center" / "probing.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_try":
                assert isinstance(node.args[0], ast.Constant)
                yield node.args[0].value


@pytest.mark.parametrize("name", sorted(set(list_probed())))
def test_everything_that_is_tried_says_what_it_is_for_and_what_follows_without_it(name):
    (missing,) = explain_capabilities([Capability(name, ok=False, detail="403; do this")])
    assert missing.title != name
    assert missing.consequence
    assert missing.detail == "403; do this"
    (working,) = explain_capabilities([Capability(name, ok=True, detail="works")])
    assert working.consequence == ""


def test_what_is_missing_comes_first():
    found = explain_capabilities(
        [Capability("spaces (v2)", ok=True, detail=""), Capability("search", ok=False, detail="")]
    )
    assert [finding.ok for finding in found] == [False, True]


def test_what_has_no_words_yet_is_shown_by_its_name():
    (found,) = explain_capabilities([Capability("telepathy", ok=False, detail="no")])
    assert found.title == "telepathy"
