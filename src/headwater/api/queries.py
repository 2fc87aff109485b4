"""What clients send in query strings."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from headwater.api.field_schemas import EMPTY_TOO, NO_NUL, Says
from headwater.api.fields import (
    MAX_URL,
    OptionalName,
    OptionalText,
    RequestPart,
    check_url,
    drop_empty,
    refuse_nul,
    require_visible,
)
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import JobStatus

_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_LINK: Final = re.compile("https?:", re.IGNORECASE)
_CHUNK_NUMBER: Final = re.compile(r"#[0-9]+$")


def _read_number(value: object) -> object:
    """Turn the digits of a query string into a number; the rest is left for the type check."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return value


Number = Annotated[
    Annotated[int, Field(ge=1, le=250)] | None,
    BeforeValidator(_read_number),
    BeforeValidator(drop_empty),
    EMPTY_TOO,
]


def _check_document(value: str) -> str:
    return check_url(value) if _LINK.match(value) else require_visible(value)


class DocumentQuery(RequestPart):
    """Query of ``GET /v2/confluence/document``."""

    document: Annotated[
        str,
        Field(max_length=MAX_URL),
        AfterValidator(_check_document),
        AfterValidator(refuse_nul),
        Says(pattern=NO_NUL),
    ] = Field(description="Its link in any form, its id, or the id of one of its chunks.")
    cursor: Annotated[
        Annotated[str, Field(pattern="^[0-9]{1,9}$")] | None,
        BeforeValidator(drop_empty),
        EMPTY_TOO,
    ] = Field(None, description="`next` of the answer before, of the same document.")
    limit: Number = Field(None, description="Chunks wanted; 100 when absent.")

    def is_link(self) -> bool:
        """Tell whether the document is named by its link."""
        return _LINK.match(self.document) is not None

    def to_id(self) -> str:
        """Return the document's id."""
        return _CHUNK_NUMBER.sub("", self.document)

    def to_start(self) -> int:
        """Return the number of the first chunk wanted."""
        return int(self.cursor or 0)


class FailuresQuery(RequestPart):
    """Query of ``GET /v2/confluence/jobs/{job_id}/failures``."""

    cursor: OptionalText = None


class JobsQuery(RequestPart):
    """Query of ``GET /v2/confluence/jobs``."""

    space: OptionalName = None
    status: Annotated[
        Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"] | None,
        BeforeValidator(drop_empty),
        EMPTY_TOO,
    ] = None
    cursor: OptionalText = None
    limit: Number = None

    def to_space(self) -> SpaceKey | None:
        """Return the space asked for."""
        return None if self.space is None else SpaceKey(self.space)

    def to_status(self) -> JobStatus | None:
        """Return the status asked for."""
        return None if self.status is None else JobStatus(self.status)
