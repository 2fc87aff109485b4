"""Keeping search quick while a namespace grows."""

from headwater.domain.errors import RetryableError
from headwater.domain.ids import Namespace, TenantId
from headwater.ports import Ports


async def tidy_store(ports: Ports, tenant: TenantId) -> list[str]:
    """Bring the store's indexes up to date; return what is worth saying, as when that has to wait.

    Nothing is lost by waiting: rows that no index knows yet are found by scanning them.
    """
    try:
        note = await ports.store.settle(Namespace(tenant))
    except RetryableError as error:
        return [f"search is complete but slower until the next sync: {error}"]
    return [note] if note else []
