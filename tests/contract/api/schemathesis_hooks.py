"""Loaded by schemathesis: what no schema can say of a valid request.

The tenant is the token's, a cursor is one that was handed out, a retry needs a login where none is
stored any more, and a few values depend on each other.
Only requests that are valid by the schema are touched: what breaks it has to be refused as it is.
"""

import schemathesis

TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
PAGE = "https://wiki.acme.example/pages/viewpage.action?pageId=1"
BLACKLISTED = {"page": "1", "tree": "1", "label": "secret", "url_prefix": PAGE}
LOGIN = {
    "instance_url": "https://wiki.acme.example/rest/api",
    "web_url_instance": "https://wiki.acme.example",
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


def settle_body(path, body):
    put(body, tenant_id=TENANT, cursor="")
    put(body.get("pinecone_config"), tenant_id=TENANT)
    put(body.get("sync_config"), processor_mode="auto")
    if path == "/v2/confluence/listing" and not body.get("space"):
        put(body, parent_id="")
    if path in {"/v2/confluence/why", "/v2/confluence/access/explain"}:
        put(body, source_url=PAGE)
    if path == "/v2/delete" and not (body.get("ids") or body.get("source_urls")):
        body["ids"] = ["confluence:acme.example:9#0"]
    if path == "/v2/confluence/blacklist":
        put(body, value=BLACKLISTED[body["kind"]])
    if path.endswith(("/retry", "/approve")):
        body["authorization"] = LOGIN
    for name in ("limit", "top_k"):  # 5.0 is an integer to a schema, and none to us
        if isinstance(body.get(name), float):
            body[name] = int(body[name])
    put(body, **SETTINGS)
    put(body.get("settings"), **SETTINGS)


@schemathesis.hook
def before_call(_context, case, _kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if isinstance(case.body, dict):
        settle_body(case.operation.path, case.body)
    put(case.query, cursor="")
    if case.headers and "x-tenantid" in case.headers:
        case.headers["x-tenantid"] = TENANT
