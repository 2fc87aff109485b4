"""What a tenant has in, and what of it failed, a page of the catalog at a time."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from headwater.domain.access import Reader, Scope, readable_scopes
from headwater.domain.ids import DocumentId, TenantId
from headwater.ports import FailedDocument, HeldDocument, Ports

AT_ONCE: Final = 500


class _Listed(Protocol):
    @property
    def document_id(self) -> DocumentId: ...

    @property
    def access_scope(self) -> Scope: ...


T = TypeVar("T", bound=_Listed)


def list_held(
    ports: Ports, tenant: TenantId, reader: Reader | None
) -> AsyncGenerator[HeldDocument, None]:
    """Yield the searchable documents by id: those the reader may see, all for nobody in particular."""

    async def read(after: DocumentId | None) -> Sequence[HeldDocument]:
        return await ports.inventory.list_documents(tenant, after=after, limit=AT_ONCE)

    return _list_visible(ports, tenant, reader, read)


def list_failed(
    ports: Ports, tenant: TenantId, reader: Reader | None
) -> AsyncGenerator[FailedDocument, None]:
    """Yield the documents whose last attempt failed, by id, likewise."""

    async def read(after: DocumentId | None) -> Sequence[FailedDocument]:
        return await ports.inventory.list_failed(tenant, after=after, limit=AT_ONCE)

    return _list_visible(ports, tenant, reader, read)


async def _list_visible(
    ports: Ports,
    tenant: TenantId,
    reader: Reader | None,
    read: Callable[[DocumentId | None], Awaitable[Sequence[T]]],
) -> AsyncGenerator[T, None]:
    after: DocumentId | None = None
    while rows := await read(after):
        # Read each time: what is tightened while a long list is sent closes for its rest.
        scopes = await visible_scopes(ports, tenant, reader)
        for row in rows:
            if sees(scopes, row.access_scope):
                yield row
        after = rows[-1].document_id


async def visible_scopes(
    ports: Ports, tenant: TenantId, reader: Reader | None
) -> frozenset[Scope] | None:
    """Return the scopes a reader may see now; ``None``, which is all, for nobody in particular."""
    if reader is None:
        return None
    return readable_scopes(await ports.catalog.scope_rules(tenant), reader)


def sees(scopes: frozenset[Scope] | None, scope: Scope) -> bool:
    """Tell whether a scope is among those that :func:`visible_scopes` returned."""
    return scopes is None or scope in scopes
