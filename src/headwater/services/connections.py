"""Trying what a login opens, before anything is brought in by it."""

from collections.abc import Sequence

from headwater.ports import Capability, SourceFactory
from headwater.services.credentials import Login


async def prove_login(sources: SourceFactory, login: Login) -> None:
    """Raise unless Confluence knows the caller: what opening a source raises, and its refusal."""
    async with sources.open(login.address, login.credential) as source:
        await source.check_credentials()


async def probe_site(sources: SourceFactory, login: Login) -> Sequence[Capability]:
    """Try each kind of call that a sync depends on, and say which work; raises as opening does."""
    async with sources.open(login.address, login.credential) as source:
        return await source.probe()
