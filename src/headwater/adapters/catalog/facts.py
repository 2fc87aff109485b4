"""What a listing says of a document beside what its records carry: for inventories only."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.encoding import Json
from headwater.adapters.catalog.naming import name_items
from headwater.adapters.catalog.schema import work_items
from headwater.domain.content import DocumentKind
from headwater.domain.jobs import JobRef
from headwater.domain.sync import DocumentResult

FACTS: Final = ("created_at", "file_type", "file_size")

Listed = Mapping[str, Json]


async def read_listed(
    connection: AsyncConnection, ref: JobRef, results: Sequence[DocumentResult]
) -> Listed:
    """Return what the job's listing says of these documents, by content id."""
    ids = [result.metadata.content_id for result in results]
    query = select(
        work_items.c.content_id,
        work_items.c.created_at,
        work_items.c.media_type.label("file_type"),
        work_items.c.file_size,
    )
    found: dict[str, Json] = {}
    for named in name_items(ref, ids):
        rows = await connection.execute(query.where(named))
        found |= {row["content_id"]: {name: row[name] for name in FACTS} for row in rows.mappings()}
    return found


def choose_facts(result: DocumentResult, listed: Listed, past: Mapping[str, Any] | None) -> Json:
    """Return a document's facts: as listed now, else as they were; a page's type is its kind."""
    metadata = result.metadata
    known: Mapping[str, Any] = listed.get(metadata.content_id) or past or {}
    facts = {name: known.get(name) for name in FACTS}
    if metadata.kind is not DocumentKind.ATTACHMENT:
        facts["file_type"] = metadata.kind.value
    return facts
