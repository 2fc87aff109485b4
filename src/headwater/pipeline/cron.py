"""Cron expressions as a schedule may have them: the five classic fields, in UTC."""

import re
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
