"""The way from our values to Pinecone's vectors and back.

Every record has every field, since filters are documented for fields that are there, and since an
update cannot take a field away: what is absent is the empty text.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from headwater.adapters.pinecone.filters import from_microseconds, to_microseconds
from headwater.domain.content import DocumentKind, DocumentMetadata, StoredChunk, StoredMatch
from headwater.domain.errors import ConfigError, DocumentError, FailureType
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, make_chunk_id
from headwater.pipeline.sparse import weigh_text
from headwater.ports import Record, StoredDocument, Vector

MAX_METADATA_BYTES: Final = 40_960
MAX_REQUEST_BYTES: Final = 2_000_000
"""Pinecone takes 2 MB (2 * 1024 * 1024) a request; the rest is the envelope's."""
MAX_REQUEST_VECTORS: Final = 1_000

DECIMALS: Final = 9
"""A float32 of a vector of length one needs no more, and each costs 384 bytes a record and decimal."""

_LESS_TEXT: Final = "lower `chunk_tokens` in a sync configuration"
_LESS_ELSE: Final = "shorten the document's labels, headings or title in Confluence"

NOTHING: Final = ""

_KEPT: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")

PineconeVector = Mapping[str, Any]


def make_vectors(
    document: StoredDocument, dimension: int, *, sparse: bool
) -> Iterator[PineconeVector]:
    """Yield a document's records as Pinecone takes them.

    ``ConfigError`` for a vector of another length, ``DocumentError`` for what Pinecone cannot hold.
    """
    shared = make_metadata(document.metadata)
    for record in document.records:
        _check_vector(document, record, dimension)
        metadata = {**shared, **_chunk_fields(record)}
        _check_metadata(document, record, metadata)
        vector: dict[str, Any] = {
            "id": make_record_id(document.metadata.document_id, record.chunk.ordinal),
            "values": [round(float(number), DECIMALS) for number in record.vector],
            "metadata": metadata,
        }
        words = weigh_text(record.chunk.embedded_text) if sparse else None
        if words:
            vector["sparse_values"] = {"indices": list(words.indices), "values": list(words.values)}
        yield vector


def make_record_id(document_id: DocumentId, ordinal: int) -> str:
    """Return the chunk's id as Pinecone takes it: ASCII, which ids of Confluence are anyway."""
    return quote(make_chunk_id(document_id, ordinal), safe=_KEPT)


def make_metadata(item: DocumentMetadata) -> Mapping[str, Any]:
    """Return the fields that all records of a document share."""
    return {
        "document_id": item.document_id,
        "site": item.site,
        "content_id": item.content_id,
        "page_id": item.page_id,
        "parent_id": item.parent_id or NOTHING,
        "attachment_id": item.attachment_id or NOTHING,
        "kind": str(item.kind),
        "space": item.space,
        "title": item.title,
        "source_url": item.source_url,
        "version": item.version,
        "last_modified": item.last_modified.isoformat(),
        "last_modified_us": to_microseconds(item.last_modified),
        "labels": sorted(item.labels) or [NOTHING],
        "author_id": item.author_id or NOTHING,
        "access_scope": item.access_scope,
    }


def read_match(metadata: Mapping[str, Any], score: float) -> StoredMatch:
    """Return the match that a record of ours is."""
    return StoredMatch(
        chunk_id=make_chunk_id(DocumentId(metadata["document_id"]), int(metadata["ordinal"])),
        score=score,
        text=metadata["text"],
        heading_path=_read_path(metadata["heading_path"]),
        metadata=_read_metadata(metadata),
        ocr_confidence=metadata.get("ocr_confidence"),
    )


