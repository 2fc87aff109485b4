"""Nobody finds what Confluence would not show him."""

from starlette.responses import JSONResponse

from headwater.adapters.confluence import content
from headwater.domain.ids import SiteId, SpaceKey
from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.sandbox.world import World
from headwater.services.job_reports import read_job
from headwater.services.sync.gathering import gather
from headwater.services.whereabouts import explain_access
from tests.integration.sync.lab import KEY, TENANT, Lab, pages, paragraphs

STRICT = ContentRestriction(source_restriction=True)
ALL = "everybody"


def add_groups(world: World, *names: str) -> None:
    for name in names:
        world.people.add_group(name)


def tree(world: World) -> tuple[str, str, str]:
    top = world.create_page(KEY, "Top", paragraphs("topword")).id
    middle = world.create_page(KEY, "Middle", paragraphs("middleword"), parent=top).id
    leaf = world.create_page(KEY, "Leaf", paragraphs("leafword"), parent=middle).id
    return top, middle, leaf


async def visible(lab: Lab, *groups: str) -> set[str]:
    found = [await lab.find(word, groups=groups) for word in ("topword", "middleword", "leafword")]
    return {title for titles in found for title in titles}


async def test_restrictions_of_all_ancestors_and_the_space_add_up(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board", "audit")
    lab.world.permit(KEY, groups=["staff"])
    _, middle, leaf = tree(lab.world)
    lab.world.restrict(middle, groups=["board"])
    lab.world.restrict(leaf, groups=["audit"])
    await lab.sync(restriction=STRICT)
    assert await visible(lab) == set()
    assert await visible(lab, "staff") == {"Top"}
    assert await visible(lab, "board", "audit") == set()
    assert await visible(lab, "staff", "board") == {"Top", "Middle"}
    assert await visible(lab, "staff", "board", "audit") == {"Top", "Middle", "Leaf"}


async def test_a_new_restriction_acts_with_the_next_sync_and_embeds_nothing(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff"])
    _, middle, _ = tree(lab.world)
    await lab.sync(restriction=STRICT)
    lab.world.restrict(middle, groups=["board"])
    job = await lab.sync(restriction=STRICT)
    assert job.progress.documents.metadata_only == 2
    assert job.progress.chunks.embedded == 0
    assert await visible(lab, "staff") == {"Top"}
    lab.world.restrict(middle)
    job = await lab.sync(restriction=STRICT)
    assert await visible(lab, "staff") == {"Top", "Middle", "Leaf"}
    assert job.progress.chunks.embedded == 0


async def test_a_change_of_members_of_a_restriction_rewrites_no_document(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board", "audit")
    lab.world.permit(KEY, groups=["staff"])
    _, _, leaf = tree(lab.world)
    lab.world.restrict(leaf, groups=["board"])
    await lab.sync(restriction=STRICT)
    lab.world.restrict(leaf, groups=["audit"])
    job = await lab.sync(restriction=STRICT)
    assert job.progress.documents.unchanged == 3
    assert "Leaf" not in await visible(lab, "staff", "board")
    assert "Leaf" in await visible(lab, "staff", "audit")


async def test_a_restricted_folder_closes_what_is_in_it(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff"])
    folder = lab.world.create_folder(KEY, "Folder").id
    lab.world.restrict(folder, groups=["board"])
    lab.world.create_page(KEY, "Leaf", paragraphs("leafword"), parent=folder)
    await lab.sync(restriction=STRICT)
    assert await visible(lab, "staff") == set()
    assert await visible(lab, "staff", "board") == {"Leaf"}


async def test_without_source_restriction_the_audience_alone_decides(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff"])
    _, middle, _ = tree(lab.world)
    lab.world.restrict(middle, groups=["board"])
    await lab.sync()
    assert await visible(lab) == {"Top", "Middle", "Leaf"}


async def test_a_moved_page_takes_the_restrictions_of_its_new_place(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff"])
    top, middle, leaf = tree(lab.world)
    lab.world.restrict(middle, groups=["board"])
    await lab.sync(restriction=STRICT)
    assert "Leaf" not in await visible(lab, "staff")
    lab.world.move(leaf, parent=top)
    await lab.sync(restriction=STRICT)
    assert "Leaf" in await visible(lab, "staff")


async def test_an_unreadable_space_permission_closes_everything_and_is_said(lab: Lab) -> None:
    tree(lab.world)
    lab.site.faults.append(
        lambda _request, route, answer: (
            JSONResponse({}, status_code=403) if route.endswith("/permissions") else answer
        )
    )
    job = await lab.sync(restriction=STRICT)
    assert await visible(lab, "staff", ALL) == set()
    assert "could not be read" in (job.message or "")


async def test_groups_whose_names_cannot_be_read_are_said(lab: Lab) -> None:
    group = lab.world.people.add_group("staff").id
    lab.world.permit(KEY, groups=["staff"])
    tree(lab.world)
    lab.site.faults.append(
        lambda _request, route, answer: (
            JSONResponse({}, status_code=403) if route.endswith("/group/by-id") else answer
        )
    )
    job = await lab.sync(restriction=STRICT)
    assert await visible(lab, "staff") == set()
    assert await visible(lab, group) != set(), "its id still passes"
    assert "the names of 1 group(s)" in (job.message or "")


async def test_a_running_job_says_which_confluence_it_reads_and_what_it_could_not(lab: Lab) -> None:
    tree(lab.world)
    lab.site.faults.append(
        lambda _request, route, answer: (
            JSONResponse({}, status_code=403) if route.endswith("/permissions") else answer
        )
    )
    ref = await lab.submit(restriction=STRICT)
    await gather(lab.ports, ref)
    message = (await read_job(lab.ports.jobs, ref)).message or ""
    assert message.startswith(f"Confluence Cloud, site {lab.world.cloud_id}: the account is known")
    assert "permissions could not be read" in message


async def names_seen(lab: Lab, *groups: str) -> set[str]:
    return set(await lab.find("everyword", groups=groups))


def page(lab: Lab, title: str, *, key: str = KEY, parent: str | None = None) -> str:
    return lab.world.create_page(key, title, paragraphs("everyword"), parent=parent).id


async def test_a_page_that_a_broken_listing_missed_is_not_opened_by_a_rule_it_left(
    lab: Lab, monkeypatch
) -> None:
    monkeypatch.setattr(content, "_PAGE_SIZE", 1)
    add_groups(lab.world, "board", "audit", "press")
    gate, other = page(lab, "Gate"), page(lab, "Other")
    inner = page(lab, "Inner", parent=gate)
    lab.world.restrict(gate, groups=["board"])
    lab.world.restrict(other, groups=["audit"])
    lab.world.permit(KEY, groups=["board", "audit", "press"])
    await lab.sync(restriction=STRICT)
    assert await names_seen(lab, "board") == {"Gate", "Inner"}
    lab.world.move(inner, parent=other)
    lab.world.restrict(gate, groups=["press"])
    lab.site.faults.append(break_listing_before(inner))
    job = await lab.sync(restriction=STRICT)
    assert job.status is JobStatus.PARTIAL
    assert await names_seen(lab, "press") == {"Gate"}, "it never saw Inner"
    lab.site.faults.clear()
    await lab.sync(restriction=STRICT)
    assert await names_seen(lab, "audit") == {"Other", "Inner"}


def break_listing_before(content_id: str):
    """Return a fault that refuses the page of the listing that holds the document."""

    def fault(_request, route: str, answer):
        is_hit = route == "/wiki/api/v2/spaces/{id}/pages" and f'"{content_id}"' in (
            answer.body.decode()
        )
        return JSONResponse({}, status_code=503) if is_hit else answer

    return fault


async def test_an_attachment_that_the_search_left_out_follows_its_page(lab: Lab) -> None:
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff"])
    holder = page(lab, "Holder")
    lab.world.attach(holder, "plan.txt", b"everyword", media_type="text/plain")
    await lab.sync(restriction=STRICT)
    assert await names_seen(lab, "staff") == {"Holder", "plan.txt"}
    lab.world.restrict(holder, groups=["board"])
    lab.site.faults.append(
        lambda request, _route, answer: (
            JSONResponse({"results": [], "_links": {}})
            if "type = attachment" in request.query_params.get("cql", "")
            else answer
        )
    )
    await lab.sync(restriction=STRICT)
    assert await names_seen(lab, "staff") == set()


async def test_an_attachment_that_went_before_its_page_was_opened_is_shown_to_nobody_new(
    lab: Lab,
) -> None:
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff", "board"])
    gate = page(lab, "Gate")
    holder = page(lab, "Holder", parent=gate)
    lab.world.restrict(gate, groups=["staff"])
    lab.world.restrict(holder, groups=["staff", "board"])
    file = lab.world.attach(holder, "plan.txt", b"everyword", media_type="text/plain")
    await lab.sync(restriction=STRICT)
    lab.world.detach(file.id)
    lab.world.restrict(gate)
    lab.site.faults.append(
        lambda request, _route, answer: (
            JSONResponse({}, status_code=503)
            if "type = attachment" in request.query_params.get("cql", "")
            else answer
        )
    )
    job = await lab.sync(restriction=STRICT)
    assert job.status is JobStatus.PARTIAL
    assert await names_seen(lab, "board") == {"Gate", "Holder"}, "it never saw the file"
    lab.site.faults.clear()
    await lab.sync(restriction=STRICT)
    assert await names_seen(lab, "board") == {"Gate", "Holder"}
    assert await names_seen(lab, "staff") == {"Gate", "Holder"}


async def test_a_page_that_moved_away_opens_nothing_in_the_space_it_left(lab: Lab) -> None:
    add_groups(lab.world, "board", "audit", "press")
    lab.world.add_space("NEWLAB", "New lab")
    gate, other = page(lab, "Gate"), page(lab, "Other")
    inner = page(lab, "Inner", parent=gate)
    lab.world.restrict(gate, groups=["board"])
    lab.world.restrict(other, groups=["audit"])
    for key in (KEY, "NEWLAB"):
        lab.world.permit(key, groups=["board", "audit", "press"])
    await lab.sync(restriction=STRICT)
    lab.world.move(inner, parent=other)
    lab.world.move(gate, key="NEWLAB")
    lab.world.restrict(gate, groups=["press"])
    await lab.sync(restriction=STRICT, space=SpaceKey("NEWLAB"))
    assert await names_seen(lab, "press") == {"Gate"}, "it never saw Inner"
    await lab.sync(restriction=STRICT)
    assert await names_seen(lab, "audit") == {"Other", "Inner"}


async def test_an_upload_that_ends_early_has_narrowed_the_audience_for_good(lab: Lab) -> None:
    tree(lab.world)
    await lab.sync()
    assert await visible(lab) == {"Top", "Middle", "Leaf"}
    ref = await lab.submit(restriction=ContentRestriction(audience=("staff",)))
    lab.site.faults.append(
        lambda _request, route, answer: (
            JSONResponse({}, status_code=401) if route.endswith("/pages") else answer
        )
    )
    await lab.run(ref)
    assert await visible(lab) == set()
    space = await lab.ports.catalog.find_space(TENANT, SiteId(lab.world.cloud_id), SpaceKey(KEY))
    assert space
    assert space.restriction.audience == ("staff",), "a later retry takes this one"


async def test_tightening_does_not_wait_for_confluence(lab: Lab) -> None:
    tree(lab.world)
    await lab.sync()
    ref = await lab.submit(restriction=ContentRestriction(audience=("staff",)))
    lab.site.faults.append(lambda *_: JSONResponse({}, status_code=503))
    job = await lab.run(ref)
    assert job.status is JobStatus.FAILED
    assert await visible(lab) == set()
    assert await visible(lab, "staff") == {"Top", "Middle", "Leaf"}
    space = await lab.ports.catalog.find_space(TENANT, SiteId(lab.world.cloud_id), SpaceKey(KEY))
    assert space
    assert space.restriction.audience == ("staff",), "a later retry takes this one"


async def hold_restricted_pages(lab: Lab) -> str:
    """Leave thirty held pages, one named Held, that the board alone may read; return their gate."""
    add_groups(lab.world, "staff", "board")
    lab.world.permit(KEY, groups=["staff"])
    gate = page(lab, "Gate")
    lab.world.restrict(gate, groups=["board"])
    held = [page(lab, "Held", parent=gate), *pages(lab.world, 29, parent=gate)]
    await lab.sync(restriction=STRICT)
    for content_id in held:
        lab.world.trash(content_id)
    return gate


async def test_held_pages_stay_as_findable_as_they_were_when_the_same_upload_widens(
    lab: Lab,
) -> None:
    await hold_restricted_pages(lab)
    job = await lab.sync()
    assert job.progress.documents.held == 30
    assert await names_seen(lab) == {"Gate"}
    assert "Held" in await names_seen(lab, "staff", "board")


async def test_a_later_tightening_reaches_pages_that_are_held_apart(lab: Lab) -> None:
    gate = await hold_restricted_pages(lab)
    await lab.sync()
    lab.site.faults.append(break_listing_before(gate))
    await lab.sync(restriction=ContentRestriction(audience=("audit",)))
    assert await names_seen(lab, "staff", "board") == set()
    assert "Held" in await names_seen(lab, "staff", "board", "audit")


async def test_what_holds_a_held_page_apart_is_explained(lab: Lab) -> None:
    await hold_restricted_pages(lab)
    await lab.sync()
    found = await lab.ports.catalog.read_titled(TENANT, SpaceKey(KEY), "Held")
    report = await explain_access(
        lab.ports.catalog, TENANT, found[0].known.source_url, ["staff", "board"]
    )
    assert [set(link.names) for link in report.chain] == [
        {"as_last_seen"},
        {"restriction"},
        {"audience"},
    ]
    assert report.together.admitted
    assert not any(verdict.admitted for verdict in report.each)
