"""What a sync costs Confluence: requests by kind, for a first, an unchanged and an edited space.

Every bound is asserted, so a run that ends well has kept them. Neither the embedder nor the store costs
anything here; the sandbox, over real HTTP, is in a process of its own. Requests are exact; seconds
compare only within one run.

    .venv/bin/python -m benchmarks.sync_costs --pages 1000 10000
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from urllib.parse import unquote_plus

from rich.console import Console
from rich.table import Table

from benchmarks.rig.service import IN_MEMORY, Report, Service, run_service
from headwater.sandbox.desk import Visit
from headwater.sandbox.faces import Cloud, DataCenter, Face
from headwater.sandbox.generator import Recipe, generate_world, name_page
from headwater.sandbox.server import Sandbox, run_sandbox_thread

EVERY = 4
"""A space with attachments and comments has one of each on every so many pages."""

WORDS = 60
"""On a page: their number costs no request."""

MARKS = {
    "files": ("/download",),
    "attachments": ("type = attachment",),
    "comments": ("type = comment", "type=comment"),
    "labels, rights": ("metadata.labels",),
    "bodies": ("v2/pages?id=", "v2/blogposts?id=", "cql=id in ("),
    "listing": ("/pages?", "/blogposts?", "/content/scan?"),
}
"""What tells the kinds of requests apart; the first that fits counts."""

KINDS = ("listing", "bodies", "labels, rights", "attachments", "comments", "files", "other")


@dataclass(frozen=True, slots=True)
class Space:
    """A space to sync, by the number of its pages, attachments and comments."""

    pages: int
    attachments: int
    comments: int

    @property
    def first(self) -> int:
        """The most requests that a first sync may take, downloads of files aside."""
        return self.pages // 100 + self._beside + 20

    @property
    def unchanged(self) -> int:
        """The same for a sync that finds everything as it was."""
        return ceil(self.pages / 250) + self._beside + 20

    @property
    def _beside(self) -> int:
        return ceil(self.pages / 200) + ceil(self.attachments / 250) + ceil(self.comments / 250)


@dataclass(frozen=True, slots=True)
class Sync:
    """One measured sync."""

    face: Face
    space: Space
    what: str
    requests: Counter[str]
    report: Report

    @property
    def total(self) -> int:
        """All requests but the downloads of files, which nothing bundles."""
        return self.requests.total() - self.requests["files"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--bare", action="store_true", help="only spaces of pages alone")
    options = parser.parse_args()
    table = _make_table()
    for pages in options.pages:
        for every in (0,) if options.bare else (0, EVERY):
            for face in (Cloud(), DataCenter()):
                for sync in _measure(face, pages, every):
                    table.add_row(*_make_row(sync))
                    print(*_make_row(sync), flush=True)
                    _check(sync)
    Console(width=170).print(table)


def _measure(face: Face, pages: int, every: int) -> Iterator[Sync]:
    recipe = Recipe(
        pages=pages, words_per_page=WORDS, attachments_every=every, comments_every=every
    )
    hanging = pages // every if every else 0
    space = Space(pages, hanging, hanging)
    with (
        run_sandbox_thread(generate_world(recipe), face=face) as site,
        run_service(store=IN_MEMORY) as service,
    ):
        yield Sync(face, space, "first", *_sync(service, site))
        yield Sync(face, space, "unchanged", *_sync(service, site))
        _edit(site, pages // 2)
        yield Sync(face, space, "one edit", *_sync(service, site))


def _sync(service: Service, site: Sandbox) -> tuple[Counter[str], Report]:
    site.requests.clear()
    report = service.upload(site)
    assert report.status == "succeeded", report.message
    return Counter(_name_kind(visit) for visit in site.requests.all), report


def _edit(site: Sandbox, index: int) -> None:
    page = site.world.find_content(name_page(index))
    site.world.edit(page.id, page.body + "<h2>Added</h2><p>One more paragraph stands here.</p>")


def _name_kind(visit: Visit) -> str:
    asked = f"{visit.path}?{unquote_plus(visit.query)}"
    return next((kind for kind, marks in MARKS.items() if any(map(asked.count, marks))), "other")


def _check(sync: Sync) -> None:
    space, embedded = sync.space, sync.report.embedded
    if sync.what == "first":
        assert isinstance(sync.face, DataCenter) or sync.total <= space.first, sync.requests
        assert embedded >= space.pages
        return
    most = space.unchanged + (5 if sync.what == "one edit" else 0)
    assert isinstance(sync.face, DataCenter) or sync.total <= most, sync.requests
    assert embedded <= (2 if sync.what == "one edit" else 0), embedded


def _make_table() -> Table:
    table = Table(title="Requests of one sync, by what they ask for", title_justify="left")
    for name in ("face", "pages", "files", "comments", "sync"):
        table.add_column(name, justify="right")
    for name in (*KINDS, "total", "bound", "embedded", "seconds", "of processor"):
        table.add_column(name, justify="right")
    return table


def _make_row(sync: Sync) -> list[str]:
    space = sync.space
    bound = space.first if sync.what == "first" else space.unchanged
    numbers = (space.pages, space.attachments, space.comments)
    return [
        "Cloud" if isinstance(sync.face, Cloud) else "Data Center",
        *(f"{number:,}" for number in numbers),
        sync.what,
        *(str(sync.requests[kind]) for kind in KINDS),
        str(sync.total),
        str(bound + (5 if sync.what == "one edit" else 0)),
        str(sync.report.embedded),
        f"{sync.report.seconds:.1f}",
        f"{sync.report.processor:.1f}",
    ]


if __name__ == "__main__":
    main()
