from urllib.parse import urlsplit

import pytest

API = "/wiki/api/v2"


async def collect(client, path):
    """Follow ``next`` from the host's root to the end."""
    found, sizes = [], []
    while path:
        response = await client.get(path)
        assert response.status_code == 200
        payload = response.json()
        found += payload["results"]
        sizes.append(len(payload["results"]))
        path = payload["_links"].get("next")
        assert ('rel="next"' in response.headers["link"]) is (path is not None)
    return found, sizes


@pytest.mark.parametrize("sort", ["id", "-id", "title", "-modified-date", "created-date"])
async def test_following_next_yields_everything_once(client, world, sort):
    for number in range(7):
        world.create_page("ENG", f"Page {number}")
    space = world.find_space("ENG").id
    whole, _ = await collect(client, f"{API}/spaces/{space}/pages?limit=250&sort={sort}")
    parts, sizes = await collect(client, f"{API}/spaces/{space}/pages?limit=3&sort={sort}")
    assert [page["id"] for page in parts] == [page["id"] for page in whole]
    assert len({page["id"] for page in parts}) == len(parts) == 11
    assert sizes == [3, 3, 3, 2]


async def test_a_full_last_page_has_no_next(client, world):
    space = world.find_space("ENG").id
    _, sizes = await collect(client, f"{API}/spaces/{space}/pages?limit=2")
    assert sizes == [2, 2]


async def test_next_starts_at_the_hosts_root_and_keeps_the_query(client):
    links = (await client.get(f"{API}/pages?limit=1&body-format=storage&status=current")).json()
    following = links["_links"]["next"]
    assert following.startswith(f"{API}/pages?")
    assert urlsplit(following).netloc == ""
    assert "body-format=storage" in following
    assert "status=current" in following


async def test_a_page_removed_while_listing_shifts_nothing(client, world, ids):
    path = f"{API}/pages?limit=1&sort=id"
    first = (await client.get(path)).json()
    world.purge(first["results"][0]["id"])
    rest, _ = await collect(client, first["_links"]["next"])
    assert {ids["Guide & <more>"], ids["Board only"]} <= {page["id"] for page in rest}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=251", "limit=x", "sort=colour", "cursor=nonsense", "cursor=WyJhIiwgMV0=",
     "body-format=wiki", "id=" + ",".join(map(str, range(251)))],
)  # fmt: skip
async def test_wrong_parameters_are_refused_in_the_envelope(client, query):
    response = await client.get(f"{API}/pages?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "INVALID_REQUEST_PARAMETER"


async def test_the_default_limit_is_25_and_50_for_attachments(client, world, ids):
    for number in range(60):
        world.create_page("ENG", f"Page {number}")
        world.attach(ids["Home"], f"{number}.txt", b"x")
    assert len((await client.get(f"{API}/pages")).json()["results"]) == 25
    assert len((await client.get(f"{API}/attachments")).json()["results"]) == 50


async def test_archived_pages_are_listed_unless_status_says(client, world):
    async def list_titles(query):
        found, _ = await collect(client, f"{API}/spaces/{world.find_space('ENG').id}/pages?{query}")
        return {page["title"] for page in found}

    assert await list_titles("") == {"Home", "Guide & <more>", "Board only", "Archived"}
    assert await list_titles("status=current") == {"Home", "Guide & <more>", "Board only"}
    assert await list_titles("status=trashed") == {"Trashed"}
    assert await list_titles("status=current&depth=root") == {"Home"}
    assert await list_titles("title=Home") == {"Home"}


async def test_pages_are_looked_up_by_id_in_any_status(client, ids):
    wanted = f"{ids['Home']},{ids['Trashed']},{ids['News']},424242"
    found, _ = await collect(client, f"{API}/pages?id={wanted}&status=current,trashed")
    assert {page["title"] for page in found} == {"Home", "Trashed"}


async def test_spaces_are_filtered(client, world):
    async def list_keys(query):
        return [space["key"] for space in (await collect(client, f"{API}/spaces?{query}"))[0]]

    assert await list_keys("") == ["ENG", "~ann", "OLD"]
    assert await list_keys("status=archived") == ["OLD"]
    assert await list_keys("type=personal") == ["~ann"]
    assert await list_keys("keys=ENG,OLD&sort=-key") == ["OLD", "ENG"]
    assert await list_keys(f"ids={world.find_space('OLD').id}") == ["OLD"]
    assert await list_keys("limit=1&sort=name") == ["~ann", "ENG", "OLD"]
    assert (await client.get(f"{API}/spaces?sort=colour")).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/pages/424242", "/spaces/424242", "/folders/424242", "/pages/424242/labels",
     "/pages/424242/ancestors", "/pages/424242/direct-children", "/pages/424242/attachments",
     "/attachments/att1", "/footer-comments/1", "/inline-comments/1/children", "/nowhere"],
)  # fmt: skip
async def test_what_is_not_there_is_404_in_the_envelope(client, path):
    response = await client.get(API + path)
    assert response.status_code == 404
    error = {"status": 404, "code": "NOT_FOUND", "title": "Not Found", "detail": None}
    assert response.json() == {"errors": [error]}


