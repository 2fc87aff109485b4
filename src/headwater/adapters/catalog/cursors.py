"""Opaque cursors: where a page of a list ended."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from headwater.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: its time, and its id among rows of the same time."""

    moment: datetime
    id: str


def encode_cursor(position: Position) -> str:
    """Return the cursor that names this position; URL-safe."""
    text = f"{position.moment.isoformat()} {position.id}"
    return urlsafe_b64encode(text.encode()).decode()


def decode_cursor(cursor: str) -> Position:
    """Return the position; ``InvalidInputError`` for a text that no list has handed out."""
    try:
        text = urlsafe_b64decode(cursor.encode()).decode()
        moment, _, row_id = text.partition(" ")
        position = Position(_read_moment(moment), row_id)
    except (ValueError, OverflowError) as error:
        raise _refuse() from error
    if not row_id or "\0" in row_id:
        raise _refuse()
    return position


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a position's time has its zone")
    return moment.astimezone(UTC)


def _refuse() -> InvalidInputError:
    return InvalidInputError(
        ("query", "cursor"),
        "no cursor of this list; pass on what the previous page called next, or leave it out",
        "value_error.cursor",
    )
