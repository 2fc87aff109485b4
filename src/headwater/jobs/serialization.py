"""How the engine stores what steps take and return: JSON, never pickle.

Unpickling what a database holds would run code that the database holds.
"""

import json
from typing import Any

from dbos import Serializer


class JsonSerializer(Serializer):
    """Plain values as JSON; an exception as its type and text, which is all anyone reads of it."""

    def name(self) -> str:
        """Return the name stored with every value; it must never change."""
        return "headwater_json"

    def serialize(self, data: Any) -> str:
        """Return the value as JSON text."""
        return json.dumps(data, default=_describe_exception, separators=(",", ":"))

    def deserialize(self, serialized_data: str) -> Any:
        """Return the value that ``serialize`` wrote; an exception comes back as a ``StoredError``."""
        return json.loads(serialized_data, object_hook=_restore_exception)


class StoredError(Exception):
    """An exception that a step or job recorded, by type and text."""


def _describe_exception(value: object) -> dict[str, str]:
    if isinstance(value, BaseException):
        return {"__error__": f"{type(value).__name__}: {value}"}
    raise TypeError(f"a {type(value).__name__} is not plain data")


def _restore_exception(value: dict[str, Any]) -> Any:
    return StoredError(value["__error__"]) if value.keys() == {"__error__"} else value