async def test_a_trashed_page_is_404_unless_asked_for(client, ids):
    assert (await client.get(f"{API}/pages/{ids['Trashed']}")).status_code == 404
    assert (await client.get(f"{API}/pages/{ids['Trashed']}?status=trashed")).status_code == 200
    assert (await client.get(f"{API}/pages/{ids['Archived']}")).status_code == 200
    assert (await client.get(f"{API}/pages/{ids['News']}")).status_code == 404


async def test_a_reader_does_not_learn_of_what_is_restricted(sandbox, ids, connect):
    async with connect(base_url=sandbox.url, auth=("bob@example.org", "bob-token")) as bob:
        assert (await bob.get(f"{API}/pages/{ids['Board only']}")).status_code == 404
        pages = (await bob.get(f"{API}/pages")).json()["results"]
        assert "Board only" not in {page["title"] for page in pages}
        spaces = (await bob.get(f"{API}/spaces")).json()["results"]
        assert [space["key"] for space in spaces] == ["ENG", "OLD"]
        for listing in ("attachments", "footer-comments", "inline-comments"):
            items = (await bob.get(f"{API}/{listing}")).json()["results"]
            assert ids["Board only"] not in {item.get("pageId") for item in items}


async def test_a_draft_is_its_authors_and_only_on_request(sandbox, ids, connect):
    login = ("ann@example.org", "ann-token")
    async with connect(base_url=sandbox.url, auth=login) as ann:
        path = f"{API}/pages/{ids['Draft']}"
        assert (await ann.get(path)).status_code == 404
        assert (await ann.get(f"{path}?get-draft=true")).json()["status"] == "draft"


async def test_ancestors_come_from_the_top_and_the_nearest_first_when_cut(client, ids):
    path = f"{API}/pages/{ids['Guide & <more>']}/ancestors"
    assert [(it["id"], it["type"]) for it in (await client.get(path)).json()["results"]] == [
        (ids["Home"], "page"),
        (ids["Guides"], "folder"),
    ]
    cut = (await client.get(f"{path}?limit=1")).json()["results"]
    assert [item["id"] for item in cut] == [ids["Guides"]]


async def test_children_are_current_pages_and_folders_in_order(client, ids):
    children = (await client.get(f"{API}/pages/{ids['Home']}/direct-children")).json()["results"]
    assert [(it["title"], it["type"]) for it in children] == [
        ("Guides", "folder"),
        ("Board only", "page"),
    ]


async def test_replies_are_under_their_root_only(client, ids):
    roots = await client.get(f"{API}/pages/{ids['Guide & <more>']}/footer-comments")
    assert len(roots.json()["results"]) == 1
    site = await client.get(f"{API}/footer-comments")
    assert len(site.json()["results"]) == 6
    open_ = f"{API}/pages/{ids['Guide & <more>']}/inline-comments?resolution-status=resolved"
    assert (await client.get(open_)).json()["results"] == []


async def test_attachments_of_trashed_pages_are_not_listed(client, world, ids):
    world.trash(ids["News"])
    items = (await client.get(f"{API}/attachments?filename=notes über.txt")).json()["results"]
    assert {item.get("blogPostId") for item in items} == {None}
    assert (await client.get(f"{API}/attachments?mediaType=image/png")).json()["results"] == []


async def test_permissions_name_users_and_groups(client, world):
    world.permit("ENG", users=["ann"], groups=["board", "confluence-users"])
    path = f"{API}/spaces/{world.find_space('ENG').id}/permissions?limit=2"
    found, sizes = await collect(client, path)
    assert sizes == [2, 1]
    assert [item["principal"]["type"] for item in found] == ["group", "group", "user"]
    assert (await client.get(f"{path}&cursor=x")).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"accountIds": []}', b'{"accountIds": 1}'])
async def test_an_unreadable_lookup_is_400(client, body):
    assert (await client.post(f"{API}/users-bulk", content=body)).status_code == 400


async def test_ids_are_converted_to_types(client, world, ids):
    file = next(iter(world.attachments))
    footer = next(c.id for c in world.comments.values() if not c.inline)
    inline = next(c.id for c in world.comments.values() if c.inline)
    wanted = [ids["News"], ids["Guides"], file, footer, inline]
    answer = await client.post(f"{API}/content/convert-ids-to-types", json={"contentIds": wanted})
    assert list(answer.json()["results"].values()) == [
        "blogpost",
        "folder",
        "attachment",
        "footer-comment",
        "inline-comment",
    ]
