"""The OpenAPI document: what FastAPI finds in the routes, and what only our own checks know."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from headwater.adapters.tokens.callers import Permission
from headwater.api.auth import TENANT_HEADER
from headwater.api.content_inputs import (
    DeleteBody,
    FailedFilesBody,
    ListingBody,
    PlatformDeleteBody,
    VectorsBody,
)
from headwater.api.errors import ErrorBody
from headwater.api.field_schemas import NAME
from headwater.api.inputs import (
    ExplainBody,
    FollowUpBody,
    SearchBody,
    SpaceListingBody,
    UploadBody,
    WhyBody,
)
from headwater.api.settings_inputs import BlacklistBody, SyncConfigurationBody

REQUEST_BODIES: Final[Sequence[type[BaseModel]]] = (
    ListingBody,
    DeleteBody,
    VectorsBody,
    PlatformDeleteBody,
    FailedFilesBody,
    SpaceListingBody,
    UploadBody,
    FollowUpBody,
    SearchBody,
    WhyBody,
    ExplainBody,
    SyncConfigurationBody,
    BlacklistBody,
)

_REF: Final = "#/components/schemas/{model}"
_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A signed token with `exp`, the tenant, `scope` and the reader's groups.",
    }
}
_TENANT_PARAMETER: Final = {
    "name": TENANT_HEADER,
    "in": "header",
    "required": True,
    "description": "The tenant, which must be that of the token.",
    "schema": {"type": "string", "format": "uuid"},
}
_NAMES: Final = {
    "job_id": NAME,
    "configuration_id": NAME,
    "entry_id": "^[0-9a-f]{24}$",
}
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
}
_ERRORS: Final[dict[int, str]] = {
    400: "The body is not a readable JSON object.",
    401: "The token is missing, expired or invalid.",
    403: "Another tenant, a missing scope, or Confluence refuses the credentials.",
    404: "The tenant has no such thing.",
    409: "The job id already names another request, or the job is in no state for this.",
    422: "A field or header is missing or invalid.",
    429: "Too many requests of this tenant.",
    500: "Unexpected; the message carries the error id that the log has too.",
    502: "Confluence does not answer, or not sensibly.",
    503: "Not ready; try again.",
}
_ALWAYS: Final = (401, 403, 422, 429, 500, 503)


def describe_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the responses of these statuses, each with the one error body."""
    return {status: _describe_error(status) for status in sorted(statuses)}


def _describe_error(status: int) -> dict[str, Any]:
    headers = {"headers": _RETRY_AFTER} if status in {429, 503} else {}
    return {"model": ErrorBody, "description": _ERRORS[status], **headers}


def secured(
    permission: Permission,
    *statuses: int,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    query: type[BaseModel] | None = None,
    headers: Sequence[dict[str, Any]] = (),
    examples: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the arguments of a route that asks for a token, for the document's sake.

    ``body`` and ``query`` are only described here; admission reads them. ``examples`` are bodies by
    what they show.
    """
    extra: dict[str, Any] = {
        "security": [{"bearer": []}],
        "parameters": [_TENANT_PARAMETER, *headers, *_query_parameters(query)],
        "x-required-scope": permission.value,
    }
    if body is not None:
        extra["requestBody"] = _request_body(body, examples, required=body_required)
    return {"responses": describe_errors(*_ALWAYS, *statuses), "openapi_extra": extra}


def _request_body(
    body: type[BaseModel], examples: Mapping[str, Any], *, required: bool
) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=body.__name__)}}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": required, "content": {"application/json": content}}


def _query_parameters(query: type[BaseModel] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _drop_null(described),
        }
        for name, described in schema["properties"].items()
    ]


def _drop_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value in a query string, which knows no null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return {"anyOf": choices} if choices else schema


def install_document(app: FastAPI) -> None:
    """Make ``/openapi.json`` answer the whole document, built once."""

    def openapi() -> dict[str, Any]:
        app.openapi_schema = app.openapi_schema or _build(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="Headwater",
        version=version("headwater"),
        summary="Confluence spaces in a vector knowledge base, with Confluence's own read access.",
        routes=app.routes,
    )
    _describe_names(document["paths"])
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(_request_schemas())
    components["securitySchemes"] = _SECURITY_SCHEMES
    return document


def _describe_names(paths: dict[str, Any]) -> None:
    """Say which names in a path can be anybody's at all; FastAPI would check that before the token."""
    operations = (operation for path in paths.values() for operation in path.values())
    for parameter in (item for operation in operations for item in operation.get("parameters", ())):
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "string", "pattern": _NAMES[parameter["name"]]}


def _request_schemas() -> dict[str, Any]:
    wanted = [(model, "validation") for model in REQUEST_BODIES]
    _, schema = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
    definitions: dict[str, Any] = schema["$defs"]
    return definitions
