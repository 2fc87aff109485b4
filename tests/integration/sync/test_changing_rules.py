"""Whatever the rules were before: an index is what the present ones would make of the space afresh."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from headwater.adapters.catalog.schema import documents
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.memory_store import MemoryStore
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId, Namespace, TenantId
from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.domain.settings import BlacklistKind, SyncSettings
from headwater.sandbox.world import World
from headwater.services.settings import add_entry, list_entries, remove_entry
from tests.integration.sync.lab import KEY, Lab, open_light_lab, paragraphs
from tests.integration.sync.oracle import check_counts

MINDING = ContentRestriction(blacklisted=True)
LABELS = ("draft", "secret", "handbook")
STATE = ("content_id", "state", "skip_reason", "version", "title", "chunk_hashes", "access_scope")
"""What an index holds of a document, however it came there."""


def populate(world: World, dice: Random) -> list[str]:
    """Add pages, folders and posts; return the ids of the pages."""
    places: list[str | None] = [None]
    pages = []
    for number in range(12):
        parent = dice.choice(places)
        if number % 4 == 3:
            places.append(world.create_folder(KEY, f"Folder {number}", parent=parent).id)
            continue
        page = world.create_page(
            KEY, f"Page {number}", paragraphs(f"words {number}"), parent=parent
        )
        world.label(page.id, *dice.sample(LABELS, dice.randrange(3)))
        if dice.random() < 0.5:
            world.attach(page.id, dice.choice(["a.txt", "b.md"]), b"words", media_type="text/plain")
        places.append(page.id)
        pages.append(page.id)
    world.create_blogpost(KEY, "Post", paragraphs("words of a post"))
    return pages


def disturb(world: World, pages: list[str], dice: Random) -> None:
    """Change something that rules look at."""
    page = dice.choice(pages)
    match dice.randrange(4):
        case 0:
            world.label(page, dice.choice(LABELS))
        case 1:
            world.unlabel(page, *LABELS)
        case 2:
            world.edit(page, paragraphs(f"other words {dice.random()}"))
        case 3:
            above = dice.choice(pages)
            ancestors = {item.id for item in world.tree.list_ancestors(world.find_content(above))}
            if page not in {above, *ancestors}:
                world.move(page, parent=above)


def draw_settings(pages: list[str], dice: Random) -> SyncSettings:
    kinds = dice.sample(list(DocumentKind), dice.randrange(4))
    chosen: dict[str, Any] = {
        "content_types": frozenset(kinds),
        "include_labels": frozenset(dice.sample(LABELS, 2)),
        "exclude_labels": frozenset(dice.sample(LABELS, 1)),
        "root_pages": frozenset(map(ContentId, dice.sample(pages, 2))),
        "attachment_types": frozenset({"txt"}),
        "max_attachment_bytes": 3,
    }
    names = dice.sample(sorted(chosen), dice.randrange(3))
    return SyncSettings(**{name: chosen[name] for name in names})


def draw_entries(pages: list[str], dice: Random) -> list[tuple[BlacklistKind, str]]:
    entries = [
        (BlacklistKind.PAGE, dice.choice(pages)),
        (BlacklistKind.TREE, dice.choice(pages)),
        (BlacklistKind.LABEL, dice.choice(LABELS)),
    ]
    return dice.sample(entries, dice.randrange(3))


async def read_state(lab: Lab) -> dict[str, Mapping[str, Any]]:
    query = select(documents).where(documents.c.tenant == str(lab.tenant))
    async with lab.stores.engine.connect() as connection:
        rows = (await connection.execute(query)).mappings().all()
    stored = await lab.ports.store.list_documents(Namespace(lab.tenant))
    return {
        row["document_id"]: {name: row[name] for name in STATE}
        | {"stored": stored.get(row["document_id"], 0)}
        for row in rows
    }


def start_afresh(lab: Lab, number: int) -> Lab:
    ports = replace(lab.ports, store=MemoryStore(), embedder=MemoryEmbedder())
    return replace(lab, tenant=TenantId(str(UUID(int=1000 + number))), ports=ports)


async def sync(lab: Lab, settings: SyncSettings, entries: list[tuple[BlacklistKind, str]]) -> None:
    for known in await list_entries(lab.ports, lab.tenant):
        await remove_entry(lab.ports, lab.tenant, known.id)
    for kind, value in entries:
        await add_entry(lab.ports, lab.tenant, kind, value)
    job = await lab.sync(restriction=MINDING, settings=settings)
    assert job.status is JobStatus.SUCCEEDED, job.message
    check_counts(job)


async def play(lab: Lab, *, seed: int, steps: int) -> None:
    dice = Random(seed)  # noqa: S311  (chance for tests)
    pages = populate(lab.world, dice)
    for step in range(steps):
        disturb(lab.world, pages, dice)
        rules = draw_settings(pages, dice), draw_entries(pages, dice)
        await sync(lab, *rules)
        fresh = start_afresh(lab, step)
        await sync(fresh, *rules)
        assert await read_state(lab) == await read_state(fresh), (seed, step, rules)


async def test_an_index_follows_the_present_rules_alone(tmp_path) -> None:
    async with open_light_lab(tmp_path) as lab:
        await play(lab, seed=7, steps=3)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(40))
async def test_an_index_follows_the_present_rules_alone_through_many_changes(
    tmp_path, seed: int
) -> None:
    async with open_light_lab(tmp_path) as lab:
        await play(lab, seed=seed, steps=12)
