"""Keeping search quick while a namespace grows."""

from typing import Final

from headwater.domain.errors import RetryableError
from headwater.domain.ids import Namespace, TenantId
from headwater.ports import Ports

TIDY_EVERY: Final = 1000
"""Documents read, beyond which search would be slow while a job is at it."""

TIDY_SHARE: Final = 10
"""Beyond ten times as many, every tenth part more: tidying takes the longer the more there is."""


def count_tidyings(documents: int) -> int:
    """Return how often a job tidies the store until it has read so many documents."""
    tidyings = tidied = 0
    while (tidied := tidied + max(TIDY_EVERY, tidied // TIDY_SHARE)) <= documents:
        tidyings += 1
    return tidyings


async def tidy_store(ports: Ports, tenant: TenantId) -> list[str]:
    """Bring the store's indexes up to date; return what is worth saying, as when that has to wait.

    Nothing is lost by waiting: rows that no index knows yet are found by scanning them.
    """
    try:
        note = await ports.store.settle(Namespace(tenant))
    except RetryableError as error:
        return [f"search is complete but slower until the next sync: {error}"]
    return [note] if note else []
