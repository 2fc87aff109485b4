"""What a tenant sets for its syncs: stored configurations and the blacklist."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId

SyncConfigurationId = NewType("SyncConfigurationId", str)
BlacklistEntryId = NewType("BlacklistEntryId", str)


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How a space is processed; ``None`` and empty collections leave a choice to Headwater."""

    content_types: frozenset[DocumentKind] = frozenset()
    """What comes in; empty for everything."""
    include_labels: frozenset[str] = frozenset()
    """Only pages and posts with one of these; empty for all."""
    exclude_labels: frozenset[str] = frozenset()
    root_pages: frozenset[ContentId] = frozenset()
    """Only these pages and what is under them; empty for the whole space."""
    chunk_tokens: int | None = None
    chunk_overlap: int | None = None
    attachment_types: frozenset[str] = frozenset()
    """File name extensions without the dot, in lower case; empty for all that can be read."""
    max_attachment_bytes: int | None = None
    ocr_languages: tuple[str, ...] = ()
    concurrency: int | None = None
    """Calls to Confluence side by side, at most."""
    include_archived: bool = False
    schedule: str | None = None
    """Five-field cron expression, UTC."""


@dataclass(frozen=True, slots=True)
class SyncConfiguration:
    """Settings that a tenant stored under a name."""

    id: SyncConfigurationId
    settings: SyncSettings
    created_at: datetime
    updated_at: datetime


class BlacklistKind(StrEnum):
    """What an entry's value names."""

    PAGE = "page"
    TREE = "tree"
    LABEL = "label"
    URL_PREFIX = "url_prefix"


@dataclass(frozen=True, slots=True)
class BlacklistEntry:
    """Content that a tenant keeps out, wherever an upload says ``blacklisted: true``."""

    id: BlacklistEntryId
    kind: BlacklistKind
    value: str
    created_at: datetime
