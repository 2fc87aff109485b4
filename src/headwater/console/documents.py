"""The documents of a space as a tree, and each of them beside its chunks."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headwater.console.document_views import (
    Leaf,
    Stretch,
    describe_losses,
    list_answers,
    list_steps,
    name_kind,
    show_presence,
)
from headwater.console.parameters import read_parameter, read_parameters
from headwater.console.rendering import render
from headwater.console.visits import Visit, admit, ports_of
from headwater.domain.access import parse_principal
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, make_document_id
from headwater.ports import CatalogEntry, Ports, Position
from headwater.ports.library import SortKey
from headwater.services.overview import SpaceSummary, summarize_spaces
from headwater.services.reading import (
    ReadDocument,
    list_level,
    read_breadcrumb,
    read_document,
    read_entry,
)
from headwater.services.whereabouts import (
    describe_presence,
    judge_access,
    judge_presence,
    read_chain,
)

LEAVES: Final = 100
CHUNKS: Final = 50
"""On one page; what a document has beyond them is on the next ones."""

router = APIRouter()


@router.get("/documents")
async def show_documents(request: Request) -> Response:
    """Show the spaces, or a level of one space's tree."""
    visit = await admit(request)
    ports = ports_of(request)
    spaces = await summarize_spaces(ports, visit.tenant, reader=visit.sight)
    if not read_parameter(request, "space"):
        return render(request, "documents.html", spaces=spaces, chosen=None)
    chosen = _choose(request, spaces)
    above = await _read_above(request, ports, visit, chosen)
    level = await _list_leaves(request, ports, visit)
    return render(request, "documents.html", spaces=spaces, chosen=chosen, above=above, **level)


@router.get("/documents/level")
async def show_level(request: Request) -> Response:
    """Show what is below one document, as a part of the tree."""
    visit = await admit(request)
    return render(request, "level.html", **await _list_leaves(request, ports_of(request), visit))


@router.get("/documents/one")
async def show_document(request: Request) -> Response:
    """Show a document: its text beside its chunks, its losses, who may read it and why."""
    visit = await admit(request)
    ports = ports_of(request)
    document_id = DocumentId(read_parameter(request, "id"))
    found = await read_document(ports, visit.tenant, document_id, reader=visit.sight)
    entry = found.entry
    above = await read_breadcrumb(ports, visit.tenant, entry, reader=visit.sight)
    return render(
        request,
        "document.html",
        entry=entry,
        kind=name_kind(entry.known.kind),
        badge=show_presence(judge_presence(entry)),
        message=describe_presence(entry),
        above=[_show_crumb(item) for item in above],
        losses=sorted((entry.losses or {}).items(), key=lambda item: (-item[1], item[0])),
        no_losses=describe_losses(entry),
        is_whole=found.is_whole,
        stretch=_cut(request, found),
        tree=_link_tree(entry),
        access=await _explain(request, ports, visit, entry),
    )


def _choose(request: Request, spaces: Sequence[SpaceSummary]) -> SpaceSummary:
    wanted = (read_parameter(request, "site"), read_parameter(request, "space"))
    for space in spaces:
        if (space.site, space.space) == wanted:
            return space
    raise NotFoundError("there is no such space here, or nothing in it is yours to read")


async def _read_above(
    request: Request, ports: Ports, visit: Visit, chosen: SpaceSummary
) -> list[dict[str, str]]:
    """Return the way from the top to the document whose level is shown; none at the top."""
    parent = read_parameter(request, "parent")
    if not parent:
        return []
    document_id = make_document_id(chosen.site, ContentId(parent))
    entry = await read_entry(ports, visit.tenant, document_id, reader=visit.sight)
    above = await read_breadcrumb(ports, visit.tenant, entry, reader=visit.sight)
    return [_show_crumb(item) for item in (*above, entry)]


async def _list_leaves(request: Request, ports: Ports, visit: Visit) -> dict[str, Any]:
    site, space, parent, behind, key = (
        read_parameter(request, name) for name in ("site", "space", "parent", "after", "key")
    )
    level = await list_level(
        ports,
        visit.tenant,
        SiteId(site),
        SpaceKey(space),
        reader=visit.sight,
        parent=ContentId(parent) if parent else None,
        after=Position(SortKey(key), DocumentId(behind)) if behind else None,
        limit=LEAVES,
    )
    here = {"site": site, "space": space} | ({"parent": parent} if parent else {})
    more = level.next and {**here, "after": level.next.document_id, "key": level.next.key}
    return {
        "leaves": [Leaf.of(node) for node in level.nodes],
        "place": {"site": site, "space": space},
        "more": urlencode(more) if more else None,
    }


def _show_crumb(entry: CatalogEntry) -> dict[str, str]:
    return {"id": entry.known.document_id, "title": entry.known.title}


def _link_tree(entry: CatalogEntry) -> str:
    """Return the query of the level on which a document stands."""
    place = {"site": entry.site, "space": entry.space}
    return urlencode(place | ({"parent": entry.parent_id} if entry.parent_id else {}))


def _cut(request: Request, found: ReadDocument) -> Stretch:
    start = read_parameter(request, "from")
    is_number = start.isascii() and start.isdecimal() and len(start) < 10  # noqa: PLR2004  (an int)
    return Stretch.cut(found.chunks, int(start) if is_number else 0, CHUNKS)


async def _explain(
    request: Request, ports: Ports, visit: Visit, entry: CatalogEntry
) -> dict[str, Any] | None:
    """Return who may read a document and why; ``None`` for somebody who is not to know."""
    if not visit.may_write:
        return None
    chain = await read_chain(ports.catalog, visit.tenant, entry)
    named = read_parameters(request, "as")
    report = judge_access(entry, chain, tuple(map(parse_principal, named)))
    return {
        "steps": list_steps(chain),
        "asked": ", ".join(named),
        "answers": list_answers(report),
    }
