"""The one rule about long texts: they are refused by name, never cut off."""

from collections.abc import Sequence

from headwater.domain.errors import DocumentError, FailureType


def refuse_long(counts: Sequence[int], window: int) -> None:
    """Raise ``DocumentError`` naming the first text with more tokens than the window."""
    for place, count in enumerate(counts, start=1):
        if count > window:
            raise DocumentError(
                FailureType.VECTOR_EMBEDDING_FAILED,
                f"Text {place} of {len(counts)} has {count} tokens; the embedding model takes"
                f" {window}. Split it into smaller chunks.",
            )
