"""The API's reference as one HTML page: no script, nothing from another host."""

import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; border-top: 1px solid #8886; padding-top: 1rem; font-size: 1.1rem; }
h3 { font-size: 1rem; } code, pre { font-family: ui-monospace, monospace; font-size: 0.9rem; }
pre { padding: 0.8rem; overflow-x: auto; background: #8882; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top;
padding: 0.3rem 0.6rem; border-bottom: 1px solid #8884; } td { overflow-wrap: anywhere; }
"""

Json = Mapping[str, Any]


def render_page(document: Json) -> str:
    """Return the page for an OpenAPI document."""
    operations = list(_operations(document))
    body = "".join(_render_operation(document, *operation) for operation in operations)
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title} API <small>{escape(document['info']['version'])}</small></h1>"
        f"<p>{escape(document['info'].get('summary', ''))}</p>"
        f'<p>As OpenAPI: <a href="openapi.json">openapi.json</a></p>'
        f"<nav><ul>{''.join(_render_link(*item) for item in operations)}</ul></nav>"
        f"<main>{body}</main></body></html>"
    )


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _render_link(method: str, path: str, operation: Json) -> str:
    anchor, summary = escape(operation["operationId"]), escape(operation.get("summary", ""))
    return f'<li><a href="#{anchor}"><code>{method} {escape(path)}</code></a> {summary}</li>'


def _render_operation(document: Json, method: str, path: str, operation: Json) -> str:
    return (
        f'<section><h2 id="{escape(operation["operationId"])}">'
        f"<code>{method} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>"
        f"{_render_scope(operation)}{_render_parameters(operation)}"
        f"{_render_body(document, operation)}{_render_responses(document, operation)}</section>"
    )


def _render_scope(operation: Json) -> str:
    scope = operation.get("x-required-scope")
    return f"<p>Scope of the token: <code>{escape(scope)}</code></p>" if scope else ""


def _render_parameters(operation: Json) -> str:
    rows = [
        (f"{item['name']} ({item['in']})", _type(item["schema"]), item.get("description", ""))
        for item in operation.get("parameters", ())
    ]
    return _table("Parameters", rows)


def _render_body(document: Json, operation: Json) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    schema = _resolve(document, content["schema"])
    return _table("Body", _fields(document, schema, "")) + _render_example(schema)


def _render_responses(document: Json, operation: Json) -> str:
    parts = [
        (status, _answer_type(response), response["description"])
        for status, response in operation["responses"].items()
    ]
    answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    return _table("Answers", parts) + _render_example(_resolve(document, answer.get("schema", {})))


def _answer_type(response: Json) -> str:
    content = response.get("content", {})
    return ", ".join(_type(item.get("schema", {})) or kind for kind, item in content.items())


def _render_example(schema: Json) -> str:
    texts = (json.dumps(example, indent=2) for example in schema.get("examples", ()))
    return "".join(f"<pre>{escape(text)}</pre>" for text in texts)


def _fields(document: Json, schema: Json, prefix: str) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        need = "" if name in required else ", optional"
        yield path, f"{_type(field)}{need}", field.get("description", "")
        for choice in field.get("anyOf", [field]):
            yield from _fields(document, _resolve(document, choice), f"{path}.")


def _resolve(document: Json, schema: Json) -> Json:
    name = _reference(schema)
    found: Json = document["components"]["schemas"][name] if name else schema
    return found


def _reference(schema: Json) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _type(schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return _reference(schema) or str(schema.get("format", schema.get("type", "")))


def _table(title: str, rows: Iterable[tuple[str, str, str]]) -> str:
    cells = "".join(_row(row) for row in rows)
    return f"<h3>{title}</h3><table>{cells}</table>" if cells else ""


def _row(row: tuple[str, str, str]) -> str:
    name, kind, text = (escape(cell) for cell in row)
    return f"<tr><td><code>{name}</code></td><td>{kind}</td><td>{text}</td></tr>"
