from urllib.parse import quote

import pytest

API = "/wiki/rest/api"


async def collect(client, path):
    """Follow ``next`` from the base, which ends in /wiki."""
    found = []
    while path:
        response = await client.get(f"/wiki{path}")
        assert response.status_code == 200, response.text
        payload = response.json()
        assert payload["size"] == len(payload["results"])
        found += payload["results"]
        path = payload["_links"].get("next")
    return found


async def test_search_pages_by_cursor_and_ignores_start(client):
    path = f"{API}/content/search?cql=type=page order by title&limit=1"
    first = (await client.get(path)).json()
    moved = (await client.get(f"{path}&start=2")).json()
    assert moved["results"] == first["results"]
    assert first["_links"]["next"].startswith("/rest/api/content/search?")
    assert "cursor=_sa_" in first["_links"]["next"]
    titles = [it["title"] for it in await collect(client, path.removeprefix("/wiki"))]
    assert titles == ["Board only", "Guide & <more>", "Home"]


async def test_search_by_date_runs_backwards_too(client):
    cql = quote('space = "ENG" and type in (page,blogpost) order by lastmodified desc')
    found = await collect(client, f"/rest/api/content/search?cql={cql}&limit=2")
    assert [item["title"] for item in found] == ["News", "Board only", "Guide & <more>", "Home"]


async def test_one_search_reads_labels_ancestors_and_restrictions_in_bulk(client, ids):
    expand = (
        "ancestors,metadata.labels,restrictions.read.restrictions.user,"
        "restrictions.read.restrictions.group"
    )
    cql = quote('space = "ENG" and type = page')
    found = await collect(client, f"/rest/api/content/search?cql={cql}&limit=200&expand={expand}")
    pages = {item["title"]: item for item in found}
    guide, secret = pages["Guide & <more>"], pages["Board only"]
    assert [it["name"] for it in guide["metadata"]["labels"]["results"]] == ["howto", "keys"]
    assert [it["id"] for it in guide["ancestors"]] == [ids["Home"], ids["Guides"]]
    limits = secret["restrictions"]["read"]["restrictions"]
    assert [it["accountId"] for it in limits["user"]["results"]] == ["ann"]
    assert [it["name"] for it in limits["group"]["results"]] == ["board"]
    assert "body" in guide["_expandable"]


async def test_rendered_bodies_cap_the_limit_of_a_search(client, world):
    for number in range(30):
        world.create_page("ENG", f"Page {number}")
    path = f"{API}/content/search?cql=type=page&limit=100"
    assert (await client.get(f"{path}&expand=body.export_view")).json()["size"] == 25
    assert (await client.get(f"{path}&expand=body.storage")).json()["size"] == 33


async def test_site_search_wraps_and_counts(client):
    cql = quote('text ~ "zafego" and type = page')
    payload = (await client.get(f"{API}/search?cql={cql}")).json()
    assert payload["totalSize"] == 1
    result = payload["results"][0]
    assert result["excerpt"] == "Rotate the zafego key"
    assert result["resultGlobalContainer"] == {
        "title": "Engineering",
        "displayUrl": "/spaces/ENG",
    }


@pytest.mark.parametrize(
    "cql",
    ["type in (attachment, comment)", "id = 424242", "type = page or type = attachment",
     'space = "ENG" and type = page', "", "space in (ENG, OLD) and type = page"],
)  # fmt: skip
async def test_every_way_of_gathering_finds_what_a_full_scan_finds(client, cql):
    if not cql:
        assert (await client.get(f"{API}/search?cql=")).status_code == 400
        return
    plain = (await client.get(f"{API}/search?cql={quote(cql)}&limit=250")).json()
    scanned = (await client.get(f"{API}/search?cql={quote(f'not (not ({cql}))')}&limit=250")).json()
    assert plain["results"] == scanned["results"]


@pytest.mark.parametrize(
    "query",
    ["cql=type==", "cql=colour=red", "cql=type=page order by colour", "cql=type=page&cursor=_sa_x",
     "cql=type=page&cqlcontext=[]", "cql=type=page&cqlcontext={", "cql=type=page&limit=x", ""],
)  # fmt: skip
async def test_a_wrong_search_is_400(client, query):
    response = await client.get(f"{API}/content/search?{query}")
    assert response.status_code == 400
    assert response.json()["statusCode"] == 400


async def test_archived_pages_are_found_through_the_context_only(client):
    context = quote('{"contentStatuses": ["archived"]}')
    found = await collect(client, f"/rest/api/content/search?cql=type=page&cqlcontext={context}")
    assert [item["title"] for item in found] == ["Archived"]


