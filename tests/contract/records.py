"""Records for vector store tests: small documents with chosen vectors."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from headwater.domain.access import Scope
from headwater.domain.content import Chunk, DocumentKind, DocumentMetadata
from headwater.domain.ids import (
    ContentId,
    DocumentId,
    Namespace,
    SiteId,
    SpaceKey,
    TenantId,
    make_document_id,
)
from headwater.ports import HybridQuery, Record, StoredDocument, StoreFilter, Vector

DIMENSION = 8
SITE = SiteId("wiki.example.com")
OPEN_SCOPE = Scope("s:wiki.example.com:1")
ACME = Namespace(TenantId("11111111-1111-4111-8111-111111111111"))
OTHER = Namespace(TenantId("22222222-2222-4222-8222-222222222222"))


def make_namespace(number: int, generation: int = 0) -> Namespace:
    return Namespace(TenantId(f"00000000-0000-4000-8000-{number:012d}"), generation)


def document_id(number: int) -> DocumentId:
    return make_document_id(SITE, ContentId(str(number)))


def axis(number: int) -> Vector:
    """Return the unit vector along one axis."""
    return [1.0 if place == number % DIMENSION else 0.0 for place in range(DIMENSION)]


def make_metadata(number: int, **fields: Any) -> DocumentMetadata:
    values: dict[str, Any] = {
        "document_id": document_id(number),
        "site": SITE,
        "content_id": ContentId(str(number)),
        "page_id": ContentId(str(number)),
        "kind": DocumentKind.PAGE,
        "space": SpaceKey("DOCS"),
        "title": f"Page {number}",
        "source_url": f"https://wiki.example.com/pages/{number}",
        "version": 1,
        "last_modified": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "labels": frozenset({"handbook"}),
        "author_id": "author-1",
        "parent_id": ContentId("9"),
        "access_scope": OPEN_SCOPE,
    }
    return DocumentMetadata(**{**values, **fields})


def make_record(ordinal: int, text: str, vector: Vector, title: str = "A title") -> Record:
    embedded = f"{title}\n\n{text}"
    chunk = Chunk(
        ordinal=ordinal,
        heading_path=(title, "A heading"),
        text=text,
        embedded_text=embedded,
        text_hash=sha256(embedded.encode("utf-8", "surrogatepass")).hexdigest(),
    )
    return Record(chunk, vector)


def make_document(
    number: int, *texts: str, vector: Vector | None = None, title: str = "A title", **fields: Any
) -> StoredDocument:
    records = tuple(
        make_record(ordinal, text, vector or axis(number), title)
        for ordinal, text in enumerate(texts)
    )
    return StoredDocument(make_metadata(number, title=title, **fields), records)


def ask(
    text: str = "",
    vector: Vector | None = None,
    *,
    limit: int = 10,
    scopes: Iterable[str] = (OPEN_SCOPE,),
    **fields: Any,
) -> HybridQuery:
    return HybridQuery(
        text=text,
        vector=vector or axis(0),
        filter=StoreFilter(scopes=frozenset(map(Scope, scopes)), **fields),
        limit=limit,
    )
