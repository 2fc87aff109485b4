"""Filters as data: from values in our words to the SQL predicate LanceDB takes.

LanceDB's dialect (DataFusion) knows one escape inside a string literal, the doubled quote; a
backslash, a NUL or a newline stands for itself. So every string is exact, or cannot be stored at all.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.domain.content import is_unicode
from headwater.ports import StoreFilter

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def quote(text: str) -> str:
    """Return the text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def is_in(column: str, values: Iterable[str]) -> str:
    """Return the predicate that the column has one of these values; nothing satisfies an empty list."""
    literals = _literals(values)
    return f"{column} IN ({literals})" if literals else "false"


def has_any(column: str, values: Iterable[str]) -> str:
    """Return the predicate that the list column holds one of these values."""
    literals = _literals(values)
    return f"array_has_any({column}, [{literals}])" if literals else "false"


def make_predicate(filter_: StoreFilter) -> str | None:
    """Return the predicate of a filter, or ``None`` when nothing can satisfy it."""
    parts = [is_in("access_scope", filter_.scopes)]
    if filter_.space is not None:
        parts.append(is_in("space", [filter_.space]))
    if filter_.labels:
        parts.append(has_any("labels", filter_.labels))
    if filter_.kinds:
        parts.append(is_in("kind", filter_.kinds))
    if filter_.modified_after is not None:
        parts.append(f"last_modified_us > {to_microseconds(filter_.modified_after)}")
    return None if "false" in parts else " AND ".join(parts)


def to_microseconds(moment: datetime) -> int:
    """Return a moment with a zone as whole microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def _literals(values: Iterable[str]) -> str:
    return ", ".join(quote(value) for value in sorted(values) if is_unicode(value))