async def test_the_legacy_listing_pages_by_offset(client):
    path = "/rest/api/content?spaceKey=ENG&type=page&limit=2&expand=body.storage,version,history"
    found = await collect(client, path)
    assert [item["title"] for item in found] == ["Home", "Guide & <more>", "Board only"]
    guide = found[1]
    assert guide["body"]["storage"]["value"] == "<p>Rotate the zafego key</p>"
    assert (guide["version"]["number"], guide["version"]["by"]["displayName"]) == (2, "Ann")
    any_status = await collect(client, "/rest/api/content?spaceKey=ENG&status=any")
    assert "Archived" in {item["title"] for item in any_status}


async def test_content_is_found_by_title(client):
    found = await collect(client, "/rest/api/content?spaceKey=ENG&type=blogpost&title=News")
    assert [item["type"] for item in found] == ["blogpost"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=0", 200), ("limit=-1", 400), ("limit=x", 400), ("start=100001", 400),
     ("spaceKey=NOPE", 404)],
)  # fmt: skip
async def test_odd_listing_parameters(client, query, status):
    response = await client.get(f"{API}/content?{query}")
    assert response.status_code == status
    if status != 200:
        assert response.json()["statusCode"] == status


async def test_one_page_with_its_children(client, ids):
    expand = "children.page,children.attachment,children.comment,space,container,body.view"
    page = (await client.get(f"{API}/content/{ids['Home']}?expand={expand}")).json()
    assert [it["title"] for it in page["children"]["page"]["results"]] == ["Board only"]
    assert page["space"]["key"] == page["container"]["key"] == "ENG"
    assert page["body"]["view"]["value"] == "<p>Welcome <strong>all</strong></p>"
    assert page["_links"]["base"].endswith("/wiki")


async def test_trash_shows_only_by_status(client, ids):
    path = f"{API}/content/{ids['Trashed']}"
    assert (await client.get(path)).status_code == 404
    assert (await client.get(f"{path}?status=trashed")).json()["status"] == "trashed"
    assert (await client.get(f"{path}?status=any")).status_code == 200


async def test_children_by_kind(client, world, ids):
    path = f"{API}/content/{ids['Guide & <more>']}/child"
    assert (await client.get(f"{path}/attachment")).json()["size"] == 1
    assert (await client.get(f"{path}/attachment?filename=other")).json()["size"] == 0
    assert (await client.get(f"{path}/comment")).json()["size"] == 2
    assert (await client.get(f"{path}/comment?depth=all")).json()["size"] == 4
    assert (await client.get(f"{API}/content/{ids['Home']}/child/page")).json()["size"] == 1
    comment = (await client.get(f"{path}/comment")).json()["results"][0]["id"]
    assert (await client.get(f"{API}/content/{comment}/child/comment")).json()["size"] == 1
    file = next(iter(world.attachments))
    expand = "metadata.labels,ancestors,container"
    shown = (await client.get(f"{API}/content/{file}?expand={expand}")).json()
    assert shown["metadata"]["mediaType"] == "text/plain"
    assert shown["container"]["title"] == "Guide & <more>"


async def test_labels_and_spaces(client, ids):
    labels = (await client.get(f"{API}/content/{ids['News']}/label")).json()
    assert [it["label"] for it in labels["results"]] == ["news"]
    spaces = await collect(client, "/rest/api/space?limit=1&status=current")
    assert [it["key"] for it in spaces] == ["ENG", "~ann"]
    assert (await client.get(f"{API}/space/~ann")).json()["type"] == "personal"
    content = (await client.get(f"{API}/space/ENG/content")).json()
    assert (content["page"]["size"], content["blogpost"]["size"]) == (3, 1)
    assert (await client.get(f"{API}/space/ENG/content/blogpost")).json()["size"] == 1


async def test_restrictions_are_the_pages_own(client, world, ids):
    child = world.create_page("ENG", "Below", parent=ids["Board only"])
    path = f"{API}/content/{child.id}/restriction/byOperation"
    own = (await client.get(path)).json()["read"]["restrictions"]
    assert own["user"]["results"] == own["group"]["results"] == []
    named = (await client.get(f"{API}/content/{ids['Board only']}/restriction/byOperation")).json()
    assert named["read"]["restrictions"]["user"]["size"] == 1
    expand = "expand=restrictions.group"
    one = (
        await client.get(f"{API}/content/{ids['Board only']}/restriction/byOperation/read?{expand}")
    ).json()
    assert one["restrictions"]["group"]["size"] == 1
    assert "user" in one["restrictions"]["_expandable"]
    assert (await client.get(f"{path}/fly")).status_code == 400


