"""Pinecone's metadata filters, as its documentation defines them; what it leaves open is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_VALUES = 10_000
"""For each ``$in`` or ``$nin``."""


class BadFilterError(ValueError):
    """A filter that the service refuses."""


def matches(filter_: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    if not filter_:
        raise BadFilterError("an empty filter")
    return all(_holds(name, condition, metadata) for name, condition in filter_.items())


def _holds(name: str, condition: Any, metadata: Mapping[str, Any]) -> bool:
    if name in {"$and", "$or"}:
        if not isinstance(condition, list) or not condition:
            raise BadFilterError(f"{name} takes a list of filters")
        found = [matches(part, metadata) for part in condition]
        return all(found) if name == "$and" else any(found)
    if name.startswith("$"):
        raise BadFilterError(f"{name} is no operator here")
    if isinstance(condition, list):
        raise BadFilterError("a list is no condition")
    operators = condition if isinstance(condition, dict) else {"$eq": condition}
    if not operators:
        raise BadFilterError(f"nothing is asked of {name}")
    return all(
        _compare(operator, metadata.get(name), value) for operator, value in operators.items()
    )


def _compare(operator: str, held: Any, value: Any) -> bool:
    if operator in {"$eq", "$in"}:
        wanted = _values(operator, value)
        return any(item == one for item in _items(held) for one in wanted)
    if operator in {"$gt", "$gte", "$lt", "$lte"}:
        return _compare_numbers(operator, held, value)
    raise BadFilterError(f"{operator}: undocumented for absent fields, so nothing may rest on it")


def _compare_numbers(operator: str, held: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFilterError(f"{operator} takes a number")
    if isinstance(held, bool) or not isinstance(held, int | float):
        return False
    return {
        "$gt": held > value, "$gte": held >= value, "$lt": held < value, "$lte": held <= value
    }[operator]  # fmt: skip


def _values(operator: str, value: Any) -> Sequence[Any]:
    if operator == "$eq":
        if isinstance(value, list):
            raise BadFilterError("$eq takes one value")
        return [value]
    if not isinstance(value, list) or not value:
        raise BadFilterError("$in takes a list with something in it")
    if len(value) > MAX_VALUES:
        raise BadFilterError(f"$in takes {MAX_VALUES} values, these are {len(value)}")
    return value


def _items(held: Any) -> Sequence[Any]:
    if held is None:
        return []
    return held if isinstance(held, list) else [held]
