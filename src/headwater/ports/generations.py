"""Which vectors answer for a tenant, and which are being made to take their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headwater.domain.ids import DocumentId, TenantId


@dataclass(frozen=True, slots=True)
class Make:
    """What all vectors of one generation have in common."""

    model: str
    """The embedder's name for itself."""
    place: str = ""
    """The index they are in, where a store has several."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One complete set of a tenant's vectors, or one that is to become complete."""

    number: int
    make: Make


@dataclass(frozen=True, slots=True)
class Generations:
    """A tenant's generations: one answers, another may be in the making, others wait to be removed."""

    answering: Generation
    building: Generation | None = None
    retired: tuple[Generation, ...] = ()

    @property
    def kept(self) -> tuple[Generation, ...]:
        """Those that have to be kept in step, the one in the making first."""
        return (self.building, self.answering) if self.building else (self.answering,)

    def find(self, make: Make) -> Generation | None:
        """Return the one that holds vectors of this make."""
        return next((item for item in self.kept if item.make == make), None)


@dataclass(frozen=True, slots=True)
class Compared:
    """How documents that are to be written differ from what the catalog remembers."""

    edited: frozenset[DocumentId] = field(default_factory=frozenset)
    """New, or of another version."""
    described: frozenset[DocumentId] = field(default_factory=frozenset)
    """Different in their metadata alone."""


class GenerationStore(Protocol):
    """The catalog's word on generations."""

    async def read(self, tenant: TenantId, make: Make) -> Generations:
        """Return the tenant's generations.

        One that was never written down is of its documents' model, or of this make without any.
        """

    async def list_makes(self) -> Sequence[Make]:
        """Return the makes of all that has records, whichever tenant's."""

    async def list_answering(self) -> Sequence[Make]:
        """Return the makes of all that answers, whichever tenant's."""

    async def begin(self, tenant: TenantId, make: Make) -> Generations:
        """See that there is a generation of this make to write to, and return all.

        The tenant's first answers at once. Another make than the answering one's is built beside it,
        in place of whatever was being built; the answering one's own gives the building up. Documents
        that claim to be of a make that begins anew are marked to be read again.
        """

    async def compare(
        self, tenant: TenantId, documents: Mapping[DocumentId, tuple[int, str]]
    ) -> Compared:
        """Compare versions and metadata digests with what is remembered."""

    async def count_behind(self, tenant: TenantId, make: Make) -> int:
        """Count the searchable documents without vectors of this make; not those that failed for good."""

    async def read_records(
        self, tenant: TenantId, make: Make, *, after: DocumentId | None, limit: int
    ) -> Mapping[DocumentId, int]:
        """Return documents of this make behind ``after``, by id, with the records that each must have."""

    async def mark_unread(self, tenant: TenantId, document_ids: Sequence[DocumentId]) -> None:
        """Have the next sync read these again."""

    async def switch(self, tenant: TenantId, building: Generation) -> bool:
        """In one transaction: have this generation answer, and retire the one that did.

        Nothing happens, and ``False`` is returned, where documents are behind or it is not being built
        any more. What failed for good is in the index no longer, and remembered as failed.
        """

    async def forget(self, tenant: TenantId, generation: Generation | None = None) -> None:
        """Forget a generation whose records are gone, or all of them."""
