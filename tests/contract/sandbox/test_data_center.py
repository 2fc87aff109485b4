"""The Data Center face: the shapes of Atlassian's document, and the habits that it does not tell."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from headwater.sandbox.faces import DataCenter
from headwater.sandbox.server import run_sandbox

DOCUMENT = (
    Path(__file__).parents[3]
    / "../shared/data/confluence-openapi/confluence-dc-10.0.3.swagger.v3.json"
)
REST = "/confluence/rest/api"
EVERYTHING = (
    "ancestors,version,space,history,container,metadata.labels,body.storage,"
    "children.page,children.attachment,children.comment,"
    "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
)


@pytest.fixture
async def site(world):
    async with run_sandbox(world, face=DataCenter()) as running:
        yield running


@pytest.fixture
async def client(site, connect):
    """The admin's client; paths are relative to the REST interface."""
    login = (site.username, site.token)
    async with connect(base_url=f"{site.url}{REST}/", auth=login) as client:
        yield client


@cache
def load():
    return json.loads(DOCUMENT.read_text())


async def read(client, path, **params):
    response = await client.get(path, params=params or None)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.skipif(not DOCUMENT.is_file(), reason="Atlassian's document is not on this machine")
@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/user/current", "user/current"),
        ("/user", "user?username=ann"),
        ("/server-information", "server-information"),
        ("/space", "space?limit=2"),
        ("/space/{spaceKey}", "space/ENG"),
        ("/space/{spaceKey}/permissions", "space/ENG/permissions"),
        ("/space/{spaceKey}/permissions/anonymous", "space/ENG/permissions/anonymous"),
        ("/content", f"content?spaceKey=ENG&expand={EVERYTHING}"),
        ("/content/scan", f"content/scan?spaceKey=ENG&limit=2&expand={EVERYTHING}"),
        ("/content/scan", "content/scan?spaceKey=ENG&type=comment&expand=container,ancestors"),
        ("/content/search", f"content/search?cql=space=ENG&expand={EVERYTHING}"),
        ("/content/{id}", "content/{Home}?expand=version,space,history"),
        ("/content/{id}/label", "content/{Guide}/label"),
        ("/content/{id}/child/{type}", "content/{Home}/child/page"),
        ("/content/{id}/child/comment", "content/{Guide}/child/comment?depth=all"),
        (
            "/content/{id}/restriction/byOperation/{operationKey}",
            "content/{Secret}/restriction/byOperation/read",
        ),
        ("/group", "group"),
        ("/group/{groupName}", "group/board"),
        ("/group/{groupName}/member", "group/board/member"),
    ],
)
async def test_answers_have_the_documented_shape(client, ids, template, path):
    names = {"Home": "Home", "Guide": "Guide & <more>", "Secret": "Board only"}
    path = path.format(**{name: ids[title] for name, title in names.items()})
    payload = await read(client, path)
    operation = load()["paths"][f"/rest/api{template}"]["get"]
    answer = next(
        operation["responses"][code] for code in ("200", "201") if code in operation["responses"]
    )
    schema = {**answer["content"]["application/json"]["schema"], "components": load()["components"]}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(payload)
    assert [f"{error.json_path}: {error.message}"[:200] for error in errors] == []


async def test_what_expand_names_decides_how_many_rows_come(world, client):
    for number in range(260):
        world.create_page("ENG", f"More {number}")
    for path in ("content", "content/scan"):
        sizes = [
            len((await read(client, path, spaceKey="ENG", limit=1000, expand=expand))["results"])
            for expand in ("body.storage", "version", "")
        ]
        assert sizes[:2] == [50, 200]
        assert sizes[2] > 200
    found = await read(client, "content/search", cql="space=ENG", limit=1000, expand="version")
    assert len(found["results"]) == found["limit"] == 200


async def test_a_scan_and_a_listing_lead_to_the_same_end(client):
    by_scan: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        piece = await read(client, "content/scan", spaceKey="ENG", limit=1, cursor=cursor)
        by_scan += [row["id"] for row in piece["results"]]
        assert ("next" in piece["_links"]) is ("nextCursor" in piece)
        cursor = piece.get("nextCursor")
    listed = await read(client, "content", spaceKey="ENG")
    assert [row["id"] for row in listed["results"]] == by_scan
    assert (await client.get("content/scan?spaceKey=ENG&cursor=x")).status_code == 400


async def test_any_means_current_and_trashed(client, ids):
    listed = await read(client, "content", spaceKey="ENG", status="any")
    titles = {row["title"] for row in listed["results"]}
    assert {"Home", "Trashed"} <= titles
    assert "Archived" not in titles
    assert (await client.get(f"content/{ids['Trashed']}")).status_code == 404
    assert (await read(client, f"content/{ids['Trashed']}", status="any"))["status"] == "trashed"


async def test_there_are_no_folders_no_accounts_and_no_second_version(client, ids, site, connect):
    assert (await client.get(f"content/{ids['Guides']}")).status_code == 404
    guide = await read(client, f"content/{ids['Guide & <more>']}", expand="ancestors,history")
    assert [item["title"] for item in guide["ancestors"]] == ["Home"]
    assert "accountId" not in json.dumps(guide)
    async with connect() as anybody:
        for path in ("/confluence/api/v2/spaces", "/wiki/api/v2/spaces", "/_edge/tenant_info"):
            assert (await anybody.get(site.url + path)).status_code == 404


