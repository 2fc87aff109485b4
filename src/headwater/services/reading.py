"""Reading documents back under a reader's rights: one, all of them, or a level of a space's tree.

A reader never learns of a document that he may not read, not even that it is there. ``None`` as a
reader stands for nobody in particular and sees everything, as who may change everything does.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.domain.access import EVERYONE, Reader, Scope, ScopeRule, chain_clauses
from headwater.domain.content import StoredChunk
from headwater.domain.errors import NotFoundError
from headwater.domain.ids import (
    ContentId,
    DocumentId,
    Namespace,
    SiteId,
    SpaceKey,
    TenantId,
    make_document_id,
)
from headwater.pipeline.planning import is_searchable
from headwater.pipeline.rejoining import rejoin_chunks
from headwater.ports import CatalogEntry, Leaf, Ports, Position
from headwater.services.inventory import sees, visible_scopes
from headwater.services.whereabouts import find_entry

READ_AT_ONCE: Final = 20
"""Documents of a stream whose chunks are in memory together."""

LEAVES_AT_ONCE: Final = 500
MAX_DEPTH: Final = 100
"""Ancestors that are followed; Confluence's own trees are not as deep."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document as it is in the index. One that failed or was left out has no chunks."""

    entry: CatalogEntry
    chunks: tuple[StoredChunk, ...]

    @property
    def markdown(self) -> str:
        """Its text, put together from the chunks."""
        return rejoin_chunks(self.chunks)

    @property
    def is_whole(self) -> bool:
        """Whether all of its chunks were there; not so for a moment while it is being written."""
        known = self.entry.known
        return len(self.chunks) == (len(known.chunk_hashes) if is_searchable(known) else 0)


@dataclass(frozen=True, slots=True)
class Node:
    """A document in the tree."""

    entry: CatalogEntry
    children: int
    """How many stand right below it, of those the reader may see."""
    restricted: bool
    """Whether some token of the tenant may not read it."""


@dataclass(frozen=True, slots=True)
class Level:
    """What stands right below a page, or at the top, and behind which position there is more."""

    nodes: tuple[Node, ...]
    next: Position | None


async def read_document(
    ports: Ports, tenant: TenantId, document_id: DocumentId, *, reader: Reader | None
) -> ReadDocument:
    """Return a document; ``NotFoundError`` where it is not known, or not the reader's to read."""
    await read_entry(ports, tenant, document_id, reader=reader)
    found = await ports.store.read_chunks(Namespace(tenant), [document_id])
    # Asked again: what was tightened or taken out meanwhile must not slip through.
    entry = await read_entry(ports, tenant, document_id, reader=reader)
    return _make_document(entry, found)


async def read_entry(
    ports: Ports, tenant: TenantId, document_id: DocumentId, *, reader: Reader | None
) -> CatalogEntry:
    """Return what is known of a document, without its text; errors as :func:`read_document`."""
    scopes = await visible_scopes(ports, tenant, reader)
    found = await ports.library.read(tenant, [document_id])
    if not found or not sees(scopes, found[0].known.access_scope):
        raise _not_found()
    return found[0]


async def read_linked(
    ports: Ports, tenant: TenantId, source_url: str, *, reader: Reader | None
) -> ReadDocument:
    """Return the document that a Confluence URL names, in any of its forms; errors likewise.

    ``InvalidInputError`` for a URL that names no content.
    """
    entry = await find_entry(ports.catalog, tenant, source_url)
    if entry is None:
        raise _not_found()
    return await read_document(ports, tenant, entry.known.document_id, reader=reader)


async def stream_documents(
    ports: Ports, tenant: TenantId, *, reader: Reader | None, space: SpaceKey | None = None
) -> AsyncGenerator[ReadDocument, None]:
    """Yield the searchable documents the reader may see, by id, some at a time in memory."""
    after: DocumentId | None = None
    while entries := await ports.library.list_searchable(
        tenant, space=space, after=after, limit=READ_AT_ONCE
    ):
        ids = [entry.known.document_id for entry in entries]
        chunks = await ports.store.read_chunks(Namespace(tenant), ids)
        # Read afterwards, and each time: what is tightened while a long list is sent closes for its rest.
        scopes = await visible_scopes(ports, tenant, reader)
        for entry in await ports.library.read(tenant, ids):
            if is_searchable(entry.known) and sees(scopes, entry.known.access_scope):
                yield _make_document(entry, chunks)
        after = ids[-1]


async def read_breadcrumb(
    ports: Ports, tenant: TenantId, entry: CatalogEntry, *, reader: Reader | None
) -> Sequence[CatalogEntry]:
    """Return what a document stands under, topmost first, as far as it is here and may be read."""
    scopes = await visible_scopes(ports, tenant, reader)
    above: dict[ContentId, CatalogEntry] = {}
    parent = entry.parent_id
    while parent is not None and parent not in above and len(above) < MAX_DEPTH:
        found = await ports.library.read(tenant, [make_document_id(entry.site, parent)])
        if not found or not sees(scopes, found[0].known.access_scope):
            break
        above[parent] = found[0]
        parent = found[0].parent_id
    return tuple(reversed(above.values()))


async def list_level(
    ports: Ports,
    tenant: TenantId,
    site: SiteId,
    space: SpaceKey,
    *,
    reader: Reader | None,
    parent: ContentId | None = None,
    after: Position | None = None,
    limit: int = 100,
) -> Level:
    """Return a level of the space's tree: pages, posts, attachments, each by title."""
    scopes = await visible_scopes(ports, tenant, reader)
    visible: list[Leaf] = []
    while len(visible) <= limit:
        leaves = await ports.library.list_level(
            tenant, site, space, parent=parent, after=after, limit=LEAVES_AT_ONCE
        )
        visible += [leaf for leaf in leaves if sees(scopes, leaf.entry.known.access_scope)]
        if len(leaves) < LEAVES_AT_ONCE:
            break
        after = leaves[-1].position
    shown = visible[:limit]
    nodes = await _make_nodes(ports, tenant, site, shown, scopes)
    return Level(nodes, shown[-1].position if len(visible) > limit else None)


async def _make_nodes(
    ports: Ports,
    tenant: TenantId,
    site: SiteId,
    leaves: Sequence[Leaf],
    scopes: frozenset[Scope] | None,
) -> tuple[Node, ...]:
    rules = await ports.catalog.scope_rules(tenant)
    entries = [leaf.entry for leaf in leaves]
    children: Counter[ContentId] = Counter()
    for count in await ports.library.count_children(
        tenant, site, [entry.known.content_id for entry in entries]
    ):
        if sees(scopes, count.access_scope):
            children[count.parent_id] += count.documents
    restricted = _find_restricted(rules, {entry.known.access_scope for entry in entries})
    return tuple(
        Node(entry, children[entry.known.content_id], entry.known.access_scope in restricted)
        for entry in entries
    )


def _find_restricted(rules: Mapping[Scope, ScopeRule], scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes that not every token of the tenant passes."""
    return frozenset(
        scope
        for scope in scopes
        if any(EVERYONE not in clause for clause in chain_clauses(rules, scope))
    )


def _not_found() -> NotFoundError:
    # One message for both: whether it is there is not everybody's to know.
    return NotFoundError("no such document is here, or it is not yours to read")


def _make_document(
    entry: CatalogEntry, chunks: Mapping[DocumentId, Sequence[StoredChunk]]
) -> ReadDocument:
    known = entry.known
    found = chunks.get(known.document_id, ()) if is_searchable(known) else ()
    return ReadDocument(entry, tuple(found))
