"""The kinds of field that request bodies are made of. Nothing is coerced, nothing trimmed."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from headwater.api.field_schemas import (
    EMPTY_TOO,
    HTTP_URL,
    NAME,
    NO_CONTROL,
    VISIBLE,
    Says,
)
from headwater.domain.ids import is_job_id

MAX_LIST: Final = 10_000
MAX_NAME: Final = 1_000
MAX_URL: Final = 2_048
MAX_SECRET: Final = 8_192

_ISO_8601: Final = re.compile(
    r"\d{4}(-?)\d\d\1\d\d([Tt ]\d\d(:?)\d\d(\3\d\d([.,]\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE_IN_URL: Final = re.compile(r"[\x00-\x20\x7f\\]")


class RequestPart(BaseModel):
    """A JSON object of a request; unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


def drop_empty(value: object) -> object:
    """Read the empty text of an optional field as absent."""
    return None if value == "" else value


def _refuse_control_characters(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("value_error.str.control", "control characters are not allowed")
    return value


def refuse_nul(value: str) -> str:
    """Refuse the one character that databases cannot keep."""
    if "\0" in value:
        raise PydanticCustomError("value_error.str.control", "NUL characters are not allowed")
    return value


def require_visible(value: str) -> str:
    """Refuse text with nothing to see in it."""
    if not value.strip():
        raise PydanticCustomError(
            "value_error.any_str.min_length", "ensure this value has at least 1 characters"
        )
    return value


def _check_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) > MAX_SECRET:
        raise PydanticCustomError(
            "value_error.any_str.max_length",
            "ensure this value has at most {max_length} characters",
            {"max_length": MAX_SECRET},
        )
    _refuse_control_characters(require_visible(text))
    return value


def _check_job_id(value: str | None) -> str | None:
    if value is not None and not is_job_id(value):
        raise PydanticCustomError(
            "value_error.str.regex", 'string does not match regex "^[A-Za-z0-9._:-]{1,200}$"'
        )
    return value


def check_url(value: str) -> str:
    """Refuse what is no web address, or holds a credential."""
    if _UNSAFE_IN_URL.search(value):
        raise PydanticCustomError(
            "value_error.url", "invalid URL: it holds a space, backslash or control character"
        )
    parts = _split_url(value)
    if parts.scheme not in {"http", "https"}:
        raise PydanticCustomError("value_error.url.scheme", "invalid or missing URL scheme")
    if not parts.hostname:
        raise PydanticCustomError("value_error.url.host", "URL host invalid")
    if "@" in parts.netloc:
        raise PydanticCustomError(
            "value_error.url.userinfo", "put the credential in username and api_token, not here"
        )
    return value


def _split_url(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise PydanticCustomError("value_error.url.host", "URL host invalid") from None
    try:
        _ = parts.port
    except ValueError:
        raise PydanticCustomError("value_error.url.port", "URL port invalid") from None
    return parts


def _parse_timestamp(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _parse_iso(value) if value else None
    except (ValueError, OverflowError):
        raise PydanticCustomError("value_error.datetime", "invalid datetime format") from None


def _parse_iso(value: str) -> datetime:
    if not _ISO_8601.fullmatch(value):
        raise ValueError(value)
    moment = datetime.fromisoformat(value.upper())
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


Text = Annotated[
    str,
    Field(max_length=MAX_NAME),
    AfterValidator(_refuse_control_characters),
    Says(pattern=NO_CONTROL),
]
Name = Annotated[Text, AfterValidator(require_visible), Says(pattern=VISIBLE)]
"""Text with something to see in it."""

OptionalText = Annotated[Text | None, BeforeValidator(drop_empty), EMPTY_TOO]
OptionalName = Annotated[Name | None, BeforeValidator(drop_empty), EMPTY_TOO]
JobIdText = Annotated[
    Annotated[str, Says(pattern=NAME)] | None,
    BeforeValidator(drop_empty),
    AfterValidator(_check_job_id),
    EMPTY_TOO,
]
Url = Annotated[str, Field(max_length=MAX_URL), AfterValidator(check_url), Says(pattern=HTTP_URL)]
Token = Annotated[
    SecretStr,
    AfterValidator(_check_secret),
    Says(pattern=VISIBLE, minLength=1, maxLength=MAX_SECRET),
]
Timestamp = Annotated[datetime | None, BeforeValidator(_parse_timestamp), EMPTY_TOO]
"""ISO 8601; without a zone it is UTC."""

Names = Annotated[list[Name], Field(max_length=MAX_LIST)]
ContentTypes = Annotated[
    list[Literal["page", "blogpost", "attachment"]], Field(max_length=MAX_LIST)
]
