"""Every kind of event in Confluence, by what the next sync does about it: see docs/explanation/what-a-sync-notices.md."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from headwater.domain.jobs import ContentRestriction, DocumentCounts, JobStatus
from headwater.sandbox.entities import Status
from headwater.sandbox.people import ADMIN_ACCOUNT, EVERYBODY
from headwater.sandbox.world import World
from tests.integration.sync.lab import KEY, Lab, paragraphs


@dataclass
class Wiki:
    """A small space: a tree of pages, and what hangs on them."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world, ids = self.world, self.ids
        ids["folder"] = world.create_folder(KEY, "Folder").id
        for name, parent in (
            ("top", None),
            ("child", "top"),
            ("grandchild", "child"),
            ("other", None),
            ("filed", "folder"),
            ("archived", None),
        ):
            above = ids[parent] if parent else None
            text = paragraphs(f"text of {name}")
            ids[name] = world.create_page(KEY, name.title(), text, parent=above).id
        world.archive(ids["archived"])
        draft = world.add_content(KEY, "Draft", paragraphs("a draft"), status=Status.DRAFT)
        live = world.add_content(KEY, "Live", paragraphs("a live doc"))
        live.is_live = True
        ids |= {"draft": draft.id, "live": live.id}
        ids["open"] = world.comment(ids["child"], "<p>open remark</p>", inline=True).id
        settled = world.comment(ids["other"], "<p>settled</p>", inline=True, resolved=True)
        ids["settled"] = settled.id
        ids["file"] = world.attach(ids["other"], "numbers.csv", b"name,1", media_type="text/csv").id

    def resolve(self, name: str, resolution: str) -> None:
        comment = self.world.comments[self.ids[name]]
        comment.resolution = resolution

    def rename_file(self, title: str) -> None:
        file = self.world.attachments[self.ids["file"]]
        file.title = title


PAGES = 6
"""In the index after the first sync: top, child, grandchild, other, filed, live."""

Change = Callable[[Wiki], object]
Event = tuple[Change, dict[str, int], int]
"""What happens, which documents that concerns (the others are unchanged), how many chunks are embedded."""

EVENTS: dict[str, Event] = {
    "nothing": (lambda _: None, {}, 0),
    "page created": (
        lambda wiki: wiki.world.create_page(KEY, "New", paragraphs("new")),
        {"added": 1, "listed": 1},
        1,
    ),
    "post created": (
        lambda wiki: wiki.world.create_blogpost(KEY, "News", paragraphs("news")),
        {"added": 1, "listed": 1},
        1,
    ),
    "edited": (
        lambda wiki: wiki.world.edit(wiki.ids["child"], paragraphs("another text")),
        {"updated": 1},
        1,
    ),
    "saved without a change": (
        lambda wiki: wiki.world.edit(wiki.ids["top"]),
        {"metadata_only": 1},
        0,
    ),
    "live doc edited": (
        lambda wiki: wiki.world.edit(wiki.ids["live"], paragraphs("another text")),
        {"updated": 1},
        1,
    ),
    "renamed": (lambda wiki: wiki.world.rename(wiki.ids["top"], "Summit"), {"updated": 1}, 1),
    "moved with all below it": (
        lambda wiki: wiki.world.move(wiki.ids["child"], parent=wiki.ids["other"]),
        {"metadata_only": 1},
        0,
    ),
    "moved to another space": (
        lambda wiki: wiki.world.move(wiki.ids["other"], key="OTHER"),
        {"deleted": 1, "listed": -1},
        0,
    ),
    "draft published": (
        lambda wiki: wiki.world.publish(wiki.ids["draft"]),
        {"added": 1, "listed": 1},
        1,
    ),
    "draft edited": (
        lambda wiki: wiki.world.edit(wiki.ids["draft"], "<p>still a draft</p>"),
        {},
        0,
    ),
    "trashed": (
        lambda wiki: wiki.world.trash(wiki.ids["grandchild"]),
        {"deleted": 1, "listed": -1},
        0,
    ),
    "archived": (
        lambda wiki: wiki.world.archive(wiki.ids["grandchild"]),
        {"deleted": 1, "listed": -1},
        0,
    ),
    "purged": (
        lambda wiki: wiki.world.purge(wiki.ids["grandchild"]),
        {"deleted": 1, "listed": -1},
        0,
    ),
    "taken out of the archive": (
        lambda wiki: wiki.world.restore(wiki.ids["archived"]),
        {"added": 1, "listed": 1},
        1,
    ),
    "labelled": (lambda wiki: wiki.world.label(wiki.ids["top"], "howto"), {"metadata_only": 1}, 0),
    "page restricted": (
        lambda wiki: wiki.world.restrict(wiki.ids["child"], users=[ADMIN_ACCOUNT]),
        {"metadata_only": 2},
        0,
    ),
    "folder restricted": (
        lambda wiki: wiki.world.restrict(wiki.ids["folder"], users=[ADMIN_ACCOUNT]),
        {"metadata_only": 1},
        0,
    ),
    "space permission changed": (
        lambda wiki: wiki.world.permit(KEY, users=[ADMIN_ACCOUNT], groups=[EVERYBODY]),
        {},
        0,
    ),
    "space renamed": (
        lambda wiki: setattr(wiki.world.find_space(KEY), "name", "Another name"),
        {},
        0,
    ),
    "space archived": (lambda wiki: wiki.world.archive_space(KEY), {}, 0),
    "comment added": (
        lambda wiki: wiki.world.comment(wiki.ids["top"], "<p>a remark</p>"),
        {"updated": 1},
        1,
    ),
    "comment resolved": (lambda wiki: wiki.resolve("open", "resolved"), {"updated": 1}, 1),
    "comment reopened": (lambda wiki: wiki.resolve("settled", "open"), {"updated": 1}, 1),
    "comment deleted": (
        lambda wiki: wiki.world.delete_comment(wiki.ids["open"]),
        {"updated": 1},
        1,
    ),
}

