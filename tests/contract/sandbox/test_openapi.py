"""Every answer has the shape that Atlassian's own documents give it."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

DOCUMENTS = Path(__file__).parents[3] / "../shared/data/confluence-openapi"
V1 = "confluence-cloud-v1.swagger.v3.json"
V2 = "confluence-cloud-v2.openapi-v2.v3.json"

pytestmark = pytest.mark.skipif(
    not DOCUMENTS.is_dir(), reason="Atlassian's OpenAPI documents are not on this machine"
)

UNDOCUMENTED = {"subtype", "pageId", "blogPostId", "parentCommentId", "_links"}
"""What live sites answer beyond the document."""


def translate(schema, *, closed):
    """OpenAPI 3.0 as JSON Schema: nullable becomes null; closed objects take no unknown names."""
    if isinstance(schema, list):
        return [translate(item, closed=closed) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inside = closed and "allOf" not in schema
    out = {name: translate(value, closed=inside) for name, value in schema.items()}
    properties = schema.get("properties")
    if closed and isinstance(properties, dict) and schema.get("type") == "object":
        out.setdefault("additionalProperties", False)
        out["properties"] |= {name: {} for name in UNDOCUMENTED - set(properties)}
    if out.pop("nullable", False) is True:
        return {"anyOf": [out, {"type": "null"}]}
    return out


@cache
def load(document):
    raw = json.loads((DOCUMENTS / document).read_text())
    return raw, translate(raw["components"], closed=document == V2)


def find_schema(document, method, template):
    raw, components = load(document)
    answer = raw["paths"][template][method]["responses"]["200"]["content"]["application/json"]
    schema = answer["schema"]
    if "allOf" in schema:  # one entity, plus the base among its links
        schema = schema["allOf"][0]
    return {**translate(schema, closed=document == V2), "components": components}


def without_base(payload):
    return {**payload, "_links": {k: v for k, v in payload["_links"].items() if k != "base"}}


async def check(client, document, template, path, *, method="get", **options):
    response = await client.request(method, path, **options)
    assert response.status_code == 200, response.text
    payload = response.json()
    body = payload if "results" in payload or document == V1 else without_base(payload)
    validator = jsonschema.Draft202012Validator(find_schema(document, method, template))
    errors = [f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(body)]
    assert errors == []
    return payload


@pytest.mark.parametrize(
    ("template", "query"),
    [
        ("/spaces", ""),
        ("/pages", "?body-format=storage&status=current,archived,trashed"),
        ("/pages", "?body-format=atlas_doc_format&limit=1"),
        ("/blogposts", "?body-format=storage"),
        ("/attachments", ""),
        ("/footer-comments", "?body-format=storage"),
        ("/inline-comments", "?body-format=storage"),
    ],
)
async def test_v2_site_listings(client, template, query):
    payload = await check(client, V2, template, f"/wiki/api/v2{template}{query}")
    assert payload["results"]


@pytest.mark.parametrize(
    ("template", "name", "query"),
    [
        ("/pages/{id}", "Guide & <more>", "?body-format=storage&include-labels=true"),
        ("/pages/{id}", "Home", "?body-format=view&include-versions=true"),
        ("/blogposts/{id}", "News", "?body-format=storage"),
        ("/folders/{id}", "Guides", ""),
        ("/pages/{id}/labels", "Guide & <more>", ""),
        ("/blogposts/{id}/labels", "News", ""),
        ("/pages/{id}/attachments", "Guide & <more>", ""),
        ("/blogposts/{id}/attachments", "News", ""),
        ("/pages/{id}/footer-comments", "Guide & <more>", "?body-format=storage"),
        ("/pages/{id}/inline-comments", "Guide & <more>", "?body-format=storage"),
        ("/blogposts/{id}/footer-comments", "News", "?body-format=storage"),
        ("/blogposts/{id}/inline-comments", "News", "?body-format=storage"),
        ("/pages/{id}/ancestors", "Guide & <more>", ""),
        ("/folders/{id}/ancestors", "Guides", ""),
        ("/pages/{id}/direct-children", "Home", ""),
        ("/folders/{id}/direct-children", "Guides", ""),
        ("/pages/{id}/children", "Home", ""),
        ("/pages/{id}/versions", "Guide & <more>", ""),
    ],
)
async def test_v2_content(client, ids, template, name, query):
    path = template.replace("{id}", ids[name])
    payload = await check(client, V2, template, f"/wiki/api/v2{path}{query}")
    assert payload.get("results", True)


@pytest.mark.parametrize("tail", ["", "/pages", "/blogposts", "/permissions"])
async def test_v2_spaces(client, world, tail):
    space = world.find_space("ENG").id
    await check(client, V2, "/spaces/{id}" + tail, f"/wiki/api/v2/spaces/{space}{tail}")


@pytest.mark.parametrize("kind", ["footer", "inline"])
async def test_v2_comments_and_replies(client, world, kind):
    wanted = kind == "inline"
    root = next(c for c in world.comments.values() if c.inline is wanted and c.parent_id is None)
    base = f"/{kind}-comments"
    await check(client, V2, base + "/{comment-id}", f"/wiki/api/v2{base}/{root.id}")
    replies = await check(
        client, V2, base + "/{id}/children", f"/wiki/api/v2{base}/{root.id}/children"
    )
    assert [reply["parentCommentId"] for reply in replies["results"]] == [root.id]


async def test_v2_one_attachment(client, world):
    file = next(iter(world.attachments))
    await check(client, V2, "/attachments/{id}", f"/wiki/api/v2/attachments/{file}")


async def test_v2_lookups(client, ids):
    users = await check(
        client,
        V2,
        "/users-bulk",
        "/wiki/api/v2/users-bulk",
        method="post",
        json={"accountIds": ["ann", "bob", "nobody"]},
    )
    assert [user["email"] for user in users["results"]] == ["ann@example.org", ""]
    types = await client.post(
        "/wiki/api/v2/content/convert-ids-to-types", json={"contentIds": [ids["Home"], 1]}
    )
    assert types.json() == {"results": {ids["Home"]: "page", "1": None}}


EVERYTHING = (
    "ancestors,version,space,history,container,metadata.labels,body.storage,body.view,"
    "children.page,children.attachment,children.comment,"
    "restrictions.read.restrictions.user,restrictions.read.restrictions.group,restrictions.update"
)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/user/current", "/user/current"),
        ("/user", "/user?accountId=ann"),
        ("/user/bulk", "/user/bulk?accountId=ann&accountId=bob"),
        ("/group", "/group"),
        ("/group/by-id", "/group/by-id?id=b0a4d000-0000-4000-8000-000000000001"),
        ("/group/{groupId}/membersByGroupId", "/group/b0a4d000-0000-4000-8000-000000000001/membersByGroupId"),
        ("/settings/systemInfo", "/settings/systemInfo"),
        ("/content/search", f"/content/search?cql=space=ENG&expand={EVERYTHING}"),
        ("/search", "/search?cql=type in (page,attachment,comment)&expand=content.version"),
    ],
)  # fmt: skip
async def test_v1_site(client, template, path):
    await check(client, V1, f"/wiki/rest/api{template}", f"/wiki/rest/api{path}")


@pytest.mark.parametrize("tail", ["", "/{operationKey}"])
async def test_v1_restrictions(client, ids, tail):
    template = "/wiki/rest/api/content/{id}/restriction/byOperation" + tail
    path = template.replace("{id}", ids["Board only"]).replace("{operationKey}", "read")
    await check(client, V1, template, path)


def test_a_wrong_shape_would_be_noticed():
    if not DOCUMENTS.is_dir():
        pytest.skip("documents absent")
    validator = jsonschema.Draft202012Validator(find_schema(V2, "get", "/pages"))
    assert not validator.is_valid({"results": [{"id": 1}]})
    assert not validator.is_valid({"results": [{"id": "1", "colour": "red"}]})
