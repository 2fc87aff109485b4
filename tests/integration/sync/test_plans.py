"""A plan says what the upload then does, and leaves no trace."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.domain.errors import SourceRefusedError, SpaceNotFoundError
from headwater.domain.ids import ContentId, JobId, SpaceKey
from headwater.domain.jobs import (
    ContentRestriction,
    JobRef,
    ProcessorMode,
    SiteAddress,
    SiteCredential,
    UploadRequest,
)
from headwater.domain.secrets import Secret
from headwater.services.costs import estimate_cost
from headwater.services.deletion import delete_by_url
from headwater.services.plans import plan_upload
from headwater.services.sync.rehearsal import ScratchWork
from tests.contract.catalog_samples import make_listed
from tests.integration.sync.lab import TENANT, Lab, pages
from tests.integration.sync.serving import call_lab

NAMES = ("added", "updated", "metadata_only", "unchanged", "skipped", "deleted", "held")


async def plan(lab: Lab, *, token=None, **changes):
    request = {
        "address": SiteAddress(lab.site.instance_url, lab.site.web_url),
        "space": SpaceKey("LAB"),
        "incremental": True,
        "use_ocr": False,
        "processor_mode": ProcessorMode.AUTO,
        "rezolve_domain": "lab",
        "restriction": ContentRestriction(),
        **changes,
    }
    credential = SiteCredential(lab.site.email, Secret(token or lab.site.token))
    return await plan_upload(lab.ports, TENANT, UploadRequest(**request), credential)


def outcome(counts):
    return {name: getattr(counts, name) for name in NAMES}


async def change_everything(lab: Lab) -> None:
    """Sync a space, then change it in every way."""
    ids = pages(lab.world, 6)
    lab.world.attach(ids[5], "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    lab.world.edit(ids[0], text="<p>other words</p>")
    lab.world.label(ids[1], "howto")
    lab.world.trash(ids[2])
    lab.world.move(ids[3], parent=ids[4])
    lab.world.create_page("LAB", "New", "<p>zebra</p>")
    lab.world.attach(ids[5], "more.txt", b"thread", media_type="text/plain")


@pytest.mark.parametrize("incremental", [True, False])
async def test_the_upload_does_what_the_plan_said(lab: Lab, incremental) -> None:
    await change_everything(lab)
    planned = await plan(lab, incremental=incremental)
    embedded = lab.embedder.texts_embedded
    job = await lab.sync(incremental=incremental)
    assert outcome(planned.documents) == outcome(job.progress.documents)
    assert outcome(planned.attachments) == outcome(job.progress.attachments)
    assert planned.cost.chunks == job.progress.chunks.embedded
    assert lab.embedder.texts_embedded > embedded
    assert job.progress.documents.updated == 1


async def test_a_plan_names_what_it_would_act_on(lab: Lab) -> None:
    await change_everything(lab)
    planned = await plan(lab)
    titles = {name: [item.title for item in items] for name, items in planned.samples.items()}
    assert titles["deleted"] == ["Page 2"]
    assert titles["updated"] == ["Page 0"]
    assert sorted(titles["added"]) == ["New", "more.txt"]
    assert sorted(titles["metadata_only"]) == ["Page 1", "Page 3"]


def dump(lab: Lab) -> list[str]:
    with closing(sqlite3.connect(str(lab.stores.engine.url.database))) as catalog:
        return list(catalog.iterdump())


async def test_a_plan_writes_nothing(lab: Lab) -> None:
    await change_everything(lab)
    before, indexed = dump(lab), await lab.indexed()
    await plan(lab, restriction=ContentRestriction(audience=("staff",), source_restriction=True))
    assert dump(lab) == before
    assert await lab.indexed() == indexed


async def test_a_plan_for_a_space_that_is_not_in_yet_counts_its_requests(lab: Lab) -> None:
    pages(lab.world, 10)
    planned = await plan(lab)
    job = await lab.sync()
    assert planned.documents.added == 10
    assert planned.cost.chunks == job.progress.chunks.embedded == 10
    assert planned.cost.requests == job.progress.requests
    assert planned.cost.tokens > 0
    assert planned.cost.seconds > 0


async def test_a_plan_of_what_is_in_already_embeds_nothing_and_counts_the_requests(
    lab: Lab,
) -> None:
    (page, *_) = pages(lab.world, 3)
    lab.world.attach(page, "notes.txt", b"needle", media_type="text/plain")
    lab.world.attach(
        page,
        "sketch.svg",
        b'<svg xmlns="http://www.w3.org/2000/svg"><text>thread</text></svg>',
        media_type="image/svg+xml",
    )
    first = await plan(lab)
    assert first.cost.ocr_pages == 0, "OCR was not asked for, and SVG needs none"
    await lab.sync()
    for incremental in (True, False):
        planned = await plan(lab, incremental=incremental)
        job = await lab.sync(incremental=incremental)
        assert (planned.cost.chunks, job.progress.chunks.embedded) == (0, 0)
        assert planned.cost.requests == job.progress.requests


async def test_a_plan_for_another_model_embeds_everything_and_changes_nothing(lab: Lab) -> None:
    (page, *_) = pages(lab.world, 3)
    lab.world.attach(page, "notes.txt", b"needle", media_type="text/plain")
    await lab.sync()
    other = MemoryEmbedder(dimension=lab.embedder.dimension * 2)
    planned = await plan(replace(lab, ports=replace(lab.ports, embedder=other)))
    assert (planned.documents.unchanged, planned.attachments.unchanged) == (3, 1)
    assert planned.cost.chunks == 4


async def test_a_plan_holds_what_the_upload_would_hold(lab: Lab) -> None:
    ids = pages(lab.world, 30)
    await lab.sync()
    for content_id in ids:
        lab.world.purge(content_id)
    planned = await plan(lab)
    assert (planned.documents.held, planned.documents.deleted) == (30, 0)
    assert len(planned.samples["held"]) == 20


async def test_a_plan_outlives_the_deletion_of_what_it_names(lab: Lab, monkeypatch) -> None:
    page, _ = pages(lab.world, 2)
    await lab.sync()
    lab.world.purge(page)
    link = f"{lab.site.web_url}/spaces/LAB/pages/{page}/Some+title"

    async def delete_first(*args, **kwargs):
        await delete_by_url(lab.ports, TENANT, link, include_descendants=False)
        return await estimate_cost(*args, **kwargs)

    monkeypatch.setattr("headwater.services.plans.estimate_cost", delete_first)
    planned = await plan(lab)
    assert [item.title for item in planned.samples["deleted"]] == ["Page 0"]


async def test_a_plan_sorts_its_list_once_however_often_it_is_read(monkeypatch) -> None:
    sorted_keys: list[str] = []

    def note(key):
        sorted_keys.append(key)
        return len(key), key

    monkeypatch.setattr("headwater.services.sync.rehearsal._place", note)
    work = ScratchWork()
    ref = JobRef(TENANT, JobId("rehearsal"))
    await work.add(ref, [make_listed(number) for number in range(2_000, 0, -1)])
    read: list[str] = []
    while items := await work.read(ref, after=ContentId(read[-1]) if read else None, limit=50):
        read += [item.listed.content_id for item in items]
    assert read == [str(number) for number in range(1, 2_001)]
    assert len(sorted_keys) < 2 * len(read)


async def test_a_plan_is_refused_where_the_upload_would_be(lab: Lab) -> None:
    with pytest.raises(SourceRefusedError):
        await plan(lab, token="wrong")
    with pytest.raises(SpaceNotFoundError):
        await plan(lab, space=SpaceKey("NONE"))


async def test_more_changed_pages_than_are_sampled_are_estimated_in_proportion(
    lab: Lab, monkeypatch
) -> None:
    monkeypatch.setattr("headwater.services.costs.SAMPLE", 5)
    pages(lab.world, 20)
    assert (await plan(lab)).cost.chunks == 20


async def test_the_route_answers_the_promised_shape(lab: Lab) -> None:
    pages(lab.world, 2)
    body = {
        "authorization": {
            "instance_url": lab.site.instance_url,
            "web_url_instance": lab.site.web_url,
            "username": lab.site.email,
            "api_token": lab.site.token,
        },
        "pinecone_config": {"rezolve_domain": "lab", "tenant_id": str(TENANT)},
        "sync_config": {"incremental": True, "processor_mode": "auto", "use_ocr": False},
        "space": "LAB",
    }
    async with call_lab(lab) as client:
        answer = await client.post("/v2/confluence/plan", json=body)
        assert answer.status_code == 200, answer.text
        missing = await client.post("/v2/confluence/plan", json={**body, "space": "NONE"})
    assert missing.status_code == 422
    assert missing.json()["detail"][0]["loc"] == ["body", "space"]
    shown = answer.json()
    assert shown["success"] is True
    assert shown["data"]["documents"] == {**dict.fromkeys(NAMES, 0), "added": 2}
    assert [item["title"] for item in shown["data"]["samples"]["added"]] == ["Page 0", "Page 1"]
    assert {"chunks_to_embed", "tokens", "requests", "ocr_pages", "estimated_seconds"} < set(
        shown["data"]
    )
