"""What the tools answer: sizes a model can take in, with what was left out said."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, Field

from headwater.client.answers import Document, KnownSpaces, Match, Matches

MAX_TEXT: Final = 4_000
"""Characters of one passage; ordinary chunks are a quarter of that."""

MAX_SPACES: Final = 300


class Passage(BaseModel):
    """A passage that answers a question."""

    title: str = Field(description="Title of the page, or name of the file.")
    heading_path: list[str] = Field(description="Headings above the passage, outermost first.")
    text: str = Field(description="The passage, as Markdown.")
    is_cut: bool = Field(description="Whether the text goes on: get_document has all of it.")
    source_url: str = Field(description="Link to cite; get_document takes it too.")
    space: str
    last_modified: datetime
    score: float = Field(description="Comparable within one answer only; higher is better.")


class Passages(BaseModel):
    """Passages, best first. An empty list means that nothing readable answers the question."""

    passages: list[Passage]


class DocumentText(BaseModel):
    """A document, or a part of it."""

    title: str
    source_url: str
    space: str
    kind: str = Field(description="page, blogpost or attachment.")
    labels: list[str]
    last_modified: datetime
    markdown: str
    is_complete: bool = Field(description="False for a moment while a new version is written.")
    next_cursor: str | None = Field(
        description="Call get_document again with this cursor for the rest; null at the end."
    )


class SpaceInfo(BaseModel):
    """A space of the wiki."""

    key: str = Field(description="Narrows search_knowledge as its `space`.")
    name: str
    documents: int = Field(description="Pages, posts and files that can be found.")
    last_complete_sync: datetime | None


class SpaceList(BaseModel):
    """Spaces by key."""

    spaces: list[SpaceInfo]
    left_out: int = Field(description="Spaces beyond those that are listed.")


def show_matches(found: Matches) -> Passages:
    """Return the passages of a search."""
    return Passages(passages=[_show_match(match) for match in found.results])


def _show_match(match: Match) -> Passage:
    return Passage(
        title=match.title,
        heading_path=list(match.heading_path),
        text=match.text[:MAX_TEXT],
        is_cut=len(match.text) > MAX_TEXT,
        source_url=match.source_url,
        space=match.space,
        last_modified=match.last_modified,
        score=round(match.score, 4),
    )


def show_document(found: Document) -> DocumentText:
    """Return a document's text."""
    return DocumentText(
        title=found.title,
        source_url=found.source_url,
        space=found.space,
        kind=found.kind,
        labels=list(found.labels),
        last_modified=found.last_modified,
        markdown=found.markdown,
        is_complete=found.complete,
        next_cursor=found.next,
    )


def show_spaces(found: KnownSpaces) -> SpaceList:
    """Return the spaces, so many as a model can take in."""
    spaces = [
        SpaceInfo(
            key=space.key,
            name=space.name,
            documents=space.documents + space.attachments,
            last_complete_sync=space.last_complete_sync,
        )
        for space in found.spaces[:MAX_SPACES]
    ]
    return SpaceList(spaces=spaces, left_out=len(found.spaces) - len(spaces))
