"""Loaded by schemathesis: what no schema can say of a valid request.

The tenant is the token's, a cursor is one that was handed out, a retry needs a login where none is
stored any more, and a few values depend on each other.
Only requests that are valid by the schema are touched: what breaks it has to be refused as it is.
"""

import schemathesis

TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
PAGE = "https://acme.example/wiki/pages/viewpage.action?pageId=1"
BLACKLISTED = {"page": "1", "tree": "1", "label": "secret", "url_prefix": PAGE}
LOGIN = {
    "instance_url": "https://acme.example/wiki",
    "web_url_instance": "https://acme.example/wiki",
    "username": "someone",
    "api_token": "token",
}
SETTINGS = {
    "chunk_tokens": 100,
    "chunk_overlap": 10,
    "schedule": "0 3 * * *",
    "root_pages": ["1"],
    "ocr_languages": ["en"],
}


def put(holder, **values):
    """Put values where the request has any."""
    if isinstance(holder, dict):
        holder.update({name: value for name, value in values.items() if holder.get(name)})


def write_integers(value):
    """Return the value with ``5`` for ``5.0``: one number to a schema, and to us no integer."""
    if isinstance(value, dict):
        return {name: write_integers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [write_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def settle_body(path, body):
    put(body, tenant_id=TENANT, cursor="")
    put(body.get("pinecone_config"), tenant_id=TENANT)
    put(body.get("sync_config"), processor_mode="auto")
    if path == "/v2/confluence/listing" and not body.get("space"):
        put(body, parent_id="")
    if path in {"/v2/confluence/why", "/v2/confluence/access/explain"}:
        put(body, source_url=PAGE, authorization=LOGIN)
    if path == "/v2/delete" and not (body.get("ids") or body.get("source_urls")):
        body["ids"] = ["confluence:acme.example:9#0"]
    if path == "/v2/confluence/blacklist":
        put(body, value=BLACKLISTED[body["kind"]])
    if path.endswith(("/retry", "/approve")):
        body["authorization"] = LOGIN
    put(body, **SETTINGS)
    put(body.get("settings"), **SETTINGS)


@schemathesis.hook
def before_call(_context, case, _kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.operation.path.endswith(("/retry", "/approve")) and not isinstance(case.body, dict):
        case.body, case.media_type = {}, "application/json"
    if isinstance(case.body, dict):
        case.body = write_integers(case.body)
        settle_body(case.operation.path, case.body)
    put(case.query, cursor="")
    if case.headers and "x-tenantid" in case.headers:
        case.headers["x-tenantid"] = TENANT
