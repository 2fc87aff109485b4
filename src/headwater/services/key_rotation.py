"""Sealing what is stored with the first key again, so that older keys can be dropped."""

from dataclasses import dataclass

from headwater.domain.errors import ConfigError
from headwater.ports import CredentialStore, SecretBox


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did, in credentials."""

    resealed: int
    unreadable: int
    """No present key opens these: they were left as they are."""


async def rotate_keys(credentials: CredentialStore, box: SecretBox) -> Rotation:
    """Seal every tenant's stored credentials with the box's first key.

    May run beside servers that know both keys: a credential that goes or changes meanwhile is left
    alone. What no key opens stays, for the day its key is found.
    """
    resealed = unreadable = 0
    for stored in await credentials.list_all():
        try:
            fresh = box.reseal(stored.sealed)
        except ConfigError:
            unreadable += 1
            continue
        resealed += await credentials.replace(stored, fresh)
    return Rotation(resealed, unreadable)
