"""What is in, document by document, as plain data for other tools."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.domain.access import Clause, Reader, chain_clauses
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import SpaceKey, TenantId
from headwater.ports import CatalogEntry, Ports
from headwater.services.reading import ReadDocument, read_document, stream_documents


@dataclass(frozen=True, slots=True)
class Exported:
    """A searchable document, and the clauses each of which a reader must pass."""

    document: ReadDocument
    clauses: tuple[Clause, ...]

    @property
    def entry(self) -> CatalogEntry:
        """What the catalog says of it."""
        return self.document.entry

    def describe(self) -> dict[str, Any]:
        """Return everything but its text, as JSON has it. Times are UTC."""
        entry, known = self.entry, self.entry.known
        return {
            "id": known.document_id,
            "title": known.title,
            "content_type": known.kind.value,
            "source_url": known.source_url,
            "site": entry.site,
            "space": entry.space,
            "content_id": known.content_id,
            "page_id": known.page_id,
            "parent_id": entry.parent_id,
            "version": known.version,
            "created_at": _write_time(entry.created_at),
            "last_modified": _write_time(entry.last_modified),
            "indexed_at": _write_time(entry.indexed_at),
            "author_id": entry.author_id,
            "labels": sorted(entry.labels),
            "losses": entry.losses,
            "access": [sorted(clause) for clause in self.clauses],
            "complete": self.document.is_whole,
        }


async def stream_export(
    ports: Ports, tenant: TenantId, *, reader: Reader | None, space: SpaceKey | None = None
) -> AsyncGenerator[Exported, None]:
    """Yield the searchable documents the reader may see (all for nobody in particular), by id."""
    rules = await ports.catalog.scope_rules(tenant)
    async for document in stream_documents(ports, tenant, reader=reader, space=space):
        scope = document.entry.known.access_scope
        if scope not in rules:
            rules = await ports.catalog.scope_rules(tenant)
        whole = await _complete(ports, tenant, document, reader)
        if whole is not None:
            yield Exported(whole, chain_clauses(rules, whole.entry.known.access_scope))


async def _complete(
    ports: Ports, tenant: TenantId, document: ReadDocument, reader: Reader | None
) -> ReadDocument | None:
    """Read a document again that was met while it was being written; ``None`` if it went meanwhile."""
    if document.is_whole:
        return document
    try:
        return await read_document(ports, tenant, document.entry.known.document_id, reader=reader)
    except NotFoundError:
        return None


def _write_time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