async def test_bodies_mention_people_by_their_keys(world, client):
    ann = next(iter(world.people.users.values()))
    body = f'<ri:user ri:account-id="{ann.account_id}"/><ri:user ri:account-id="nobody"/>'
    page = world.create_page(next(iter(world.spaces.values())).key, "Who", body).id
    found = await read(client, f"content/{page}", expand="body.storage")
    keyed = f'<ri:user ri:userkey="{ann.user_key}"/><ri:user ri:account-id="nobody"/>'
    assert found["body"]["storage"]["value"] == keyed


async def test_a_refusal_is_in_data_centers_envelope(client):
    answer = (await client.get("content/1")).json()
    assert (answer["statusCode"], answer["reason"]) == (404, "Not Found")
    assert answer["data"]["allowedInReadOnlyMode"] is True
    assert (await client.get("space/NOSUCH")).status_code == 404
    assert (await client.get("user?key=nobody")).status_code == 404
    assert (await client.get("group/nobody")).status_code == 404
    assert (await client.get("nothing")).status_code == 404
    assert (await client.post("content")).status_code == 405


async def test_all_restrictions_on_the_way_up_are_relevant(world, client, ids):
    world.restrict(ids["Home"], groups=["board"])
    path = f"content/{ids['Board only']}/restriction/relevantViewRestrictions"
    found = (await read(client, path))["viewContentRestrictions"]["results"]
    sizes = [
        (it["restrictions"]["user"]["size"], it["restrictions"]["group"]["size"]) for it in found
    ]
    assert sizes == [(0, 1), (1, 1)]
    comment = next(iter(world.comments))
    answer = await client.get(f"content/{comment}/restriction/relevantViewRestrictions")
    assert answer.status_code == 404


async def test_space_permissions_name_users_by_key_and_need_an_admin(world, site, client, connect):
    world.permit("ENG", users=["ann"], groups=["board"], anonymous=True)
    permissions = await read(client, "space/ENG/permissions")
    assert [item["subject"] for item in permissions] == [
        {"type": "group", "name": "board"},
        {"type": "user", "userKey": world.people.users["ann"].user_key},
    ]
    assert (await read(client, "space/ENG/permissions/anonymous"))[0]["subject"][
        "type"
    ] == "anonymous"
    async with connect(base_url=f"{site.url}{REST}/", auth=("ann", "ann-token")) as ann:
        assert (await ann.get("space/ENG/permissions")).status_code == 500


async def test_a_file_needs_its_link_as_it_was_given(site, client, ids, connect):
    listed = await read(client, f"content/{ids['Guide & <more>']}/child/attachment")
    link = site.web_url + listed["results"][0]["_links"]["download"]
    assert (await client.get(link)).content == b"some bytes"
    assert (await client.get(link.partition("?")[0])).status_code == 404
    assert (await client.get(link.replace("version=1", "version=9"))).status_code == 404
    async with connect() as anybody:
        assert (await anybody.get(link)).status_code == 403


async def test_search_pages_by_start_and_leaves_archived_spaces_out(world, client):
    world.create_page("OLD", "Old page")
    first = await read(client, "content/search", cql="type=page order by title", limit=1)
    params = {"cql": "type=page order by title", "limit": 1, "start": 1}
    second = await read(client, "content/search", **params)
    assert first["results"] != second["results"]
    assert "next" in first["_links"]
    turned = await read(client, "content/search", cql="type=page order by title desc")
    titles = [row["title"] for row in turned["results"]]
    assert titles == sorted(titles, key=str.casefold, reverse=True)
    assert "Old page" not in titles


async def test_the_caller_is_known_by_password_or_by_token_and_else_anonymous(world, site, connect):
    world.anonymous_access = True
    async with connect(base_url=f"{site.url}{REST}/") as client:
        logins = {"auth": ("ann", "ann-token")}, {"headers": {"authorization": "Bearer ann-token"}}
        for login in logins:
            assert (await client.get("user/current", **login)).json()["username"] == "ann"
        for header in ("Bearer wrong", "Token x", ""):
            answer = await client.get("user/current", headers={"authorization": header})
            assert answer.json()["type"] == "anonymous"
        world.anonymous_access = False
        answer = await client.get("user/current", headers={"authorization": "Bearer wrong"})
        assert answer.status_code == 403


async def test_wrong_passwords_lead_to_a_captcha_that_the_right_one_does_not_open(site, connect):
    async with connect(base_url=f"{site.url}{REST}/") as client:
        for _ in range(3):
            answer = await client.get("user/current", auth=("ann", "wrong"))
            assert answer.status_code == 401
            assert answer.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
        answer = await client.get("user/current", auth=("ann", "ann-token"))
        assert answer.status_code == 403
        assert "CAPTCHA" in answer.headers["x-authentication-denied-reason"]
        unreadable = await client.get("user/current", headers={"authorization": "Basic !"})
        assert unreadable.status_code == 401


async def test_basic_authentication_can_be_off(world, connect):
    async with (
        run_sandbox(world, face=DataCenter("", basic_allowed=False)) as site,
        connect() as client,
    ):
        answer = await client.get(f"{site.url}/rest/api/space", auth=(site.username, site.token))
        assert answer.status_code == 403
        assert "Basic Authentication has been disabled" in answer.json()["message"]


async def test_old_versions_lack_what_came_later(world, connect):
    face = DataCenter("/old", has_scan=False, has_permissions=False)
    async with run_sandbox(world, face=face) as site:
        login = (site.username, site.token)
        async with connect(base_url=site.instance_url, auth=login) as client:
            for path in ("content/scan?spaceKey=ENG", "space/ENG/permissions"):
                assert (await client.get(path)).status_code == 404
            assert (await client.get("space/ENG")).status_code == 200