FILE_EVENTS: dict[str, Event] = {
    "attached": (
        lambda wiki: wiki.world.attach(wiki.ids["top"], "new.csv", b"n,2", media_type="text/csv"),
        {"added": 1, "listed": 1},
        1,
    ),
    "replaced": (
        lambda wiki: wiki.world.attach(
            wiki.ids["other"], "numbers.csv", b"name,2", media_type="text/csv"
        ),
        {"updated": 1},
        1,
    ),
    "renamed": (lambda wiki: wiki.rename_file("figures.csv"), {"updated": 1}, 1),
    "removed": (
        lambda wiki: wiki.world.detach(wiki.ids["file"]),
        {"deleted": 1, "listed": -1},
        0,
    ),
}


async def sync_twice(lab: Lab, change: Change):
    lab.world.add_space("OTHER", "Other")
    wiki = Wiki(lab.world)
    access = {"restriction": ContentRestriction(source_restriction=True)}
    first = await lab.sync(**access)
    assert first.progress.documents.added == PAGES
    change(wiki)
    return await lab.sync(**access)


def expect(before: int, changes: dict[str, int]) -> DocumentCounts:
    changed = {name: number for name, number in changes.items() if name != "listed"}
    listed = before + changes.get("listed", 0)
    unchanged = listed - sum(changed.values()) + changed.get("deleted", 0)
    return DocumentCounts(listed=listed, done=listed, unchanged=unchanged, **changed)


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_on_pages(lab: Lab, name: str) -> None:
    change, changes, embedded = EVENTS[name]
    job = await sync_twice(lab, change)
    assert job.status is JobStatus.SUCCEEDED
    assert job.progress.documents == expect(PAGES, changes)
    assert job.progress.chunks.embedded == embedded


@pytest.mark.parametrize("name", FILE_EVENTS)
async def test_an_event_on_attachments(lab: Lab, name: str) -> None:
    change, changes, embedded = FILE_EVENTS[name]
    job = await sync_twice(lab, change)
    assert job.status is JobStatus.SUCCEEDED
    assert job.progress.attachments == expect(1, changes)
    assert job.progress.documents.unchanged == PAGES
    assert job.progress.chunks.embedded == embedded
