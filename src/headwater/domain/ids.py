"""Identifiers, and the one rule by which stored ids are made."""

import re
from dataclasses import dataclass
from typing import NewType
from uuid import UUID

SiteId = NewType("SiteId", str)
"""One Confluence: its cloudId, or host and context on Data Center. ASCII."""

SpaceKey = NewType("SpaceKey", str)
SpaceId = NewType("SpaceId", str)
ContentId = NewType("ContentId", str)
"""Confluence's id of a page, blog post, folder or attachment (a long, or ``att`` and a long)."""

DocumentId = NewType("DocumentId", str)
ChunkId = NewType("ChunkId", str)
JobId = NewType("JobId", str)
CredentialId = NewType("CredentialId", str)

_JOB_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")


@dataclass(frozen=True, slots=True)
class TenantId:
    """One tenant, as a lower-case UUID.

    Made in three places only, which a test enforces: authentication (from a verified token), and the
    catalog and the jobs (from what an authenticated request stored). Every read and write of stored
    data requires one, so that forgetting the tenant is a type error and not a leak.
    """

    value: str

    def __post_init__(self) -> None:
        if str(UUID(self.value)) != self.value:
            raise ValueError("a tenant id is a lower-case UUID")

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Namespace:
    """One tenant's part of the vector store."""

    tenant: TenantId
    generation: int = 0

    @property
    def name(self) -> str:
        """The name in the store: the tenant id, with a suffix for a later generation."""
        suffix = f"-g{self.generation}" if self.generation else ""
        return f"{self.tenant}{suffix}"


def make_document_id(site: SiteId, content_id: ContentId) -> DocumentId:
    """Return the stored id of a document: ``confluence:{site}:{content id}``."""
    return DocumentId(f"confluence:{site}:{content_id}")


def make_chunk_id(document_id: DocumentId, ordinal: int) -> ChunkId:
    """Return the stored id of a document's chunk number ``ordinal``, counted from 0."""
    return ChunkId(f"{document_id}#{ordinal}")


def is_job_id(text: str) -> bool:
    """Tell whether a client may name a job so: 1 to 200 of letters, digits, ``.``, ``_``, ``:``, ``-``."""
    return _JOB_ID.fullmatch(text) is not None
