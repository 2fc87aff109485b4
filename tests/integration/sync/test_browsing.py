"""Looking around in a Confluence, Cloud and Data Center."""

from typing import Any

import pytest

from headwater.sandbox.faces import Cloud, DataCenter
from tests.integration.sync.lab import KEY, Lab, open_lab, pages
from tests.integration.sync.serving import call_lab

LISTING = "/v2/confluence/listing"


@pytest.fixture(params=[Cloud, DataCenter], ids=["cloud", "data-center"])
async def site(request, tmp_path):
    async with open_lab(tmp_path, face=request.param()) as lab:
        yield lab


def ask(lab: Lab, **more: Any) -> dict[str, Any]:
    return {
        "instance_url": lab.site.instance_url,
        "web_url_instance": lab.site.web_url,
        "username": lab.site.username,
        "api_token": lab.site.token,
        **more,
    }


async def walk(client, lab: Lab, name: str, **question: Any) -> list[dict[str, Any]]:
    """Return all rows of a listing, page by page; every total that is told must be right."""
    rows, cursor, totals = [], None, set()
    while True:
        answer = await client.post(LISTING, json=ask(lab, **question, cursor=cursor))
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        assert len(data[name]) <= question.get("limit", 100)
        rows += data[name]
        totals.add(data["total"])
        cursor = data["next"]
        if cursor is None:
            assert totals <= {len(rows), None}
            return rows


async def test_a_space_is_listed_page_by_page_beside_what_is_in(site: Lab) -> None:
    ids = pages(site.world, 5)
    child = site.world.create_page(KEY, "Child", "<p>c</p>", parent=ids[0]).id
    post = site.world.create_blogpost(KEY, "News", "<p>n</p>").id
    await site.sync()
    site.world.edit(ids[1], text="<p>changed</p>")
    fresh = site.world.create_page(KEY, "Fresh", "<p>f</p>").id
    async with call_lab(site) as client:
        rows = await walk(client, site, "pages", space=KEY, limit=3)
        whole = await walk(client, site, "pages", space=KEY)
        below = await walk(client, site, "pages", space=KEY, parent_id=ids[0], limit=1)
        nowhere = await client.post(LISTING, json=ask(site, space=KEY, parent_id="424242"))
    by_id = {row["id"]: row for row in rows}
    assert set(by_id) == {*ids, child, post, fresh}
    assert rows == whole
    assert {row["ingested"] for key, row in by_id.items() if key in {ids[0], child, post}} == {
        "current"
    }
    assert (by_id[ids[1]]["ingested"], by_id[fresh]["ingested"]) == ("stale", "no")
    assert [key for key, row in by_id.items() if row["has_children"]] == [ids[0]]
    assert (by_id[post]["type"], by_id[child]["parent_id"]) == ("blogpost", ids[0])
    assert by_id[child]["url"].startswith(site.site.web_url)
    assert set(by_id[child]) == {
        "id",
        "title",
        "parent_id",
        "type",
        "status",
        "version",
        "last_modified",
        "url",
        "has_children",
        "ingested",
    }
    assert [row["id"] for row in below] == [child]
    assert nowhere.status_code == 422
    assert nowhere.json()["detail"][0]["loc"] == ["body", "parent_id"]


async def test_spaces_are_listed_with_their_sizes(site: Lab) -> None:
    pages(site.world, 2)
    for number in range(4):
        site.world.add_space(f"S{number}", f"Space {number}")
    async with call_lab(site) as client:
        rows = await walk(client, site, "spaces", limit=2)
        listed = await client.post("/v2/confluence/space-listing", json=ask(site))
    assert [
        {name: row[name] for name in ("key", "name", "type", "status")} for row in rows
    ] == listed.json()["spaces"]
    assert {row["key"]: row["page_count"] for row in rows}[KEY] == 2


async def test_a_cursor_fits_its_own_question_only(lab: Lab) -> None:
    pages(lab.world, 3)
    lab.world.add_space("OTHER", "Other")
    async with call_lab(lab) as client:
        first = await client.post(LISTING, json=ask(lab, space=KEY, limit=2))
        cursor = first.json()["data"]["next"]
        good = await client.post(LISTING, json=ask(lab, space=KEY, limit=9, cursor=cursor))
        others = [
            await client.post(LISTING, json=ask(lab, **question))
            for question in (
                {"space": "OTHER", "cursor": cursor},
                {"cursor": cursor},
                {"space": KEY, "cursor": f"x{cursor}"},
                {"space": KEY, "cursor": "bm90aGluZw=="},
                {"space": KEY, "cursor": "\u00e9"},
            )
        ]
        absent = await client.post(LISTING, json=ask(lab, space="NONE"))
        alone = await client.post(LISTING, json=ask(lab, parent_id="1"))
        refused = await client.post(LISTING, json={**ask(lab, space=KEY), "api_token": "wrong"})
    assert len(good.json()["data"]["pages"]) == 1
    for answer in others:
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"][0]["type"] == "value_error.cursor"
    assert (absent.status_code, absent.json()["detail"][0]["loc"]) == (422, ["body", "space"])
    assert (alone.status_code, alone.json()["detail"][0]["loc"]) == (422, ["body", "space"])
    assert refused.status_code == 403


async def test_children_of_a_folder_are_listed(lab: Lab) -> None:
    folder = lab.world.create_folder(KEY, "Folder").id
    page = lab.world.create_page(KEY, "Inside", "<p>i</p>", parent=folder).id
    async with call_lab(lab) as client:
        rows = await walk(client, lab, "pages", space=KEY, parent_id=folder)
    assert [row["id"] for row in rows] == [page]
