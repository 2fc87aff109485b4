"""Why a page is not here, and who may read it."""

import pytest

from headwater.domain.errors import (
    DocumentError,
    FailureType,
    InvalidInputError,
    NotFoundError,
    SourceRefusedError,
)
from headwater.domain.ids import TenantId
from headwater.domain.jobs import ContentRestriction, SiteAddress, SiteCredential
from headwater.domain.secrets import Secret
from headwater.services.credentials import Login
from headwater.services.deletion import delete_by_url
from headwater.services.enquiries import locate_page
from headwater.services.whereabouts import Presence, explain_access, explain_presence
from tests.integration.sync.lab import TENANT, Lab, pages
from tests.integration.sync.serving import call_lab


def url(lab: Lab, content_id: str) -> str:
    return f"{lab.site.web_url}/spaces/LAB/pages/{content_id}/Some+title"


async def why(lab: Lab, content_id: str):
    return await explain_presence(lab.ports.catalog, TENANT, url(lab, content_id))


async def test_a_page_that_is_in_says_since_when_and_which_version(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    await lab.sync()
    found = await why(lab, page)
    assert (found.presence, found.restricted) == (Presence.HERE, False)
    assert found.entry is not None
    assert found.entry.indexed_at is not None
    assert found.entry.known.version == 1


async def test_a_page_is_found_by_its_title_and_its_stored_link(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    await lab.sync()
    by_title = f"{lab.site.web_url}/display/LAB/Page+0"
    found = await explain_presence(lab.ports.catalog, TENANT, by_title)
    assert found.entry is not None
    assert found.entry.known.content_id == page
    again = await explain_presence(lab.ports.catalog, TENANT, found.entry.known.source_url)
    assert again == found


async def test_an_attachment_is_found_by_its_own_link(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.attach(page, "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    (name,) = [key for key in await lab.indexed() if key.startswith("att")]
    preview = f"{lab.site.web_url}/spaces/LAB/pages/{page}?preview=/{page}/{name[3:]}/notes.txt"
    found = await explain_presence(lab.ports.catalog, TENANT, preview)
    assert found.entry is not None
    assert found.entry.known.title == "notes.txt"


async def test_a_failed_page_says_with_what(lab: Lab, monkeypatch) -> None:
    (page,) = pages(lab.world, 1)

    async def away(*_args):
        raise DocumentError(FailureType.STORE_ERROR, "the disk is full; free some")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.store), "apply", away)
        await lab.sync()
    found = await why(lab, page)
    assert found.presence is Presence.FAILED
    assert "disk is full" in found.message
    await lab.sync()
    lab.world.edit(page, text="<p>other words</p>")
    with monkeypatch.context() as patch:
        patch.setattr(type(lab.ports.store), "apply", away)
        await lab.sync()
    assert (await why(lab, page)).presence is Presence.STALE


async def test_a_page_deleted_on_request_says_what_brings_it_back(lab: Lab) -> None:
    page, _ = pages(lab.world, 2)
    await lab.sync()
    await delete_by_url(lab.ports, TENANT, url(lab, page), include_descendants=False)
    await lab.sync()
    found = await why(lab, page)
    assert found.presence is Presence.SKIPPED
    assert "deleted on request" in found.message
    assert "full sync" in found.message


async def test_a_held_page_says_what_it_waits_for(lab: Lab) -> None:
    ids = pages(lab.world, 30)
    await lab.sync()
    for content_id in ids:
        lab.world.purge(content_id)
    await lab.sync()
    found = await why(lab, ids[0])
    assert found.presence is Presence.HELD
    assert "approved" in found.message


async def test_a_skipped_page_says_why(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    await lab.sync(last_sync=lab.ports.now())
    found = await why(lab, page)
    assert found.presence is Presence.SKIPPED
    assert "before_last_sync" in found.message


async def test_an_unknown_page_says_what_may_be_the_matter(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    assert "never uploaded" in (await why(lab, page)).message
    await lab.sync()
    assert "last complete sync" in (await why(lab, "424242")).message
    other = f"https://other.example/wiki/spaces/LAB/pages/{page}"
    found = await explain_presence(lab.ports.catalog, TENANT, other)
    assert found.presence is Presence.NOT_KNOWN
    stranger = TenantId("99999999-9999-4999-8999-999999999999")
    found = await explain_presence(lab.ports.catalog, stranger, url(lab, page))
    assert found.presence is Presence.NOT_KNOWN


async def test_a_link_to_no_page_is_refused(lab: Lab) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await explain_presence(lab.ports.catalog, TENANT, f"{lab.site.web_url}/spaces/LAB")
    assert caught.value.loc == ("body", "source_url")


async def explain(lab: Lab, content_id: str, *principals: str):
    return await explain_access(lab.ports.catalog, TENANT, url(lab, content_id), principals)


@pytest.fixture
async def restricted(lab: Lab):
    """A page below a restricted one, open to an audience."""
    lab.world.people.add_group("keepers")
    (above,) = pages(lab.world, 1)
    below = lab.world.create_page("LAB", "Below", "<p>zebra</p>", parent=above).id
    lab.world.restrict(above, groups=["keepers"])
    restriction = ContentRestriction(audience=("staff",), source_restriction=True)
    await lab.sync(restriction=restriction)
    return below


async def test_a_user_may_be_named_as_one(lab: Lab, restricted) -> None:
    report = await explain(lab, restricted, "user:ann", "account:ann", "jane@acme.example", "staff")
    named = [verdict.principals for verdict in report.each]
    assert named[0] == named[1] == ("account:ann",)
    assert named[2:] == [("email:jane@acme.example",), ("group:staff",)]


async def test_every_clause_of_the_chain_says_whom_it_blocks(lab: Lab, restricted) -> None:
    report = await explain(lab, restricted, "staff", "group:keepers", "everyone")
    nearest, space = report.chain
    assert (nearest.title, nearest.names) == ("Page 0", ("restriction",))
    assert (space.title, space.names) == ("Lab", ("audience", "space_permission"))
    staff, keepers, everyone = report.each
    assert [verdict.admitted for verdict in report.each] == [False, False, False]
    assert staff.passes[0] == (False,)
    assert staff.passes[1][0] is True
    assert keepers.passes[0] == (True,)
    assert keepers.passes[1][0] is False
    assert everyone.passes[0] == (False,)


async def test_a_verdict_is_what_search_does(lab: Lab, restricted) -> None:
    for groups in (["staff"], ["keepers"], ["staff", "keepers", "confluence-users"]):
        report = await explain(lab, restricted, *groups)
        assert report.together.admitted == ("Below" in await lab.find("zebra", groups=groups))
    assert report.together.admitted
    assert (await why(lab, restricted)).restricted


async def test_access_to_an_unknown_page_cannot_be_explained(lab: Lab) -> None:
    with pytest.raises(NotFoundError):
        await explain(lab, "424242", "staff")


async def test_the_routes_answer_and_refuse_as_promised(lab: Lab, restricted) -> None:
    body = {
        "source_url": url(lab, restricted),
        "pinecone_config": {"rezolve_domain": "lab", "tenant_id": str(TENANT)},
    }
    asked = {**body, "principals": ["staff", "x@example.com"]}
    explained = "/v2/confluence/access/explain"
    async with call_lab(lab) as client:
        answer = await client.post("/v2/confluence/why", json=body)
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        assert (data["status"], data["restricted"]) == ("here", True)
        assert data["document"]["title"] == "Below"
        answer = await client.post(explained, json=asked)
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        assert [item["principals"] for item in data["each"]] == [
            ["group:staff"],
            ["email:x@example.com"],
        ]
        assert data["access"][0]["clauses"][0]["kind"] == "restriction"
        unknown = await client.post(explained, json={**asked, "source_url": url(lab, "42")})
        assert unknown.status_code == 404
        nowhere = await client.post("/v2/confluence/why", json={**body, "source_url": "nowhere"})
        assert nowhere.status_code == 422
        missing = await client.post(explained, json=body)
        assert missing.json()["detail"][0]["loc"] == ["body", "principals"]


def login(lab: Lab, *, token=None, web_url=None) -> Login:
    address = SiteAddress(lab.site.instance_url, web_url or lab.site.web_url)
    return Login(address, SiteCredential(lab.site.email, Secret(token or lab.site.token)))


async def locate(lab: Lab, content_id: str, given: Login | None = None):
    return await locate_page(lab.ports, TENANT, url(lab, content_id), given)


async def test_confluence_is_asked_what_became_of_a_page_that_is_not_in(lab: Lab) -> None:
    archived, trashed, purged, moved = pages(lab.world, 4)
    lab.world.add_space("ELSE", "Elsewhere")
    await lab.sync()
    lab.world.archive(archived)
    lab.world.trash(trashed)
    lab.world.purge(purged)
    lab.world.move(moved, key="ELSE")
    await lab.sync()
    new = lab.world.create_page("LAB", "New", "<p>just written</p>").id
    found = {key: await locate(lab, key, login(lab)) for key in (archived, trashed, purged)}
    assert [item.presence for item in found.values()] == [
        Presence.ARCHIVED,
        Presence.TRASHED,
        Presence.NOT_VISIBLE,
    ]
    assert "include_archived" in found[archived].message
    not_synced = [await locate(lab, key, login(lab)) for key in (new, moved)]
    assert {item.presence for item in not_synced} == {Presence.NOT_SYNCED}
    assert "the next sync of the space LAB" in not_synced[0].message
    assert "nothing was uploaded" in not_synced[1].message


async def test_a_page_that_was_deleted_on_request_is_said_to_be_so(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    await lab.sync()
    await delete_by_url(lab.ports, TENANT, url(lab, page), include_descendants=False)
    found = await locate(lab, page, login(lab))
    assert found.presence is Presence.NOT_SYNCED
    assert "deleted here on request" in found.message


async def test_a_credential_that_a_job_keeps_will_do(lab: Lab) -> None:
    ids = pages(lab.world, 40)
    await lab.sync()
    assert (await locate(lab, "4711")).presence is Presence.NOT_KNOWN, "none is kept"
    for content_id in ids[:30]:
        lab.world.archive(content_id)
    assert (await lab.sync()).progress.documents.held == 30
    assert (await locate(lab, ids[0])).presence is Presence.HELD
    other = lab.world.create_page("LAB", "New", "<p>just written</p>").id
    assert (await locate(lab, other)).presence is Presence.NOT_SYNCED


async def test_a_kept_credential_that_is_refused_leaves_the_catalogs_answer(lab: Lab) -> None:
    ids = pages(lab.world, 40)
    await lab.sync()
    for content_id in ids[:30]:
        lab.world.purge(content_id)
    await lab.sync()
    lab.world.people.admin.token = "another"
    found = await locate(lab, "4711")
    assert found.presence is Presence.NOT_KNOWN
    assert "could not be asked with the stored credential" in found.message


async def test_a_given_credential_must_open_the_links_confluence(lab: Lab) -> None:
    pages(lab.world, 1)
    await lab.sync()
    with pytest.raises(SourceRefusedError):
        await locate(lab, "4711", login(lab, token="wrong"))
    with pytest.raises(InvalidInputError, match="name the same Confluence"):
        await locate(lab, "4711", login(lab, web_url="https://other.example/wiki"))


async def test_the_route_takes_a_login_and_says_what_confluence_says(lab: Lab) -> None:
    (page,) = pages(lab.world, 1)
    lab.world.archive(page)
    await lab.sync()
    body = {
        "source_url": url(lab, page),
        "pinecone_config": {"rezolve_domain": "acme", "tenant_id": str(TENANT)},
    }
    authorization = {
        "instance_url": lab.site.instance_url,
        "web_url_instance": lab.site.web_url,
        "username": lab.site.email,
        "api_token": lab.site.token,
    }
    async with call_lab(lab) as http:
        alone = (await http.post("/v2/confluence/why", json=body)).json()["data"]
        asked = await http.post("/v2/confluence/why", json={**body, "authorization": authorization})
        refused = await http.post(
            "/v2/confluence/why",
            json={**body, "authorization": {**authorization, "api_token": "wrong"}},
        )
    assert alone["status"] == "not_known"
    assert "authorization brings one" in alone["message"]
    assert (asked.status_code, asked.json()["data"]["status"]) == (200, "archived")
    assert refused.status_code == 403
