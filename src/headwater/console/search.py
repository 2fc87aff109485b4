"""Asking the knowledge base, as oneself or as a set of groups, and asking why a page is not found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headwater.adapters.tokens.callers import Permission
from headwater.console.asking import (
    Part,
    choose_reader,
    list_groups,
    mark_words,
    name_known_groups,
)
from headwater.console.document_views import (
    UNTITLED,
    Answer,
    list_answers,
    list_steps,
    name_kind,
    show_presence,
)
from headwater.console.parameters import read_parameter, read_parameters
from headwater.console.rendering import render
from headwater.console.visits import Visit, admit, ports_of
from headwater.domain.access import group
from headwater.domain.content import StoredMatch
from headwater.domain.ids import SpaceKey
from headwater.ports import Ports
from headwater.services.enquiries import locate_page
from headwater.services.overview import list_visible_spaces
from headwater.services.search import SearchQuery, search
from headwater.services.whereabouts import Whereabouts, judge_access

RESULTS: Final = 20
KNOWN_GROUPS: Final = 200
"""Offered while somebody types; any other name may be written."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Hit:
    """A match, ready to be shown."""

    document_id: str
    title: str
    kind: str
    path: Sequence[str]
    parts: tuple[Part, ...]
    score: float
    space: str
    match: StoredMatch

    @classmethod
    def of(cls, match: StoredMatch, question: str) -> "Hit":
        """Show a match."""
        metadata = match.metadata
        return cls(
            document_id=metadata.document_id,
            title=metadata.title or UNTITLED,
            kind=name_kind(metadata.kind),
            path=match.heading_path,
            parts=mark_words(match.text, question),
            score=match.score,
            space=metadata.space,
            match=match,
        )


@router.get("/search")
async def show_search(request: Request) -> Response:
    """Ask a question, and show what answers it."""
    visit = await admit(request)
    ports = ports_of(request)
    question, groups, as_groups = _read_question(request)
    hits = None
    if question:
        reader = choose_reader(visit, groups, as_groups=as_groups)
        space = read_parameter(request, "space")
        query = SearchQuery(question, RESULTS, space=SpaceKey(space) if space else None)
        found = await search(ports, visit.tenant, query, reader=reader)
        hits = [Hit.of(match, question) for match in found]
    return render(request, "search.html", hits=hits, **await _frame(request, ports, visit))


@router.get("/search/why")
async def show_why(request: Request) -> Response:
    """Say where a page stands, and whether the chosen groups may read it."""
    visit = await admit(request, Permission.WRITE)
    ports = ports_of(request)
    url = read_parameter(request, "url").strip()
    found = await locate_page(ports, visit.tenant, url, None) if url else None
    return render(
        request,
        "why.html",
        url=url,
        found=found,
        badge=found and show_presence(found.presence),
        steps=list_steps(found.chain) if found else (),
        groups=", ".join(read_parameters(request, "groups")),
        answers=_judge(found, read_parameters(request, "groups")) if found else (),
    )


def _read_question(request: Request) -> tuple[str, tuple[str, ...], bool]:
    as_groups = read_parameter(request, "as") == "groups"
    groups = read_parameters(request, "groups")
    return read_parameter(request, "q").strip(), groups, as_groups


async def _frame(request: Request, ports: Ports, visit: Visit) -> dict[str, Any]:
    """Return what the form shows: what was asked, and what there is to choose."""
    question, groups, as_groups = _read_question(request)
    spaces = await list_visible_spaces(ports, visit.tenant, reader=visit.sight)
    rules = await ports.catalog.scope_rules(visit.tenant) if visit.may_write else {}
    return {
        "question": question,
        "groups": groups,
        "as_groups": as_groups,
        "space": read_parameter(request, "space"),
        "spaces": spaces,
        "own_groups": list_groups(visit.reader.principals),
        "known_groups": name_known_groups(rules.values(), KNOWN_GROUPS),
    }


def _judge(found: Whereabouts, groups: Sequence[str]) -> tuple[Answer, ...]:
    """Return whether members of these groups may read what was found."""
    if found.entry is None:
        return ()
    named = tuple(group(name) for name in groups)
    return list_answers(judge_access(found.entry, found.chain, named))
