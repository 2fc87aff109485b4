"""Spans by OpenTelemetry's SDK, on a provider of our own.

Not the global one: what other libraries would tell it, names and statements among it, is not ours to
pass on.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from headwater.ports import Fact, Span

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADER: Final = "traceparent"


@dataclass(frozen=True, slots=True)
class OtelTracer:
    """Implements :class:`headwater.ports.Tracer`."""

    tracer: trace.Tracer

    def span(
        self, name: str, *, parent: str | None = None, **facts: Fact
    ) -> AbstractContextManager[Span]:
        """Open a span around the block."""
        return _Block(self.start(name, parent=parent, **facts))

    def start(self, name: str, *, parent: str | None = None, **facts: Fact) -> "OtelSpan":
        """Begin a span that is nobody's surroundings; it lasts until its end is said."""
        above = _PROPAGATOR.extract({_HEADER: parent}) if parent else None
        span = self.tracer.start_span(name, context=above)
        started = OtelSpan(span)
        started.note(**facts)
        return started

    def current(self) -> str | None:
        """Name the caller's span."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get(_HEADER)


@dataclass(frozen=True, slots=True)
class OtelSpan:
    """Implements :class:`headwater.ports.Span`."""

    span: trace.Span

    def note(self, **facts: Fact) -> None:
        """Add facts under the names that OpenTelemetry or we have for them."""
        self.span.set_attributes({_spell(name): value for name, value in facts.items()})

    def rename(self, name: str) -> None:
        """Give it another name."""
        self.span.update_name(name)

    def fail(self, kind: str) -> None:
        """Say that it did not succeed. The kind alone: an error's text may quote what it is about."""
        self.span.set_attribute("error.type", kind)
        self.span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        """Say that it is over."""
        self.span.end()

    def leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,  # noqa: ARG002  (what an exit is told)
        where: TracebackType | None,  # noqa: ARG002  (likewise)
    ) -> None:
        """Say that it is over, as the exit of a ``with`` block does."""
        if kind is not None:
            self.fail(kind.__name__)
        self.end()


@dataclass(slots=True)
class _Block:
    """The time a ``with`` block takes, as the surroundings of what happens in it."""

    span: OtelSpan
    _before: object = field(default=None, init=False)

    def __enter__(self) -> Span:
        self._before = contexts.attach(trace.set_span_in_context(self.span.span))
        return self.span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        contexts.detach(self._before)  # type: ignore[arg-type]
        self.span.leave(kind, error, where)


_SPELLED: Final = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "host": "server.address",
    "path": "url.template",
}
"""Facts for which OpenTelemetry's conventions have a name."""


def _spell(name: str) -> str:
    return _SPELLED.get(name, f"headwater.{name}")
