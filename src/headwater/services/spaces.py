"""Listing the spaces of a Confluence."""

from collections.abc import Sequence

from headwater.domain.content import Space
from headwater.domain.jobs import SiteAddress, SiteCredential
from headwater.ports import SourceFactory


async def list_spaces(
    sources: SourceFactory, address: SiteAddress, credential: SiteCredential
) -> Sequence[Space]:
    """Return every space the account may see, however many, in the order of their keys."""
    async with sources.open(address, credential) as source:
        await source.check_credentials()
        spaces = await source.list_spaces()
    return sorted(spaces, key=lambda space: space.key)
