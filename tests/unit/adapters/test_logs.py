import json
import logging
import warnings
from datetime import datetime, timedelta

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from headwater.adapters.logs import configure_logging, mask_secrets
from headwater.domain.secrets import MASK, Secret

TOUCHED = ("", "headwater", "headwater.test", "dbos", "uvicorn.access", "uvicorn.error", "httpx2")


@pytest.fixture(autouse=True)
def _restore_logging():
    before = {name: logging.getLogger(name).__dict__.copy() for name in TOUCHED}
    yield
    for name, state in before.items():
        logging.getLogger(name).__dict__.update(state)
        logging.getLogger(name).setLevel(state["level"])  # empties the cache of levels
    structlog.reset_defaults()


@pytest.fixture
def log():
    configure_logging(json_lines=True)
    return structlog.get_logger("headwater.test")


def read_lines(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_is_one_line_of_json_on_standard_error(log, capsys):
    log.info("page_synced", title="Zürich\nsecond line", chunks=3)
    (line,) = read_lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "page_synced",
        "title": "Zürich\nsecond line",
        "chunks": 3,
        "level": "info",
        "logger": "headwater.test",
    }


def test_times_are_utc(log, capsys):
    log.info("now")
    moment = datetime.fromisoformat(read_lines(capsys)[0]["timestamp"])
    assert moment.utcoffset() == timedelta(0)


def test_context_that_was_bound_is_on_every_line(log, capsys):
    with structlog.contextvars.bound_contextvars(job="j1"):
        log.info("a")
    log.info("b")
    assert [line.get("job") for line in read_lines(capsys)] == ["j1", None]


def test_debug_lines_are_not_written(log, capsys):
    log.debug("detail")
    assert read_lines(capsys) == []


def fail():
    hidden = "value-of-a-local"
    raise ValueError("sent Bearer abcdefghijklmnopqrstuvwxyz", len(hidden))


def test_a_command_can_ask_for_warnings_only(log, capsys):
    configure_logging(json_lines=True, own_level=logging.WARNING)
    log.info("progress")
    log.warning("trouble")
    assert [line["event"] for line in read_lines(capsys)] == ["trouble"]


def test_an_exception_is_rendered_masked_and_without_local_variables(log, capsys):
    try:
        fail()
    except ValueError:
        log.exception("failed")
    (line,) = read_lines(capsys)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert "value-of-a-local" not in json.dumps(line)
    assert "abcdefghijkl" not in json.dumps(line)


def test_the_console_renders_exceptions_without_local_variables_and_masks_them(capsys):
    configure_logging(json_lines=False)
    try:
        fail()
    except ValueError:
        structlog.get_logger("headwater.test").exception("failed", api_token="t0p")
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert "value-of-a-local" not in text
    assert "abcdefghijkl" not in text
    assert "t0p" not in text


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "Authorization", "proxy-authorization", "api_token", "token", "access_token",
        "password", "secret", "client_secret", "api_key", "apikey", "embedder_api_key", "x-api-key",
        "jwt", "jwt_secret", "secret_key", "cookie", "Set-Cookie",
    ],
)  # fmt: skip
def test_values_under_secret_names_are_masked_at_any_depth(log, capsys, name):
    log.info("event", **{name: "s3cr3t"}, nested={"deep": [{name: "s3cr3t"}]})
    written = json.dumps(read_lines(capsys))
    assert "s3cr3t" not in written
    assert written.count(MASK) == 2


@pytest.mark.parametrize(
    "name", ["tokens", "token_count", "secretary", "jwt_issuer", "passwordless"]
)
def test_names_that_only_resemble_secrets_stay_readable(name):
    assert mask_secrets(None, "info", {name: "seen"}) == {name: "seen"}


def test_secret_objects_are_masked_wherever_they_are(log, capsys):
    log.info("event", a=Secret("s3cr3t"), b=[SecretStr("s3cr3t")], c={"d": (Secret("s3cr3t"),)})
    written = json.dumps(read_lines(capsys))
    assert "s3cr3t" not in written
    assert written.count(MASK) == 3


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("sent Authorization: Bearer abcdefghijklmnop12345", "abcdefghijklmnop12345"),
        ("header basic dXNlcjpwYXNzd29yZDEyMw==", "dXNlcjpwYXNz"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIi"),
        ("bad token ATATT3xFfGF0Tabcdefgh12345_-=ABC, try again", "xFfGF0Tabcdefgh"),
        ("postgresql://app:hunter2@db:5432/x", "hunter2"),
        ("redis://:hunter2@cache", "hunter2"),
    ],
)
def test_credentials_inside_texts_are_masked(log, capsys, text, hidden):
    log.info(text, detail=text)
    written = capsys.readouterr().err
    assert hidden not in written
    assert written.count(MASK) == 2


@pytest.mark.parametrize(
    "text", ["basic authentication", "https://a.example/wiki/x?y=1", "mail me@example.com at 10:30"]
)
def test_ordinary_texts_stay_as_they_are(text):
    assert mask_secrets(None, "info", {"event": text}) == {"event": text}


@settings(max_examples=20)
@given(
    st.dictionaries(st.text(max_size=8), st.integers() | st.lists(st.text(max_size=8)), max_size=4)
)
def test_masking_never_loses_a_field(event):
    assert mask_secrets(None, "info", event).keys() == event.keys()


@pytest.mark.parametrize("name", ["uvicorn.error", "dbos", "httpx2"])
def test_libraries_write_through_the_same_renderer_from_warning(log, capsys, name):
    assert log
    library = logging.getLogger(name)
    library.info("chatter")
    library.warning("trouble with %s", "Bearer abcdefghijklmnop12345")
    (line,) = read_lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == (
        f"trouble with Bearer {MASK}",
        name,
        "warning",
    )


def test_the_access_log_is_silent(log, capsys):
    assert log
    logging.getLogger("uvicorn.access").warning("GET /")
    assert read_lines(capsys) == []


def test_configuring_again_replaces_the_handlers(log, capsys):
    configure_logging(json_lines=True)
    log.warning("once")
    logging.getLogger("dbos").warning("once")
    assert [line["event"] for line in read_lines(capsys)] == ["once", "once"]


def test_the_job_engine_keeps_our_handler_when_it_sets_itself_up(log, capsys):
    assert log
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dbos._logger import init_logger  # noqa: PLC0415  (importing it sets the logger up)
    init_logger()
    logging.getLogger("dbos").error("trouble")
    assert [line["event"] for line in read_lines(capsys)] == ["trouble"]
