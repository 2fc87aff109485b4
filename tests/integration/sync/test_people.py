"""People are found by name: on pages that mention them and in comments that they wrote."""

from dataclasses import replace

import pytest
from starlette.responses import Response

from headwater.domain.jobs import JobStatus
from headwater.sandbox.faces import Cloud, DataCenter
from tests.integration.sync.lab import KEY, open_lab, paragraphs


@pytest.fixture(params=[Cloud(), DataCenter()], ids=["cloud", "data center"])
def face(request):
    return request.param


@pytest.fixture
async def lab(face, tmp_path):
    async with open_lab(tmp_path, face=face) as opened:
        people = opened.world.people
        people.add_user("ann", "ann@example.org", "Annabel Quintessa")
        people.add_user("bob", "bob@example.org", "Bobby Zweistein")
        yield opened


def mention(lab, account):
    is_cloud = "/wiki" in lab.site.instance_url
    key = lab.world.people.users[account].user_key
    name = f'account-id="{account}"' if is_cloud else f'userkey="{key}"'
    return f"<ac:link><ri:user ri:{name}/></ac:link>"


def count_requests(lab):
    return sum(
        visit.path.endswith(("/users-bulk", "/rest/api/user")) for visit in lab.site.requests.all
    )


async def test_a_page_is_found_by_the_names_of_those_on_it(lab):
    page = lab.world.create_page(KEY, "Rota", paragraphs(f"on call: {mention(lab, 'ann')}"))
    lab.world.comment(page.id, f"<p>not me, {mention(lab, 'ann')}</p>", author="bob")
    job = await lab.sync()
    assert (job.status, job.progress.losses) == (JobStatus.SUCCEEDED, {})
    assert await lab.find("Quintessa") == await lab.find("Zweistein") == ["Rota"]


async def test_a_name_is_asked_for_once_however_many_pages_it_stands_on(lab, face):
    for number in range(150):
        body = paragraphs(f"row {number} by {mention(lab, 'ann')}", mention(lab, "bob"))
        lab.world.create_page(KEY, f"Rota {number}", body)
    await lab.sync()
    first = count_requests(lab)
    assert first == (1 if isinstance(face, Cloud) else 2)
    await lab.sync(incremental=False)
    assert count_requests(lab) == first


async def test_somebody_whose_name_is_not_told_keeps_his_id_and_is_counted(lab):
    body = paragraphs('by <ac:link><ri:user ri:account-id="gone77"/></ac:link>')
    lab.world.create_page(KEY, "Rota", body)
    job = await lab.sync()
    assert (job.status, job.progress.losses) == (JobStatus.SUCCEEDED, {"mention": 1})
    assert await lab.find("gone77") == ["Rota"]


async def test_another_name_changes_no_page_until_the_page_is_read_again(lab):
    page = lab.world.create_page(KEY, "Rota", paragraphs(f"by {mention(lab, 'ann')}"))
    await lab.sync()
    users = lab.world.people.users
    users["ann"] = replace(users["ann"], name="Annabel Married")
    embedded = lab.embedder.texts_embedded
    assert (await lab.sync()).progress.documents.unchanged == 1
    assert lab.embedder.texts_embedded == embedded
    lab.ports.sources._names._entries.clear()  # a day passes
    lab.world.edit(page.id, paragraphs(f"by {mention(lab, 'ann')}", "and more"))
    await lab.sync()
    assert await lab.find("Married") == ["Rota"]


async def test_names_that_broke_off_are_read_by_the_next_sync(lab):
    page = lab.world.create_page(KEY, "Rota", paragraphs("on call: nobody"))
    lab.world.comment(page.id, f"<p>ask {mention(lab, 'ann')}</p>", author="bob")

    async def break_off(_, template, answer):
        is_people = template.endswith(("/users-bulk", "/rest/api/user"))
        return Response(status_code=502) if is_people else answer

    lab.site.faults.append(break_off)
    job = await lab.sync()
    assert job.progress.documents.added == 1
    assert job.progress.losses["mention"] >= 1
    lab.site.faults.remove(break_off)
    assert (await lab.sync()).progress.documents.updated == 1
    assert await lab.find("Quintessa") == await lab.find("Zweistein") == ["Rota"]
    assert (await lab.sync()).progress.documents.unchanged == 1
