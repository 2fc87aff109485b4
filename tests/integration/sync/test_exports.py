"""An export holds every document the reader may see, with its text and who may read it."""

import json
from dataclasses import replace

import pytest

from headwater.domain.access import make_reader
from headwater.domain.jobs import ContentRestriction
from headwater.services.exporting import stream_export
from tests.integration.sync.lab import KEY, TENANT, open_light_lab, paragraphs


@pytest.fixture
async def lab(tmp_path):
    async with open_light_lab(tmp_path) as lab:
        world = lab.world
        world.people.add_group("board")
        open_page = world.create_page(KEY, "Open", paragraphs("for all of us"))
        world.label(open_page.id, "handbook")
        secret = world.create_page(KEY, "Secret", paragraphs("for the board"), parent=open_page.id)
        world.restrict(secret.id, groups=["board"])
        await lab.sync(restriction=ContentRestriction(source_restriction=True))
        yield lab


async def export(ports, **options):
    found = stream_export(ports, TENANT, **{"reader": None, **options})
    return {item.entry.known.title: item async for item in found}


async def test_a_row_says_all_there_is_to_say(lab):
    found = await export(lab.ports)
    row = found["Secret"].describe()
    assert row == json.loads(json.dumps(row))
    assert (row["space"], row["content_type"], row["complete"]) == (KEY, "page", True)
    assert row["source_url"].startswith(lab.site.web_url)
    assert row["losses"] == {}
    assert any("group:board" in clause for clause in row["access"])
    assert found["Open"].describe()["labels"] == ["handbook"]
    assert "group:board" not in str(found["Open"].describe()["access"])
    assert row["parent_id"] == found["Open"].entry.known.content_id
    assert "for the board" in found["Secret"].document.markdown


async def test_a_reader_exports_what_he_may_see_and_a_space_only_itself(lab):
    readers = {
        group: set(await export(lab.ports, reader=make_reader(groups=[group, "confluence-users"])))
        for group in ("board", "staff")
    }
    assert readers["board"] - readers["staff"] == {"Secret"}
    assert await export(lab.ports, space="OTHER") == {}


class Late:
    """A store that has no text of any document until it is looked at for the n-th time."""

    def __init__(self, store, healthy_at) -> None:
        self.store, self.healthy_at, self.looks = store, healthy_at, 0

    async def read_chunks(self, namespace, ids):
        self.looks += 1
        found = await self.store.read_chunks(namespace, ids)
        return found if self.looks >= self.healthy_at else dict.fromkeys(ids, ())


@pytest.mark.parametrize(("healthy_at", "complete"), [(2, True), (9, False)])
async def test_a_document_that_is_being_written_is_read_again_and_else_says_so(
    lab, healthy_at, complete
):
    late = replace(lab.ports, store=Late(lab.ports.store, healthy_at))
    found = (await export(late))["Open"]
    assert found.describe()["complete"] is complete
    assert ("for all of us" in found.document.markdown) is complete