def read_chunks(
    records: Sequence[Mapping[str, Any]],
) -> Mapping[DocumentId, Sequence[StoredChunk]]:
    """Return the chunks that records of ours are, by document, in reading order."""
    chunks: dict[DocumentId, list[StoredChunk]] = {}
    for metadata in sorted(records, key=lambda fields: int(fields["ordinal"])):
        chunk = StoredChunk(
            int(metadata["ordinal"]),
            _read_path(metadata["heading_path"]),
            metadata["text"],
            metadata.get("ocr_confidence"),
        )
        chunks.setdefault(DocumentId(metadata["document_id"]), []).append(chunk)
    return chunks


def split_requests(vectors: Sequence[PineconeVector]) -> Iterator[list[PineconeVector]]:
    """Yield the vectors in order, as many at a time as one request may carry."""
    request: list[PineconeVector] = []
    size = 0
    for vector in vectors:
        length = len(json.dumps(vector)) + 1
        if request and (size + length > MAX_REQUEST_BYTES or len(request) == MAX_REQUEST_VECTORS):
            yield request
            request, size = [], 0
        request.append(vector)
        size += length
    if request:
        yield request


def _chunk_fields(record: Record) -> Mapping[str, Any]:
    chunk = record.chunk
    fields = {
        "ordinal": chunk.ordinal,
        "heading_path": list(chunk.heading_path) or [NOTHING],
        "text": chunk.text,
        "text_hash": chunk.text_hash,
    }
    certain = {} if chunk.ocr_confidence is None else {"ocr_confidence": chunk.ocr_confidence}
    return {**fields, **certain}


def _read_path(stored: Sequence[str]) -> tuple[str, ...]:
    return () if list(stored) == [NOTHING] else tuple(stored)


def _read_metadata(fields: Mapping[str, Any]) -> DocumentMetadata:
    return DocumentMetadata(
        document_id=DocumentId(fields["document_id"]),
        site=SiteId(fields["site"]),
        content_id=ContentId(fields["content_id"]),
        page_id=ContentId(fields["page_id"]),
        parent_id=ContentId(fields["parent_id"]) if fields["parent_id"] else None,
        attachment_id=ContentId(fields["attachment_id"]) if fields["attachment_id"] else None,
        kind=DocumentKind(fields["kind"]),
        space=SpaceKey(fields["space"]),
        title=fields["title"],
        source_url=fields["source_url"],
        version=int(fields["version"]),
        last_modified=from_microseconds(fields["last_modified_us"]),
        labels=frozenset(fields["labels"]) - {NOTHING},
        author_id=fields["author_id"] or None,
        access_scope=fields["access_scope"],
    )


def check_length(vector: Vector, dimension: int) -> None:
    """Raise ``ConfigError`` unless the vector has the index's length."""
    if len(vector) != dimension:
        raise ConfigError(
            f"The embedder made a vector of {len(vector)} numbers, the Pinecone index holds"
            f" {dimension}: check HEADWATER_EMBEDDER_MODEL and HEADWATER_PINECONE_INDEX, and restart."
        )


def _check_vector(document: StoredDocument, record: Record, dimension: int) -> None:
    check_length(record.vector, dimension)
    if not all(map(math.isfinite, record.vector)) or not any(record.vector):
        raise DocumentError(
            FailureType.VECTOR_EMBEDDING_FAILED,
            f"A vector of {document.metadata.document_id} is zero or not a number:"
            " check the embedder's model files.",
        )


def _check_metadata(document: StoredDocument, record: Record, metadata: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(metadata, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise DocumentError(
            FailureType.ENCODING_ERROR,
            f"{document.metadata.document_id} holds half a surrogate pair, which is no text:"
            " edit it in Confluence.",
        ) from error
    if size > MAX_METADATA_BYTES:
        is_text = 2 * len(record.chunk.text.encode()) > size
        raise DocumentError(
            FailureType.STORE_ERROR,
            f"Chunk {record.chunk.ordinal} of {document.metadata.document_id} takes {size} bytes with"
            f" its metadata, Pinecone holds {MAX_METADATA_BYTES}: {_LESS_TEXT if is_text else _LESS_ELSE}.",
        )
