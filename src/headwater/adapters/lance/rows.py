"""The table's columns, and the way from our values to rows and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from headwater.adapters.lance.filters import from_microseconds, to_microseconds
from headwater.domain.content import DocumentKind, DocumentMetadata, StoredChunk, StoredMatch
from headwater.domain.errors import ConfigError, DocumentError, FailureType
from headwater.domain.ids import ChunkId, ContentId, DocumentId, SiteId, SpaceKey, make_chunk_id
from headwater.ports import Record, StoredDocument, Vector

_METADATA: Final = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("site", pa.string()),
        pa.field("content_id", pa.string()),
        pa.field("page_id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("attachment_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("space", pa.string()),
        pa.field("title", pa.string()),
        pa.field("source_url", pa.string()),
        pa.field("version", pa.int64()),
        pa.field("last_modified_us", pa.int64()),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("author_id", pa.string()),
        pa.field("access_scope", pa.string()),
    ]
)
_CHUNK: Final = pa.schema(
    [
        # Lance checks concurrent merges for equal keys only where the key is declared; without this
        # two writers that insert the same new chunk leave it twice.
        pa.field(
            "id",
            pa.string(),
            nullable=False,
            metadata={"lance-schema:unenforced-primary-key": "true"},
        ),
        pa.field("ordinal", pa.int32()),
        pa.field("heading_path", pa.list_(pa.string())),
        pa.field("text", pa.string()),
        pa.field("embedded_text", pa.string()),
        pa.field("text_hash", pa.string()),
        pa.field("ocr_confidence", pa.float64()),
    ]
)
_ADDED_LATER: Final = frozenset({"ocr_confidence"})
"""Columns that tables of earlier versions lack, and whose absence reads as ``None``."""

MATCH_COLUMNS: Final[Sequence[str]] = (
    "id",
    "heading_path",
    "text",
    "ocr_confidence",
    *_METADATA.names,
)
"""What a match shows."""

CHUNK_COLUMNS: Final[Sequence[str]] = (
    "document_id",
    "ordinal",
    "heading_path",
    "text",
    "ocr_confidence",
)
"""What a document read back shows."""


def make_schema(dimension: int) -> pa.Schema:
    """Return the table's schema for vectors of ``dimension`` float32 numbers."""
    vector = pa.field("vector", pa.list_(pa.float32(), dimension))
    return pa.schema([*_CHUNK, *_METADATA, vector])


def find_missing(stored: pa.Schema) -> list[pa.Field]:
    """Return the columns to be added, empty, to a table that an earlier version of ours made."""
    names = {*_CHUNK.names, *_METADATA.names, "vector"}
    missing = names - set(stored.names)
    if not missing <= _ADDED_LATER or not names >= set(stored.names):
        return []
    return [_CHUNK.field(name) for name in sorted(missing)]


def check_schema(stored: pa.Schema) -> None:
    """Raise ``ConfigError`` unless a table with this schema holds our records."""
    if set(stored.names) != {*_CHUNK.names, *_METADATA.names, "vector"}:
        raise ConfigError(
            "The vector store was written by another version of Headwater. Use that version, or move"
            " the `vectors` folder under HEADWATER_DATA_DIR away and upload every space in full."
        )


def read_dimension(stored: pa.Schema) -> int:
    """Return the length of the vectors in a table with this schema."""
    return int(stored.field("vector").type.list_size)


def check_length(vector: Vector, dimension: int) -> None:
    """Raise ``ConfigError`` unless the vector has the length of those in the table."""
    if len(vector) != dimension:
        raise ConfigError(
            f"The embedder made a vector of {len(vector)} numbers where the store holds vectors of"
            f" {dimension}: check HEADWATER_EMBEDDER and HEADWATER_EMBEDDER_MODEL, and restart."
        )


def make_rows(documents: Iterable[StoredDocument], dimension: int) -> pa.Table:
    """Return one row for each record.

    Raises ``ConfigError`` for a vector of another length, ``DocumentError`` for what no store can
    hold: a vector with NaN or infinity, text with half a surrogate pair.
    """
    pairs = {
        make_chunk_id(document.metadata.document_id, record.chunk.ordinal): (document, record)
        for document in documents
        for record in document.records
    }
    metadata = [document.metadata for document, _ in pairs.values()]
    records = [record for _, record in pairs.values()]
    vectors = _make_vectors(metadata, records, dimension)
    chunks = [_chunk_row(chunk_id, record) for chunk_id, (_, record) in pairs.items()]
    return _join(_make_table(chunks, _CHUNK), _metadata_rows(metadata), vectors)


