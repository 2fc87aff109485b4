"""The one shape of every refusal: ``{"detail": [{"loc", "msg", "type"}]}``, at every status."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

Location = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong: where, what to do about it, and its machine-readable type."""

    loc: Location
    msg: str
    type: str


class RefusalError(Exception):
    """Ends a request with ``status`` and the problems found."""

    def __init__(
        self, status: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.problems = tuple(problems)
        self.headers = headers


class ErrorDetail(BaseModel):
    """One problem, as the client reads it."""

    model_config = ConfigDict(title="ErrorDetail")

    loc: list[str | int] = Field(description="Path of the value in the request.")
    msg: str = Field(description="What is wrong and what to do about it.")
    type: str = Field(description="Machine-readable type.")


class ErrorBody(BaseModel):
    """The body of every error."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "detail": [
                        {
                            "loc": ["body", "authorization", "api_token"],
                            "msg": "field required",
                            "type": "value_error.missing",
                        }
                    ]
                }
            ]
        }
    )

    detail: list[ErrorDetail]


def render_problems(
    status: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the response that carries these problems."""
    detail = [{"loc": list(loc), "msg": msg, "type": kind} for loc, msg, kind in problems]
    return JSONResponse({"detail": detail}, status_code=status, headers=dict(headers or {}))
