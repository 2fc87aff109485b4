"""One log line per event, to standard error, with secrets masked; every library writes the same way."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from pydantic import SecretBytes, SecretStr
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from headwater.domain.secrets import MASK, Secret

_SECRET_KEY = re.compile(
    r"(?:^|_)(?:authorization|token|password|passwd|secret|api_?key|secret_?key|private_key|jwt|cookie)$"
)
_SECRET_TEXT = (
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{16,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\bAT[A-Z]{3}3[\w+/=.-]{16,}"), MASK),  # Atlassian's API tokens
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), MASK),
)
_OWN_HANDLERS = ("dbos",)
"""Libraries that install a handler of their own unless they find one; they get ours."""

_SILENT = ("uvicorn.access",)
"""The service logs each request once itself."""


def configure_logging(*, json_lines: bool, own_level: int = logging.INFO) -> None:
    """Send every log line to standard error, as JSON or for the eye; calling it again replaces all.

    Our own loggers speak from ``own_level``, libraries from WARNING. Start uvicorn with ``log_config=None``,
    or it brings its own handlers back.
    """
    handler = _StderrHandler()
    handler.setFormatter(_make_formatter(json_lines=json_lines))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("headwater").setLevel(own_level)
    for name in _OWN_HANDLERS:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [handler], False
    for name in _SILENT:
        logging.getLogger(name).disabled = True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that moment: progress bars and tests put another in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def flush(self) -> None:
        """Flush what standard error is now; the one before may be closed."""
        self.stream = sys.stderr
        super().flush()


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask secret values, values under secret-sounding names, and credentials inside texts, at any depth."""
    return {name: _mask_entry(name, value) for name, value in event.items()}


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def _make_formatter(*, json_lines: bool) -> logging.Formatter:
    render = _render_json() if json_lines else _render_console()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )


def _render_json() -> list[Processor]:
    exceptions = ExceptionDictTransformer(show_locals=False, max_frames=20)
    return [
        structlog.processors.ExceptionRenderer(exceptions),
        mask_secrets,
        structlog.processors.JSONRenderer(),
    ]


def _render_console() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _mask_entry(name: object, value: Any) -> Any:
    if isinstance(name, str) and _SECRET_KEY.search(name.lower().replace("-", "_")):
        return MASK
    return _mask_value(value)


def _mask_value(value: Any) -> Any:
    if isinstance(value, Secret | SecretStr | SecretBytes):
        return MASK
    if isinstance(value, str):
        return _mask_text(value)
    if isinstance(value, Mapping):
        return {name: _mask_entry(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask_value(item) for item in value]
    return value


def _mask_text(text: str) -> str:
    for pattern, mask in _SECRET_TEXT:
        text = pattern.sub(mask, text)
    return text