def replace_metadata(stored: pa.Table, metadata: Mapping[DocumentId, DocumentMetadata]) -> pa.Table:
    """Return full rows as stored, with the fields of their document's new metadata."""
    fresh = [metadata[document_id] for document_id in stored["document_id"].to_pylist()]
    vectors = stored["vector"].combine_chunks()
    return _join(stored.select(_CHUNK.names), _metadata_rows(fresh), vectors)


def read_match(row: Mapping[str, Any], score: float) -> StoredMatch:
    """Return the match that a row with :data:`MATCH_COLUMNS` holds."""
    return StoredMatch(
        chunk_id=ChunkId(row["id"]),
        score=score,
        text=row["text"],
        heading_path=tuple(row["heading_path"]),
        metadata=_read_metadata(row),
        ocr_confidence=row["ocr_confidence"],
    )


def read_chunks(rows: pa.Table) -> Mapping[DocumentId, Sequence[StoredChunk]]:
    """Return the chunks that rows with :data:`CHUNK_COLUMNS` hold, by document, in reading order."""
    chunks: dict[DocumentId, list[StoredChunk]] = {}
    for row in rows.sort_by("ordinal").to_pylist():
        chunks.setdefault(DocumentId(row["document_id"]), []).append(
            StoredChunk(
                row["ordinal"], tuple(row["heading_path"]), row["text"], row["ocr_confidence"]
            )
        )
    return chunks


def _join(chunks: pa.Table, metadata: pa.Table, vectors: pa.Array) -> pa.Table:
    schema = make_schema(vectors.type.list_size)
    return pa.Table.from_arrays([*chunks.columns, *metadata.columns, vectors], schema=schema)


def _make_vectors(
    metadata: Sequence[DocumentMetadata], records: Sequence[Record], dimension: int
) -> pa.Array:
    for record in records:
        check_length(record.vector, dimension)
    numbers = np.array([record.vector for record in records], dtype=np.float32).reshape(
        -1, dimension
    )
    finite = np.isfinite(numbers).all(axis=1)
    if not finite.all():
        broken = metadata[int(np.argmin(finite))].document_id
        raise DocumentError(
            FailureType.VECTOR_EMBEDDING_FAILED,
            f"A vector of {broken} is not a number: check the embedder's model files.",
        )
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), dimension)


def _chunk_row(chunk_id: ChunkId, record: Record) -> Mapping[str, object]:
    return {
        "id": chunk_id,
        "ordinal": record.chunk.ordinal,
        "heading_path": list(record.chunk.heading_path),
        "text": record.chunk.text,
        "embedded_text": record.chunk.embedded_text,
        "text_hash": record.chunk.text_hash,
        "ocr_confidence": record.chunk.ocr_confidence,
    }


def _metadata_rows(metadata: Sequence[DocumentMetadata]) -> pa.Table:
    return _make_table([_metadata_row(item) for item in metadata], _METADATA)


def _make_table(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except UnicodeEncodeError as error:
        names = (row[schema.names[0]] for row in rows if _holds(row, error.object))
        raise DocumentError(
            FailureType.ENCODING_ERROR,
            f"{next(names)!a} holds half a surrogate pair, which is no text: edit it in Confluence.",
        ) from error


def _holds(row: Mapping[str, object], text: str) -> bool:
    return any(
        text in value if isinstance(value, list) else text == value for value in row.values()
    )


def _metadata_row(item: DocumentMetadata) -> Mapping[str, object]:
    return {
        "document_id": item.document_id,
        "site": item.site,
        "content_id": item.content_id,
        "page_id": item.page_id,
        "parent_id": item.parent_id,
        "attachment_id": item.attachment_id,
        "kind": str(item.kind),
        "space": item.space,
        "title": item.title,
        "source_url": item.source_url,
        "version": item.version,
        "last_modified_us": to_microseconds(item.last_modified),
        "labels": sorted(item.labels),
        "author_id": item.author_id,
        "access_scope": item.access_scope,
    }


def _read_metadata(row: Mapping[str, Any]) -> DocumentMetadata:
    attachment_id, parent_id = row["attachment_id"], row["parent_id"]
    return DocumentMetadata(
        document_id=DocumentId(row["document_id"]),
        site=SiteId(row["site"]),
        content_id=ContentId(row["content_id"]),
        page_id=ContentId(row["page_id"]),
        parent_id=None if parent_id is None else ContentId(parent_id),
        attachment_id=None if attachment_id is None else ContentId(attachment_id),
        kind=DocumentKind(row["kind"]),
        space=SpaceKey(row["space"]),
        title=row["title"],
        source_url=row["source_url"],
        version=row["version"],
        last_modified=from_microseconds(row["last_modified_us"]),
        labels=frozenset(row["labels"]),
        author_id=row["author_id"],
        access_scope=row["access_scope"],
    )
