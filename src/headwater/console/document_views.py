"""How documents, their states and their access read on a page."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from headwater.domain.access import EVERYONE, Clause, Principal
from headwater.domain.content import DocumentKind, StoredChunk
from headwater.pipeline.rejoining import rejoin_chunks
from headwater.ports import CatalogEntry
from headwater.services.reading import Node
from headwater.services.whereabouts import AccessReport, Link, Presence, Verdict, judge_presence

UNTITLED: Final = "(no title)"


class Badge(NamedTuple):
    """A word about a document, and how it is coloured."""

    words: str
    tone: str


_STATES: Final = {
    Presence.HERE: Badge("in", "good"),
    Presence.STALE: Badge("stale", "warn"),
    Presence.HELD: Badge("held", "warn"),
    Presence.FAILED: Badge("failed", "bad"),
    Presence.SKIPPED: Badge("left out", ""),
    Presence.NOT_KNOWN: Badge("not known", ""),
    Presence.NOT_SYNCED: Badge("not synced yet", ""),
    Presence.ARCHIVED: Badge("archived", ""),
    Presence.TRASHED: Badge("in the trash", ""),
    Presence.NOT_VISIBLE: Badge("not visible", ""),
}
_RESTRICTED: Final = Badge("restricted", "busy")

_ID: Final = re.compile(r":[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

_KINDS: Final = {
    DocumentKind.PAGE: "page",
    DocumentKind.BLOGPOST: "blog post",
    DocumentKind.ATTACHMENT: "attachment",
}

_CLAUSES: Final = {
    "audience": "the audience of its last upload",
    "space_permission": "permission to view the space",
    "restriction": "a read restriction",
    "as_last_seen": "what applied when a sync last saw it",
}


def show_presence(presence: Presence) -> Badge:
    """Return the badge of a page's whereabouts."""
    return _STATES[presence]


def name_kind(kind: DocumentKind) -> str:
    """Return what a reader calls this sort of document."""
    return _KINDS[kind]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A document in the tree, ready to be shown."""

    document_id: str
    content_id: str
    title: str
    kind: str
    children: int
    badges: tuple[Badge, ...]
    why: str
    """Why it failed or was left out, in short."""

    @classmethod
    def of(cls, node: Node) -> "Leaf":
        """Show a node."""
        known = node.entry.known
        badges = (_STATES[judge_presence(node.entry)], *([_RESTRICTED] if node.restricted else []))
        return cls(
            document_id=known.document_id,
            content_id=known.content_id,
            title=known.title or UNTITLED,
            kind=_KINDS[known.kind],
            children=node.children,
            badges=badges,
            why=node.entry.error_message or (known.skip_reason or "").replace("_", " "),
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of a document's chunks, and the text that they make."""

    chunks: tuple[StoredChunk, ...]
    total: int
    before: int | None
    """Where the chunks before these begin; ``None`` for the first ones."""
    after: int | None

    @property
    def text(self) -> str:
        """The Markdown of these chunks."""
        return rejoin_chunks(self.chunks)

    @classmethod
    def cut(cls, chunks: Sequence[StoredChunk], start: int, size: int) -> "Stretch":
        """Return ``size`` chunks from ``start`` on, or from the beginning where there are fewer."""
        start = start if 0 <= start < len(chunks) else 0
        end = start + size
        return cls(
            tuple(chunks[start:end]),
            len(chunks),
            before=max(0, start - size) if start else None,
            after=end if end < len(chunks) else None,
        )


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause in words: what it is, and whom it admits."""

    why: str
    admits: tuple[str, ...]
    everyone: bool

    @classmethod
    def of(cls, name: str, clause: Clause) -> "Requirement":
        """Show a clause."""
        admits = tuple(name_principal(principal) for principal in sorted(clause, key=_put_ids_last))
        return cls(_CLAUSES[name], admits, EVERYONE in clause)


@dataclass(frozen=True, slots=True)
class Step:
    """What stands between a reader and a document at one place: a page above, or the space."""

    place: str
    requirements: tuple[Requirement, ...]

    @classmethod
    def of(cls, link: Link) -> "Step":
        """Show a link of the chain."""
        is_space = link.rule.parent is None
        place = "The space" if is_space else f"The page {link.title or link.rule.scope}"
        clauses = zip(link.names, link.rule.clauses, strict=True)
        return cls(place, tuple(Requirement.of(name, clause) for name, clause in clauses))


def list_steps(chain: Iterable[Link]) -> tuple[Step, ...]:
    """Return what a reader must pass, from the space down to the document."""
    return tuple(Step.of(link) for link in reversed(tuple(chain)))


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether somebody may read a document, and what blocks him."""

    who: str
    admitted: bool
    blocked_by: tuple[str, ...]


def list_answers(report: AccessReport) -> tuple[Answer, ...]:
    """Return the verdict on each principal, and on all of them as one reader where there are more."""
    answers = [_answer(name_principal(each.principals[0]), each, report) for each in report.each]
    if len(answers) > 1:
        answers.append(_answer("one reader who is all of these", report.together, report))
    return tuple(answers)


def _answer(who: str, verdict: Verdict, report: AccessReport) -> Answer:
    blocked = (
        Step.of(link).place
        for link, passed in zip(report.chain, verdict.passes, strict=True)
        if not all(passed)
    )
    return Answer(who, verdict.admitted, tuple(blocked))


def name_principal(principal: Principal) -> str:
    """Return a principal in words."""
    if principal == EVERYONE:
        return "everyone in the tenant"
    kind, _, name = principal.partition(":")
    return f"{kind} {name}"


def _put_ids_last(principal: Principal) -> tuple[bool, str]:
    """Sort names before ids: Confluence gives both of a group, and people read the one."""
    return _ID.search(principal) is not None, principal


def describe_losses(entry: CatalogEntry) -> str:
    """Say what is known where there is no list of losses to show."""
    if entry.losses is None:
        return "Not recorded: it came in with an earlier version; a full sync records it."
    return "Nothing: every construct of the page became text."
