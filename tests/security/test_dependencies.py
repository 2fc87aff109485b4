"""What is locked: nothing with a known vulnerability, nothing under a licence that binds its users."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUDIT = Path(sys.executable).parent / "pip-audit"
KNOWN_TO_BE_VULNERABLE = "urllib3==1.24.1"
"""Asked for first: an audit that finds nothing here has no data, and proves nothing elsewhere."""

BINDING = re.compile(
    r"(?<!L)\bA?GPL|GNU (Affero )?General Public|SSPL|BUSL|Commons Clause|Proprietary"
)
NAMED = re.compile(r"Apache|BSD|MIT|ISC|PSF|MPL|Mozilla|LGPL|Zlib")


def read_runtime_packages():
    """Return the name and version of everything that an installation brings along."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    packages = {package["name"]: package for package in locked}
    found, waiting = set(), ["headwater"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [needed["name"] for needed in list_needs(packages, name)]
    return sorted((name, packages[name]["version"]) for name in found - {"headwater"})


def list_needs(packages, name):
    for needed in packages[name].get("dependencies", ()):
        yield needed
        for extra in needed.get("extra", ()):
            yield from packages[needed["name"]].get("optional-dependencies", {}).get(extra, ())


def audit(requirements, folder):
    """Return what pip-audit says of each pinned package, without resolving or installing any."""
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(requirements), encoding="utf-8")
    ended = subprocess.run(
        [AUDIT, "--requirement", listed, "--no-deps", "--disable-pip", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    try:
        return json.loads(ended.stdout)["dependencies"]
    except json.JSONDecodeError:
        pytest.skip(f"the vulnerability data cannot be reached: {ended.stderr.strip()[-200:]}")


@pytest.mark.timeout(240)
def test_nothing_locked_has_a_known_vulnerability(tmp_path):
    (canary,) = audit([KNOWN_TO_BE_VULNERABLE], tmp_path)
    if not canary.get("vulns"):
        pytest.skip("the package registry here serves no vulnerability data")
    found = audit([f"{name}=={version}" for name, version in read_runtime_packages()], tmp_path)
    assert {item["name"]: item["vulns"] for item in found if item.get("vulns")} == {}


@pytest.mark.parametrize("name", [name for name, _ in read_runtime_packages()])
def test_every_dependency_has_a_licence_that_does_not_bind_its_users(name):
    try:
        about = metadata.metadata(name).json
    except metadata.PackageNotFoundError:
        pytest.skip("not installed on this platform")
    named = [line for line in about.get("classifier", ()) if line.startswith("License ::")]
    said = str(about.get("license_expression") or "; ".join(named) or about.get("license"))
    assert NAMED.search(said), f"{name} names no licence we know: {said[:100]!r}"
    assert not BINDING.search(said), f"{name} is under {said[:100]!r}"


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0", "GNU General Public License v2"])
def test_a_binding_licence_is_recognised(licence):
    assert BINDING.search(licence)
    assert not BINDING.search("LGPL-3.0-only")
