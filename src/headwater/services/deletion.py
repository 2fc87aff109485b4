"""Deleting on request: by link, by vector id, a page or a whole site; answered when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headwater.domain.errors import ContentNotFoundError
from headwater.domain.ids import ChunkId, DocumentId, TenantId, make_chunk_id
from headwater.domain.removal import Candidate
from headwater.ports import Ports
from headwater.services.deletion_targets import Selection, add_attachments, select_by_url
from headwater.services.removal import remove_documents

MAX_DIGITS: Final = 9
NOTHING_THERE: Final = (
    "nothing here has this link; POST /v2/confluence/why tells what is known of a page"
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion removed, and when."""

    documents: int
    vectors: int
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A vector id or link that named nothing."""

    id: str
    error: str


@dataclass(frozen=True, slots=True)
class ListReceipt:
    """What became of a list of vector ids and links."""

    successful: tuple[ChunkId, ...]
    failed: tuple[Refused, ...]


async def delete_by_url(
    ports: Ports, tenant: TenantId, source_url: str, *, include_descendants: bool
) -> Receipt:
    """Delete what a link means; ``ContentNotFoundError`` where nothing is there, so also the second time."""
    selection = await select_by_url(
        ports.inventory, tenant, source_url, include_descendants=include_descendants
    )
    if selection.is_empty:
        raise ContentNotFoundError(NOTHING_THERE)
    ids = [item.document_id for item in selection.documents]
    removed = await remove_documents(ports, tenant, ids, selection.cleared)
    return Receipt(removed.documents, removed.vectors, ports.now())


async def delete_listed(
    ports: Ports, tenant: TenantId, *, vector_ids: Sequence[str], source_urls: Sequence[str]
) -> ListReceipt:
    """Delete whole documents by vectors of theirs, by their own ids, or by links; say what was not there.

    A document is never left without some of its chunks: one vector's id stands for all of them. A page
    goes with its attachments.
    """
    named, failed = await _find_named(ports, tenant, vector_ids)
    linked, unknown = await _find_linked(ports, tenant, source_urls)
    chosen = {
        item.document_id: item for item in await add_attachments(ports.inventory, tenant, named)
    }
    for selection in linked:
        chosen |= {item.document_id: item for item in selection.documents}
        for place in selection.cleared:
            inside = await ports.inventory.find_in(tenant, place)
            chosen |= {item.document_id: item for item in inside}
    if chosen:
        cleared = [place for selection in linked for place in selection.cleared]
        await remove_documents(ports, tenant, list(chosen), cleared)
    successful = tuple(key for item in chosen.values() for key in _list_vectors(item))
    return ListReceipt(successful, (*failed, *unknown))


async def _find_named(
    ports: Ports, tenant: TenantId, vector_ids: Sequence[str]
) -> tuple[list[Candidate], list[Refused]]:
    names = {key: DocumentId(key.partition("#")[0]) for key in vector_ids}
    found = await ports.inventory.find_named(tenant, list(dict.fromkeys(names.values())))
    there = {item.document_id: item for item in found}
    failed = [
        Refused(key, "no such vector; ids are those of search results")
        for key, name in names.items()
        if name not in there or not _has_vector(there[name], key)
    ]
    missing = {item.id for item in failed}
    wanted = {name for key, name in names.items() if key not in missing}
    return [item for item in found if item.document_id in wanted], failed


def _has_vector(item: Candidate, key: str) -> bool:
    number = key.rpartition("#")[2]
    is_ordinal = number.isdecimal() and len(number) <= MAX_DIGITS and int(number) < item.chunks
    return key == item.document_id or (
        is_ordinal and key == make_chunk_id(item.document_id, int(number))
    )


def _list_vectors(item: Candidate) -> list[ChunkId]:
    return [make_chunk_id(item.document_id, number) for number in range(item.chunks)]


async def _find_linked(
    ports: Ports, tenant: TenantId, source_urls: Sequence[str]
) -> tuple[list[Selection], list[Refused]]:
    found, failed = [], []
    for url in dict.fromkeys(source_urls):
        selection = await select_by_url(ports.inventory, tenant, url, include_descendants=False)
        if selection.is_empty:
            failed.append(Refused(url, NOTHING_THERE))
        else:
            found.append(selection)
    return found, failed