async def test_long_restriction_lists_are_paged_by_start(client, world, ids):
    for number in range(120):
        world.people.add_user(f"u{number:03}", f"u{number}@example.org", "U")
    world.restrict(ids["Home"], users=[f"u{number:03}" for number in range(120)])
    path = f"{API}/content/{ids['Home']}/restriction/byOperation/read?expand=restrictions.user"
    sizes = [
        (await client.get(f"{path}&start={start}")).json()["restrictions"]["user"]["size"]
        for start in (0, 100)
    ]
    assert sizes == [100, 20]


async def test_members_by_id_and_by_name(client):
    groups = (await client.get(f"{API}/group")).json()["results"]
    board = next(group["id"] for group in groups if group["name"] == "board")
    members = (await client.get(f"{API}/group/{board}/membersByGroupId")).json()["results"]
    assert [it["accountId"] for it in members] == ["ann"]
    by_name = (await client.get(f"{API}/group/member?name=board")).json()["results"]
    assert by_name == members
    assert (await client.get(f"{API}/group/{board}/membersByGroupId?limit=201")).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/content/424242", "/content/424242/label", "/content/att424242", "/space/NOPE",
     "/space/NOPE/content", "/user?accountId=nobody", "/group/nope/membersByGroupId",
        "/group/by-id?id=nope",
     "/group/member?name=nope", "/content/424242/restriction/byOperation/read",
     "/content/1/child/attachment/att1/download"],
)  # fmt: skip
async def test_what_is_not_there_is_404_in_the_envelope(client, path):
    response = await client.get(API + path)
    assert response.status_code == 404
    assert response.json()["statusCode"] == 404
    assert response.json()["data"]["successful"] is False


async def test_an_unknown_path_is_404_in_the_routers_own_form(client, sandbox):
    response = await client.get(f"{API}/nowhere")
    assert response.json() == {
        "message": f"null for uri: {sandbox.url}/wiki/rest/api/nowhere",
        "status-code": 404,
    }


async def test_a_comment_has_no_restrictions(client, world):
    comment = next(iter(world.comments))
    path = f"{API}/content/{comment}/restriction/byOperation"
    assert (await client.get(path)).status_code == 404


async def download(client, attachment, query=""):
    path = f"{API}/content/{attachment.container_id}/child/attachment/{attachment.id}/download"
    return await client.get(path + query)


async def test_a_download_redirects_to_a_signed_url_on_another_host(
    client, sandbox, world, connect
):
    attachment = next(iter(world.attachments.values()))
    answer = await download(client, attachment)
    assert answer.status_code == 302
    url = answer.headers["location"]
    assert url.startswith(f"{sandbox.media_url}/")
    assert not url.startswith(sandbox.url)
    async with connect() as stranger:
        file = await stranger.get(url)
        assert (file.status_code, file.content) == (200, b"some bytes")
        assert file.headers["content-type"].startswith("text/plain")
        assert "notes%20%C3%BCber.txt" in file.headers["content-disposition"]
        assert (await stranger.get(url + "x")).status_code == 403
        assert (await stranger.get(url.replace("expires=", "expires=9"))).status_code == 403
        forwarded = await stranger.get(url, auth=(sandbox.email, sandbox.token))
        assert forwarded.status_code == 400


async def test_a_signed_url_expires(client, sandbox, world, connect):
    gate = sandbox.desk.site.media
    attachment = next(iter(world.attachments.values()))
    url = (await download(client, attachment)).headers["location"]
    later = gate.read_time() + gate.lifetime + 1
    gate.read_time = lambda: later
    async with connect() as stranger:
        assert (await stranger.get(url)).status_code == 403


async def test_former_versions_are_downloaded_by_number(client, world, connect):
    attachment = next(iter(world.attachments.values()))
    world.attach(attachment.container_id, attachment.title, b"newer")
    async with connect() as stranger:
        old = (await download(client, attachment, "?version=1")).headers["location"]
        assert (await stranger.get(old)).content == b"some bytes"
        new = (await download(client, attachment)).headers["location"]
        assert (await stranger.get(new)).content == b"newer"
        world.purge(attachment.container_id)
        assert (await stranger.get(new)).status_code == 404


async def test_a_version_that_never_was_is_404(client, world):
    attachment = next(iter(world.attachments.values()))
    assert (await download(client, attachment, "?version=9")).status_code == 404
