from pathlib import Path

import pytest

from headwater.bootstrap import prepare_settings
from headwater.config import EmbedderKind, LogFormat, Settings, load_settings
from headwater.domain.errors import ConfigError


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HEADWATER_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_setting_has_a_default_that_runs_on_a_laptop():
    settings = load_settings()
    assert settings.data_dir == Path(".headwater")
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.embedder is EmbedderKind.LOCAL


def test_the_environment_is_read_and_wins_over_the_env_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("HEADWATER_PORT=9000\nHEADWATER_LOG_FORMAT=json\nOTHER=1\n")
    monkeypatch.setenv("HEADWATER_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.log_format) == (9001, LogFormat.JSON)


def test_an_override_wins_over_everything(monkeypatch):
    monkeypatch.setenv("HEADWATER_PORT", "9001")
    assert load_settings(port=9002).port == 9002


@pytest.mark.parametrize(
    ("text", "items"),
    [("", ()), ("a", ("a",)), (" a , b,, c ,", ("a", "b", "c"))],
)
def test_lists_are_comma_separated_and_empty_means_none(monkeypatch, text, items):
    monkeypatch.setenv("HEADWATER_ALLOWED_PRIVATE_HOSTS", text)
    monkeypatch.setenv("HEADWATER_SECRET_KEY", text)
    settings = load_settings()
    assert settings.allowed_private_hosts == items
    assert tuple(key.get_secret_value() for key in settings.secret_key) == items


@pytest.mark.parametrize(
    "name",
    [name for name, field in Settings.model_fields.items() if field.default is None],
)
def test_an_empty_variable_is_an_absent_setting(monkeypatch, name):
    monkeypatch.setenv(f"HEADWATER_{name.upper()}", "")
    assert getattr(load_settings(), name) is None


def test_every_variable_that_cannot_be_used_is_named_and_none_is_quoted(monkeypatch):
    for name in ("PORT", "EMBEDDER", "LOG_FORMAT", "RATE_LIMIT_PER_MINUTE"):
        monkeypatch.setenv(f"HEADWATER_{name}", "s3cret")
    with pytest.raises(ConfigError) as error:
        load_settings()
    text = str(error.value)
    assert text.count("HEADWATER_") == 4
    assert "HEADWATER_EMBEDDER: Input should be 'local', 'openai' or 'pinecone'" in text
    assert "s3cret" not in text


def test_keys_that_nobody_set_are_invented_once(tmp_path):
    first = prepare_settings(load_settings(data_dir=tmp_path / "data"))
    again = prepare_settings(load_settings(data_dir=tmp_path / "data"))
    assert first.jwt_secret
    assert first.jwt_secret == again.jwt_secret
    assert first.secret_key == again.secret_key
    assert first.jwt_secret not in first.secret_key
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "data").iterdir())


def test_given_keys_are_used_and_nothing_is_invented(tmp_path):
    settings = load_settings(
        data_dir=tmp_path / "data", jwt_jwks_url="https://issuer.example/keys", secret_key="one,two"
    )
    prepared = prepare_settings(settings)
    assert prepared.jwt_secret is None
    assert len(prepared.secret_key) == 2
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "HEADWATER_JWT_PUBLIC_KEY and HEADWATER_SECRET_KEY: needed with Postgres"),
        ({"jwt_secret": "j" * 32}, "^HEADWATER_SECRET_KEY: needed with Postgres"),
        ({"secret_key": "k" * 32}, "HEADWATER_JWT_PUBLIC_KEY: needed with Postgres"),
    ],
    ids=["none", "jwt", "secret"],
)
def test_with_a_database_server_no_key_is_invented(tmp_path, given, missing):
    url = "postgresql://headwater:open-sesame@db/headwater"
    settings = load_settings(data_dir=tmp_path / "data", database_url=url, **given)
    with pytest.raises(ConfigError, match=missing):
        prepare_settings(settings)
    assert list((tmp_path / "data").iterdir()) == []
    both = {"jwt_secret": "j" * 32, "secret_key": "k" * 32}
    prepared = prepare_settings(load_settings(data_dir=tmp_path / "data", database_url=url, **both))
    assert prepared.database_url == settings.database_url
    assert "open-sesame" not in repr(prepared)


def test_a_database_we_do_not_speak_is_said_to_be_one(tmp_path):
    settings = load_settings(data_dir=tmp_path / "data", database_url="mysql://db/headwater")
    with pytest.raises(ConfigError, match="begins with mysql://, which we do not speak"):
        prepare_settings(settings)


def test_a_data_dir_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"HEADWATER_DATA_DIR: .*choose a writable folder"):
        prepare_settings(load_settings(data_dir=tmp_path / "file" / "data"))
