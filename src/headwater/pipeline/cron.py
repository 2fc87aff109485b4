"""Cron expressions as a schedule may have them: the five classic fields, in UTC."""

import re
from datetime import datetime, timedelta
from typing import Final

from croniter import croniter

FIELDS: Final = 5

_FIELD: Final = re.compile(r"(?:[0-9*,/-]|[A-Za-z]{3})+", re.ASCII)
"""Numbers, names of days and months, lists, ranges and steps; no extensions, no random minutes."""


def is_cron(text: str) -> bool:
    """Tell whether the text is a five-field expression that comes true some day."""
    fields = text.split(" ")
    has_form = len(fields) == FIELDS and all(map(_FIELD.fullmatch, fields))
    return has_form and bool(croniter.is_valid(text, strict=True))


def find_due(expression: str, *, since: datetime, now: datetime) -> datetime | None:
    """Return the latest time of the schedule up to now; ``None`` unless it lies after ``since``."""
    latest = find_latest(expression, now)
    return latest if latest > since else None


def find_latest(expression: str, now: datetime) -> datetime:
    """Return the latest time of the schedule up to now."""
    # croniter looks for what lies before a second, and that second is to be counted in.
    second = now.replace(microsecond=0) + timedelta(seconds=1)
    latest: datetime = croniter(expression, second).get_prev(datetime)
    return latest
