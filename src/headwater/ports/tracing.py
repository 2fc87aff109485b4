"""Where time goes, told to whoever watches: spans, one inside the other, across processes.

A span's name and facts say what kind of work it was and how much, never whose or about what: no query,
title, text, credential, tenant or space. By default nobody watches, and nothing is made.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

Fact = str | int | float | bool


class Span(Protocol):
    """A piece of work under way."""

    def note(self, **facts: Fact) -> None:
        """Add facts that are known only now."""

    def rename(self, name: str) -> None: ...

    def fail(self, kind: str) -> None:
        """Say that it did not succeed, and what kind of error it was."""


class Tracer(Protocol):
    """Makes spans."""

    def span(
        self, name: str, *, parent: str | None = None, **facts: Fact
    ) -> AbstractContextManager[Span]:
        """Open a span around the block, inside the caller's, or inside the one that ``parent`` names.

        An exception that leaves the block fails it with the exception's type, never with its text.
        """

    def current(self) -> str | None:
        """Name the caller's span as a W3C ``traceparent``, for work that goes on elsewhere."""


class NoTraces:
    """Nobody watches. Implements :class:`Tracer` and :class:`Span`."""

    def span(
        self,
        name: str,  # noqa: ARG002  (the port's)
        *,
        parent: str | None = None,  # noqa: ARG002  (the port's)
        **facts: Fact,  # noqa: ARG002  (the port's)
    ) -> AbstractContextManager[Span]:
        """Return a span that is none."""
        return _NOTHING

    def current(self) -> str | None:
        """Name nothing."""
        return None

    def note(self, **facts: Fact) -> None:
        """Forget the facts."""

    def rename(self, name: str) -> None:
        """Forget the name."""

    def fail(self, kind: str) -> None:
        """Forget the failure."""


NO_TRACES: Final = NoTraces()
_NOTHING: Final[AbstractContextManager[Span]] = nullcontext(NO_TRACES)
