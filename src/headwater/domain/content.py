"""What a Confluence holds, and what we make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from headwater.domain.ids import ChunkId, ContentId, DocumentId, SiteId, SpaceId, SpaceKey


class DocumentKind(StrEnum):
    """What a document is; the contract's ``content_types``."""

    PAGE = "page"
    BLOGPOST = "blogpost"
    ATTACHMENT = "attachment"


class SpaceType(StrEnum):
    """The contract knows two types; Confluence's finer ones count as global."""

    GLOBAL = "global"
    PERSONAL = "personal"


class SpaceStatus(StrEnum):
    """Whether a space is in use."""

    CURRENT = "current"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Space:
    """A space as Confluence lists it."""

    id: SpaceId
    key: SpaceKey
    name: str
    type: SpaceType
    status: SpaceStatus


@dataclass(frozen=True, slots=True)
class Restriction:
    """The readers one page or folder itself allows, by Confluence's ids; empty means unrestricted.

    ``readable`` is false when Confluence did not let us read it, which closes the page (fail-closed).
    """

    account_ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    readable: bool = True

    @property
    def is_open(self) -> bool:
        """Whether the page itself restricts nobody."""
        return self.readable and not (self.account_ids or self.emails or self.groups)


UNREADABLE = Restriction(readable=False)


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """What a listing says of one page or blog post. Dates are UTC."""

    content_id: ContentId
    kind: DocumentKind
    title: str
    version: int
    last_modified: datetime
    parent_id: ContentId | None = None
    author_id: str | None = None
    web_path: str | None = None
    """Link relative to the site's web base, as Confluence gave it."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedAttachment:
    """What a listing says of one attachment. Media type and size are hints. Dates are UTC."""

    content_id: ContentId
    """``att`` and a number on Cloud."""
    page_id: ContentId
    title: str
    media_type: str
    file_size: int
    version: int
    last_modified: datetime
    author_id: str | None = None
    web_path: str | None = None
    download_path: str | None = None
    """Data Center's link, relative to the site's base; Cloud downloads by ids."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """An open footer or inline comment, or a reply to one. Part of its page's document."""

    comment_id: ContentId
    page_id: ContentId
    parent_id: ContentId | None
    author_id: str | None
    created_at: datetime
    version: int
    body: str
    """Storage format."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What changes on a document without a new version: its labels and its own read restriction."""

    content_id: ContentId
    labels: frozenset[str]
    restriction: Restriction


@dataclass(frozen=True, slots=True)
class Page:
    """A page or blog post with its body in storage format."""

    listed: ListedDocument
    body: str


@dataclass(frozen=True, slots=True)
class Document:
    """A page, blog post or attachment as Markdown, with what conversion could not keep."""

    title: str
    markdown: str
    losses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document. ``embedded_text`` is title, heading path and text together."""

    ordinal: int
    heading_path: tuple[str, ...]
    text: str
    embedded_text: str
    text_hash: str
    """Hex digest of ``embedded_text``: same digest and same model, same vector."""
    ocr_confidence: float | None = None
    """Mean over the pages and images in it that OCR read, from 0 to 1; ``None`` without any."""


@dataclass(frozen=True, slots=True)
class DocumentMetadata:
    """What every chunk of a document carries beside its text; never embedded."""

    document_id: DocumentId
    site: SiteId
    content_id: ContentId
    page_id: ContentId
    """The page or post itself; for an attachment the page it hangs on."""
    kind: DocumentKind
    space: SpaceKey
    title: str
    source_url: str
    version: int
    last_modified: datetime
    labels: frozenset[str]
    author_id: str | None
    access_scope: str
    parent_id: ContentId | None = None
    attachment_id: ContentId | None = None


@dataclass(frozen=True, slots=True)
class StoredMatch:
    """A chunk that the vector store found, as stored. ``score``: higher is better, comparable within one answer."""

    chunk_id: ChunkId
    score: float
    text: str
    heading_path: tuple[str, ...]
    metadata: DocumentMetadata
    ocr_confidence: float | None = None
    """Of :class:`Chunk`."""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as the vector store keeps it, without its vector."""

    ordinal: int
    heading_path: tuple[str, ...]
    text: str
    ocr_confidence: float | None = None
    """Of :class:`Chunk`."""


def is_unicode(text: str) -> bool:
    """Tell whether the text has a UTF-8 form: half a surrogate pair has none, and no store holds it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
