"""Validation whose complaints use the contract's vocabulary.

The vocabulary is that of pydantic 1 (``field required``, ``value_error.missing``), which clients
of the platform already read; pydantic 2 does the work in strict mode, and a table translates.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from headwater.api.errors import Location, Problem

MAX_PROBLEMS: Final = 100
"""Complaints in one answer; a list of ten thousand wrong items needs no ten thousand."""

M = TypeVar("M", bound=BaseModel)

_VOCABULARY: Final[dict[str, tuple[str, str]]] = {
    "missing": ("value_error.missing", "field required"),
    "string_type": ("type_error.str", "str type expected"),
    "datetime_type": ("type_error.str", "str type expected"),
    "bool_type": ("type_error.bool", "value is not a valid boolean"),
    "int_type": ("type_error.integer", "value is not a valid integer"),
    "list_type": ("type_error.list", "value is not a valid list"),
    "model_type": ("type_error.dict", "value is not a valid dict"),
    "literal_error": (
        "type_error.enum",
        "value is not a valid enumeration member; permitted: {expected}",
    ),
    "greater_than_equal": (
        "value_error.number.not_ge",
        "ensure this value is greater than or equal to {ge}",
    ),
    "less_than_equal": (
        "value_error.number.not_le",
        "ensure this value is less than or equal to {le}",
    ),
    "string_too_short": (
        "value_error.any_str.min_length",
        "ensure this value has at least {min_length} characters",
    ),
    "string_too_long": (
        "value_error.any_str.max_length",
        "ensure this value has at most {max_length} characters",
    ),
    "too_long": (
        "value_error.list.max_items",
        "ensure this value has at most {max_length} items",
    ),
}
_NULL: Final = ("type_error.none.not_allowed", "none is not an allowed value")


def validate(
    model: type[M], values: Mapping[str, object], place: str
) -> tuple[M | None, list[Problem]]:
    """Return the validated model, or ``None`` and what is wrong below ``place``."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        items = error.errors(include_url=False)[:MAX_PROBLEMS]
        return None, [explain_error(item, (place,)) for item in items]


def explain_error(item: Mapping[str, Any], place: Location) -> Problem:
    """Translate one entry of ``ValidationError.errors()``; the value itself is never repeated."""
    loc = (*place, *item["loc"])
    kind, template = _translate(item)
    return Problem(loc, template.format_map(_context(item)), kind)


def _translate(item: Mapping[str, Any]) -> tuple[str, str]:
    if item["type"] != "missing" and item["input"] is None:
        return _NULL
    own = (item["type"], item["msg"].replace("{", "{{").replace("}", "}}"))
    return _VOCABULARY.get(item["type"], own)


def _context(item: Mapping[str, Any]) -> dict[str, object]:
    context = dict(item.get("ctx", {}))
    if "expected" in context:
        context["expected"] = context["expected"].replace(" or ", ", ")
    return context
