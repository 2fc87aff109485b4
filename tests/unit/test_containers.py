"""The container files: what they promise can be read, where nothing here can run them."""

import re
from pathlib import Path

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from headwater.cli.main import app
from headwater.config import Settings

ROOT = Path(__file__).parents[2]
EXACT_IMAGE = re.compile(r"[\w./-]+:\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?")
OURS = ("api", "worker")


def read_steps():
    """Return the Dockerfile's instructions, each a word and its arguments on one line."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


STEPS = read_steps()
LAST_STAGE = STEPS[max(place for place, (word, _) in enumerate(STEPS) if word == "FROM") :]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def list_values(word, steps=STEPS):
    return [value for name, value in steps if name == word]


def test_every_base_image_is_one_exact_version():
    images = [value.split()[0] for value in list_values("FROM")]
    services = COMPOSE["services"].values()
    images += [service["image"] for service in services if "build" not in service]
    assert len(images) == 3
    assert all(EXACT_IMAGE.fullmatch(image) for image in images), images


def test_what_is_installed_is_what_the_lock_says():
    installs = [value for value in list_values("RUN") if "uv sync" in value]
    assert installs
    assert all("--locked" in value and "--no-dev" in value for value in installs)
    assert all("==" in value for value in list_values("RUN") if "pip install" in value)


def test_what_nobody_may_write_is_compiled_before_it_is_started():
    words = [word for word, _ in STEPS]
    compiles = STEPS.index(("ENV", "UV_COMPILE_BYTECODE=1"))
    first_install = next(place for place, (_, value) in enumerate(STEPS) if "uv sync" in value)
    assert words.index("FROM") < compiles < first_install


def test_the_image_runs_as_nobody_special_and_says_how_it_is():
    (user,) = list_values("USER", LAST_STAGE)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    (check,) = list_values("HEALTHCHECK", LAST_STAGE)
    assert "/healthz" in check
    assert list_values("ENTRYPOINT") == ['["headwater"]']


def test_the_last_stage_holds_no_build_tools():
    assert not any("uv" in value.split() for value in list_values("RUN", LAST_STAGE))
    assert all(value.startswith("--from=build") for value in list_values("COPY", LAST_STAGE))


def test_no_secret_is_in_the_image_or_its_context():
    for value in (*list_values("ENV"), *list_values("ARG"), *list_values("RUN")):
        assert not re.search(r"SECRET|PASSWORD|TOKEN|API_KEY", value)
    rules = (ROOT / ".dockerignore").read_text().split()
    assert rules[0] == "*"
    copied = {name for value in list_values("COPY") for name in value.split()[:-1]}
    wanted = {name for name in copied if not name.startswith(("-", "/"))}
    assert wanted == {rule.removeprefix("!") for rule in rules if rule.startswith("!")}


def test_what_is_copied_is_there():
    assert all((ROOT / name).exists() for name in ("src", "uv.lock", "README.md", "LICENSE"))


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_with_as_little_as_they_need(name):
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_set_by_settings_that_exist(name):
    service = COMPOSE["services"][name]
    named = {key.removeprefix("HEADWATER_").lower() for key in service["environment"]}
    assert named <= Settings.model_fields.keys()
    assert {"database_url", "secret_key", "jwt_secret"} <= named
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    assert service["command"][0] in commands.commands


@pytest.mark.parametrize("name", OURS)
def test_every_other_setting_may_stand_in_the_env_file_and_breaks_nothing_there(name):
    service = COMPOSE["services"][name]
    assert service["env_file"] == [{"path": ".env", "required": False}]
    held = {"HEADWATER_DATA_DIR": "/data", "HEADWATER_HOST": "0.0.0.0"}  # noqa: S104  (in a container)
    assert service["environment"].items() >= held.items()
    assert all(f"{key}={value}" in list_values("ENV", LAST_STAGE)[0] for key, value in held.items())


def test_every_secret_comes_from_outside_and_must():
    for service in COMPOSE["services"].values():
        for key, value in service["environment"].items():
            if re.search(r"SECRET|PASSWORD|DATABASE_URL", key):
                assert re.search(r"\$\{\w+:\?", value), f"{key} has a value of its own"


def test_every_volume_is_declared():
    services = COMPOSE["services"].values()
    used = {volume.split(":")[0] for service in services for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])
    assert "pg_isready" in COMPOSE["services"]["postgres"]["healthcheck"]["test"]
