"""A vector store that keeps nothing: what a sync takes without one."""

from collections.abc import Mapping, Sequence

from headwater.domain.content import StoredChunk, StoredMatch
from headwater.domain.ids import DocumentId, Namespace
from headwater.ports import HybridQuery, StoreBatch, StoreCounts, Vector


class ForgetfulStore:
    """Accepts everything, and is always empty."""

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Forget the batch."""

    async def read_vectors(
        self,
        namespace: Namespace,  # noqa: ARG002  (the port's)
        document_ids: Sequence[DocumentId],  # noqa: ARG002  (same)
    ) -> Mapping[str, Vector]:
        """Return none."""
        return {}

    async def read_chunks(
        self,
        namespace: Namespace,  # noqa: ARG002  (the port's)
        document_ids: Sequence[DocumentId],  # noqa: ARG002  (same)
    ) -> Mapping[DocumentId, Sequence[StoredChunk]]:
        """Return none."""
        return {}

    async def count_records(
        self,
        namespace: Namespace,  # noqa: ARG002  (the port's)
        document_ids: Sequence[DocumentId],  # noqa: ARG002  (same)
    ) -> Mapping[DocumentId, int]:
        """Return none."""
        return {}

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:  # noqa: ARG002  (the port's)
        """Return none."""
        return []

    async def count(self, namespace: Namespace) -> StoreCounts:  # noqa: ARG002  (the port's)
        """Return zeros."""
        return StoreCounts(documents=0, records=0)

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:  # noqa: ARG002  (the port's)
        """Return none."""
        return {}

    async def settle(self, namespace: Namespace) -> None:
        """Do nothing."""

    async def drop(self, namespace: Namespace) -> None:
        """Do nothing."""

    async def check(self) -> None:
        """Do nothing."""
