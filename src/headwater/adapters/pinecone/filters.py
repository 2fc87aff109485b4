"""Filters as Pinecone's JSON.

Nothing but ``$eq``, ``$in`` and ``$gt`` on fields that every record has: what the others do where a
field is missing has changed over time and is undocumented.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from headwater.domain.content import is_unicode
from headwater.ports import StoreFilter

MAX_VALUES: Final = 10_000
"""Values that one ``$in`` may hold."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Filter = Mapping[str, Any]


def make_filter(filter_: StoreFilter) -> Filter | None:
    """Return the filter, or ``None`` when nothing can satisfy it: then nothing may be asked."""
    fields: list[tuple[str, Iterable[str]]] = [("access_scope", filter_.scopes)]
    if filter_.space is not None:
        fields.append(("space", [filter_.space]))
    if filter_.labels:
        fields.append(("labels", filter_.labels))
    if filter_.kinds:
        fields.append(("kind", map(str, filter_.kinds)))
    parts = [accept_any(field, values) for field, values in fields]
    if filter_.modified_after is not None:
        parts.append({"last_modified_us": {"$gt": to_microseconds(filter_.modified_after)}})
    return {"$and": parts} if all(parts) else None


def accept_any(field: str, values: Iterable[str]) -> Filter:
    """Return the filter that a field has one of these values; an empty one, which is none, for no values.

    In parts, where they are more than one ``$in`` may hold.
    """
    listed = sorted(filter(is_unicode, values))
    parts = [
        {field: {"$in": listed[start : start + MAX_VALUES]}}
        for start in range(0, len(listed), MAX_VALUES)
    ]
    if len(parts) > 1:
        return {"$or": parts}
    return parts[0] if parts else {}


def to_microseconds(moment: datetime) -> int:
    """Return a moment as whole microseconds since 1970; a 64-bit float, as numbers are kept, holds it."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: float) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + round(microseconds) * _MICROSECOND
