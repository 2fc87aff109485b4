"""What the OpenAPI document says of a field beside its type: what our own checks ask of it."""

from typing import Any, Final

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

NO_CONTROL: Final = r"^[^\u0000-\u001f\u007f]*$"
_SPACES: Final = r"\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
VISIBLE: Final = rf"^[^\u0000-\u001f\u007f]*[^\u0000-\u001f\u007f{_SPACES}][^\u0000-\u001f\u007f]*$"
"""Something to see, and no control character."""

NO_NUL: Final = rf"^[^\u0000]*[^\u0000-\u001f{_SPACES}][^\u0000]*$"
HTTP_URL: Final = (
    r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,4})?"
    r"([/?#][^\u0000-\u0020\u007f\\]*)?$"
)
NAME: Final = r"^[A-Za-z0-9._:-]{1,200}$"


class Says:
    """Adds keywords to a type's JSON schema."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the keywords (pydantic calls it)."""
        return {**handler(core_schema), **self._keywords}


class EmptyToo:
    """Says of an optional field that the empty text stands for its absence."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with one alternative more (pydantic calls it)."""
        schema = handler(core_schema)
        return {"anyOf": [*schema.get("anyOf", [schema]), {"const": ""}]}


EMPTY_TOO: Final = EmptyToo()
