"""What clients read of what is in: its spaces, and a document as text."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field

from headwater.api.views import Time, View
from headwater.pipeline.rejoining import rejoin_chunks
from headwater.services.overview import SpaceSummary
from headwater.services.reading import ReadDocument


class KnownSpaceView(View):
    """A space that is in."""

    key: str
    name: str
    site: str = Field(description="Its Confluence, as in the ids of documents.")
    documents: int = Field(description="Searchable pages and blog posts that the reader may see.")
    attachments: int
    last_complete_sync: Time | None


class KnownSpacesView(View):
    """The spaces that are in, by key."""

    spaces: list[KnownSpaceView]

    @classmethod
    def of(cls, spaces: Iterable[SpaceSummary]) -> Self:
        """Show spaces."""
        return cls(
            spaces=[
                KnownSpaceView(
                    key=space.space,
                    name=space.name,
                    site=space.site,
                    documents=space.documents,
                    attachments=space.attachments,
                    last_complete_sync=space.last_complete_sync,
                )
                for space in spaces
            ]
        )


class DocumentView(View):
    """A document, or a part of it where it is long."""

    id: str
    kind: str = Field(description="`page`, `blogpost` or `attachment`.")
    title: str
    source_url: str
    space: str
    version: int
    last_modified: Time
    labels: list[str]
    author: str | None = Field(description="Confluence's id of who wrote it.")
    chunk_count: int = Field(description="Chunks of the whole document.")
    complete: bool = Field(
        description="Whether all of it could be read; not so for a moment while it is written."
    )
    markdown: str = Field(description="Its text from the cursor on, put together from chunks.")
    next: str | None = Field(description="Cursor of the rest.")

    @classmethod
    def of(cls, document: ReadDocument, start: int, limit: int) -> Self:
        """Show at most ``limit`` chunks of a document from number ``start`` on."""
        entry, end = document.entry, start + limit
        known = entry.known
        return cls(
            id=known.document_id,
            kind=known.kind,
            title=known.title,
            source_url=known.source_url,
            space=entry.space,
            version=known.version,
            last_modified=entry.last_modified,
            labels=sorted(entry.labels),
            author=entry.author_id,
            chunk_count=len(document.chunks),
            complete=document.is_whole,
            markdown=rejoin_chunks(document.chunks[start:end]),
            next=str(end) if end < len(document.chunks) else None,
        )
