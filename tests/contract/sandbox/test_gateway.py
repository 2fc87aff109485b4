"""The gateway to a Cloud site, and roles in place of permissions."""

import pytest

from headwater.sandbox.people import GATEWAY_TOKEN

GRANULAR = ["read:page:confluence", "read:space:confluence", "read:content-details:confluence"]
BEARER = {"authorization": f"Bearer {GATEWAY_TOKEN}"}


@pytest.fixture
async def anybody(connect, sandbox):
    async with connect(base_url=sandbox.gateway_url) as client:
        yield client


async def test_a_scoped_token_opens_the_gateway_in_either_form(anybody, sandbox):
    for login in ({"headers": BEARER}, {"auth": (sandbox.email, GATEWAY_TOKEN)}):
        answer = await anybody.get("wiki/api/v2/pages?limit=1", **login)
        assert answer.status_code == 200
        assert answer.json()["_links"]["base"] == sandbox.web_url
        assert answer.json()["_links"]["next"].startswith("/wiki/api/v2/pages?")
        search = await anybody.get("wiki/rest/api/content/search?cql=type=page&limit=1", **login)
        assert search.json()["_links"]["next"].startswith("/rest/api/content/search?")


@pytest.mark.parametrize(
    "login",
    [
        {},
        {"headers": {"authorization": "Bearer wrong"}},
        {"headers": {"authorization": "Basic !"}},
        {"auth": ("bob@example.org", GATEWAY_TOKEN)},
        {"auth": ("sandbox@headwater.example", "sandbox-token")},
    ],
)
async def test_anything_else_is_turned_away(anybody, login):
    assert (await anybody.get("wiki/api/v2/pages", **login)).status_code == 401


async def test_a_scoped_token_does_not_open_the_site(sandbox, anybody):
    answer = await anybody.get(f"{sandbox.url}/wiki/rest/api/space", headers=BEARER)
    assert answer.status_code == 403


async def test_another_sites_cloud_id_leads_nowhere(sandbox, anybody):
    path = f"{sandbox.url}/ex/confluence/other/wiki/api/v2/pages"
    assert (await anybody.get(path, headers=BEARER)).status_code == 404


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("api/v2/pages", True),
        ("api/v2/spaces", True),
        ("rest/api/user/current", True),
        ("rest/api/content/search?cql=type=page", True),
        ("api/v2/attachments", False),
        ("api/v2/footer-comments", False),
        ("api/v2/folders/1", False),
        ("rest/api/group", False),
    ],
)
async def test_scopes_decide_and_a_missing_one_is_named_as_such(sandbox, anybody, path, is_open):
    sandbox.world.people.grant_token("narrow", "ann", GRANULAR)
    answer = await anybody.get(f"wiki/{path}", headers={"authorization": "Bearer narrow"})
    if is_open:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 401
        assert answer.headers["x-failure-category"] == "FAILURE_CLIENT_SCOPE_CHECK"
        assert "scope does not match" in answer.json()["message"]


async def test_what_v1_no_longer_serves_here_is_gone(anybody, ids):
    for path in ("space", "content", f"content/{ids['Home']}"):
        answer = await anybody.get(f"wiki/rest/api/{path}", headers=BEARER)
        assert answer.status_code == 410
    for path in ("user/current", f"content/{ids['Home']}/label"):
        answer = await anybody.get(f"wiki/rest/api/{path}", headers=BEARER)
        assert answer.status_code == 200


async def test_visits_are_recorded_under_the_sites_templates_with_the_path_they_came_by(
    sandbox, anybody
):
    await anybody.get("wiki/api/v2/pages", headers=BEARER)
    (visit,) = sandbox.requests.select("GET", "/wiki/api/v2/pages")
    assert visit.path.startswith("/ex/confluence/")


async def test_roles_name_users_groups_and_classes(client, world):
    space = world.find_space("ENG")
    assert (await client.get("/wiki/api/v2/space-role-mode")).json() == {"mode": "PRE_ROLES"}
    world.uses_roles = True
    world.permit(
        "ENG",
        users=["ann"],
        groups=["board"],
        anonymous=True,
        access_classes=["all-licensed-users"],
    )
    assert (await client.get("/wiki/api/v2/space-role-mode")).json() == {"mode": "ROLES"}
    answer = await client.get(f"/wiki/api/v2/spaces/{space.id}/role-assignments?limit=3")
    kinds = [item["principal"]["principalType"] for item in answer.json()["results"]]
    assert kinds == ["GROUP", "USER", "ACCESS_CLASS"]
    assert "next" in answer.json()["_links"]


async def test_a_class_admits_whoever_is_signed_in(connect, sandbox, world):
    world.permit("ENG", access_classes=["all-licensed-users"])
    async with connect(auth=("bob@example.org", "bob-token")) as bob:
        assert (await bob.get(f"{sandbox.instance_url}/space/ENG")).status_code == 200
        world.permit("ENG", access_classes=["jsm-project-admins"])
        assert (await bob.get(f"{sandbox.instance_url}/space/ENG")).status_code == 404
