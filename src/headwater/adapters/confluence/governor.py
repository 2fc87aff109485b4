"""One governor per Confluence site: who may ask it, when, and how many at once.

All sources that are open on a site share its governor (``sites`` sees to that), whatever job or tenant
they serve, because Confluence counts their requests together:

- a few requests in flight, more or fewer as the site bears (``pace``);
- sources take turns, so that one large job does not keep another's short call waiting;
- when the site throttles, nobody asks until the announced time, and every source's listener knows;
- when a quota runs low, requests are spaced out;
- where other processes ask the site too, all of them together keep to one pace (``shares``).

All of it goes by a watch that nobody can set (``Timing.steady``); the clock on the wall may be set back
an hour in the middle of a pause. Only what listeners are told is a date.

Everything here belongs to one event loop, the process's only one; nothing is safe to call from another thread.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headwater.adapters.confluence.concurrency import Turns
from headwater.adapters.confluence.pace import CEILING, Pace, Spacing, read_spacing
from headwater.adapters.confluence.patience import Patience, Timing, WaitListener, parse_date
from headwater.adapters.confluence.shares import Share
from headwater.adapters.metrics import THROTTLED_SECONDS
from headwater.domain.errors import SourceUnreachableError
from headwater.domain.pacing import Settlement, SitePace


@dataclass(eq=False, slots=True)
class _Ticket:
    """One request waiting for its turn. The decision is ``False`` where it would wait too long."""

    decision: asyncio.Future[bool]
    patience: Patience


class SiteGovernor:
    """Lets requests to one site through, as many and as fast as it bears."""

    def __init__(
        self,
        timing: Timing | None = None,
        *,
        ceiling: int = CEILING,
        share: Share | None = None,
    ) -> None:
        """Without a ``share`` the site is this process's alone."""
        self._timing = timing or Timing()
        self.pace = Pace(ceiling)
        self._share = share or Share(self._timing.watch)
        self._visitors: set[Visitor] = set()
        self._waiting: Turns[Visitor, _Ticket] = Turns()
        self._in_flight = 0
        self._opens: datetime | None = None
        self._spacing = Spacing(0.0, self._timing.steady())
        self._spaced_by: Visitor | None = None
        self._last_start = self._spacing.until
        self._keeper: asyncio.Task[None] | None = None
        self._asked_until: datetime | None = None

    @property
    def in_flight(self) -> int:
        """Requests sent and not yet answered."""
        return self._in_flight

    @property
    def limit(self) -> int:
        """How many requests this process may have in flight."""
        return self._share.limit(self.pace.window)

    @property
    def is_idle(self) -> bool:
        """Tell whether nobody has the site open, and nothing about it needs remembering."""
        return not self._visitors and self.paused_seconds() <= 0

    def join(self, on_wait: WaitListener | None = None) -> "Visitor":
        """Return a new visitor, who takes part in the round. ``on_wait`` hears at once of a pause that is on."""
        self._open_if_over(self._timing.steady())
        visitor = Visitor(self, on_wait)
        self._visitors.add(visitor)
        if self._opens is not None:
            visitor.tell(self._date(self._opens))
            self._keep_time()
        return visitor

    def leave(self, visitor: "Visitor") -> None:
        """Let a visitor go; the last one stops the clock."""
        self._visitors.discard(visitor)
        if not self._visitors and self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    def paused_seconds(self) -> float:
        """Return how long the site's pause goes on; 0 if there is none."""
        if self._opens is None:
            return 0.0
        return max((self._opens - self._timing.steady()).total_seconds(), 0.0)

    def pause(self, seconds: float) -> None:
        """Let nothing through for so long. A longer pause that is already on stays.

        Whoever waits and has less patience than that is told at once.
        """
        opens = self._timing.steady() + timedelta(seconds=seconds)
        if self._opens is None or opens > self._opens:
            THROTTLED_SECONDS.inc(max(0.0, seconds - self.paused_seconds()))
            self._opens = opens
            self._tell(opens)
            self._refuse_hasty(seconds)
        self._keep_time()

    def pause_as_asked(self, retry_after: float | None, patience: Patience) -> None:
        """Pause for as long as the answer says, or longer with each setback where it says nothing."""
        setbacks, dice = self.pace.setbacks, self._timing.dice()
        seconds = patience.length_of_pause(retry_after, setbacks, dice)
        self._asked_until = self._timing.steady() + timedelta(seconds=seconds)
        self.pause(seconds)
        self._share.note_setback()

    def report(self) -> SitePace:
        """Return what other processes should know; of a pause, only what the site asked of this one."""
        until = self._asked_until or self._timing.steady()
        left = max((until - self._timing.steady()).total_seconds(), 0.0)
        wanted, held = self._share.tell(self._in_flight, self._demand)
        return SitePace(
            setbacks=self.pace.era,
            window=self.pace.window,
            paused_seconds=min(left, self.paused_seconds()),
            wanted=wanted,
            is_prompt=any(ticket.patience.turn is not None for ticket in self._waiting),
            held=held,
        )

    def heed_others(self, settlement: Settlement, *, spoken: float) -> None:
        """Go on with what was settled with the other processes, at ``spoken`` by the watch.

        What throttles one of them throttles all: nobody asks until its pause is over, and all
        together go on with half as many requests.
        """
        self.pace.adopt(settlement.said.setbacks, settlement.said.window)
        self._share.take(settlement, spoken=spoken, under_way=self._in_flight)
        longest = max((pace.paused_seconds for pace in settlement.others.values()), default=0.0)
        if longest > self.paused_seconds():
            self.pause(longest)
        self._admit()

    def be_alone(self) -> None:
        """Have the site to this process."""
        self._share.take_all()
        self._admit()

    @property
    def _demand(self) -> int:
        """How many requests would be in flight if nothing but the site's ceiling held them back."""
        return min(self._in_flight + len(self._waiting), self.pace.ceiling)

    def heed_answer(self, era: int) -> None:
        """Take a good answer to a request of this era as a sign that the site bears the pace."""
        was_full = self._in_flight >= self.limit
        self.pace.note_answer(era, was_full=was_full, askers=self._share.askers)

    def heed_quota(self, headers: Mapping[str, str], visitor: "Visitor") -> None:
        """Keep requests apart while a quota is short.

        Quotas may be each account's own: only the source that saw it short, or time, ends it.
        """
        now = self._timing.steady()
        sent_at = parse_date(headers.get("date", "")) or self._timing.now()
        spacing = read_spacing(headers, sent_at)
        if spacing is None:
            return
        spacing = replace(spacing, until=now + (spacing.until - sent_at))
        # A quota is counted for all processes together, and each of them keeps its requests apart.
        spacing = replace(spacing, interval=spacing.interval * self._share.askers)
        is_over = self._spacing.until <= now
        if is_over or visitor is self._spaced_by or spacing.interval > self._spacing.interval:
            self._spacing, self._spaced_by = spacing, visitor

    async def take_turn(self, visitor: "Visitor", patience: Patience) -> None:
        """Return when the visitor may send one request; ``end_turn`` follows.

        Raises ``SourceUnreachableError``, which says when to come back, where that takes longer than
        ``patience`` allows.
        """
        try:
            async with asyncio.timeout(patience.turn):
                while not await self._stand_in_line(visitor, patience):
                    self.end_turn()
        except TimeoutError as error:
            raise self._refuse() from error

    def end_turn(self) -> None:
        """Let the next one in."""
        self._in_flight -= 1
        self._share.note_end(self._in_flight)
        self._admit()

    async def _stand_in_line(self, visitor: "Visitor", patience: Patience) -> bool:
        """Return once it is the visitor's turn; ``False`` if a setback came at that very moment."""
        self._open_if_over(self._timing.steady())
        if self.paused_seconds() > patience.budget:
            raise self._refuse()
        ticket = _Ticket(asyncio.get_running_loop().create_future(), patience)
        self._waiting.put(visitor, ticket)
        self._share.note_demand(self._demand)
        self._admit()
        try:
            is_admitted = await ticket.decision
        except asyncio.CancelledError:
            self._withdraw(ticket)
            raise
        if not is_admitted:
            raise self._refuse()
        return self._opens is None and self._in_flight <= self.limit

    def _withdraw(self, ticket: _Ticket) -> None:
        """Undo a ticket, whether it still waits or was admitted just before."""
        self._waiting.discard(lambda other: other is ticket)
        if not ticket.decision.cancelled() and ticket.decision.result():
            self.end_turn()

    def _admit(self) -> None:
        while self._waiting and self._opens is None and self._in_flight < self.limit:
            now = self._timing.steady()
            if self._is_too_early(now):
                self._keep_time()
                return
            ticket = self._waiting.take()
            if not ticket.decision.done():  # else its caller was cancelled and has yet to notice
                self._last_start = now
                self._in_flight += 1
                ticket.decision.set_result(True)

    def _is_too_early(self, now: datetime) -> bool:
        return now < self._spacing.until and now < self._next_start

    @property
    def _next_start(self) -> datetime:
        return self._last_start + timedelta(seconds=self._spacing.interval)

    def _keep_time(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._sleep_and_admit())

    async def _sleep_and_admit(self) -> None:
        """Sleep from one moment to the next at which something may start, while there is one.

        What was slept for has come, whatever the watch says: it may be a little behind.
        """
        while (moment := self._next_moment()) is not None:
            seconds = (moment - self._timing.steady()).total_seconds()
            await self._timing.sleep(max(seconds, 0.0))
            self._open_if_over(moment)
            if self._next_start <= moment:
                self._last_start += min(self._timing.steady() - self._next_start, timedelta())
            self._admit()
        self._keeper = None

    def _next_moment(self) -> datetime | None:
        if self._opens is not None:
            return self._opens
        is_spaced = self._waiting and self._is_too_early(self._timing.steady())
        return min(self._next_start, self._spacing.until) if is_spaced else None

    def _open_if_over(self, moment: datetime) -> None:
        if self._opens is not None and self._opens <= moment:
            self._opens = None
            self._tell(None)

    def _refuse_hasty(self, seconds: float) -> None:
        for ticket in self._waiting.discard(lambda item: item.patience.budget < seconds):
            if not ticket.decision.done():
                ticket.decision.set_result(False)

    def _refuse(self) -> SourceUnreachableError:
        """Return the error that says when to come back."""
        seconds = max(math.ceil(self.paused_seconds()), 1)
        return SourceUnreachableError(
            f"Confluence can take no further request now; try again in {seconds} seconds",
            retry_after=float(seconds),
        )

    def _tell(self, until: datetime | None) -> None:
        for visitor in tuple(self._visitors):
            visitor.tell(until and self._date(until))

    def _date(self, moment: datetime) -> datetime:
        """Return when that is by the clock on the wall."""
        return self._timing.now() + (moment - self._timing.steady())


class Visitor:
    """One source among all that ask a site."""

    def __init__(self, governor: SiteGovernor, on_wait: WaitListener | None) -> None:
        self._governor = governor
        self._on_wait = on_wait

    def leave(self) -> None:
        """Take part no more."""
        self._governor.leave(self)

    def tell(self, until: datetime | None) -> None:
        """Say until when the site is paused, or that it goes on."""
        if self._on_wait is not None:
            self._on_wait(until)

    def paused_seconds(self) -> float:
        """Return how long the site's pause goes on; 0 if there is none."""
        return self._governor.paused_seconds()

    @asynccontextmanager
    async def turn(self, patience: Patience) -> AsyncGenerator["Turn", None]:
        """Wait for the turn to send one request, which is to be answered within the block.

        Raises ``SourceUnreachableError`` where that takes longer than ``patience`` allows.
        """
        await self._governor.take_turn(self, patience)
        try:
            yield Turn(self._governor, self, self._governor.pace.era)
        finally:
            self._governor.end_turn()


@dataclass(frozen=True, slots=True)
class Turn:
    """One request under way. Whoever sends it notes what came of it, before the next one is let in."""

    governor: SiteGovernor
    visitor: Visitor
    era: int

    def note_answer(self, headers: Mapping[str, str]) -> None:
        """Take a good answer as a sign that the site bears the pace."""
        self.governor.heed_answer(self.era)
        self.governor.heed_quota(headers, self.visitor)

    def note_throttling(
        self, headers: Mapping[str, str], retry_after: float | None, patience: Patience
    ) -> None:
        """Pause the site for as long as it asks, and go on with half as many requests."""
        self.governor.pace.note_throttling(self.era)
        self.governor.heed_quota(headers, self.visitor)
        self.governor.pause_as_asked(retry_after, patience)

    def note_timeout(self) -> None:
        """Take a request that got no answer in time as a sign of overload, if it is not the first."""
        self.governor.pace.note_timeout(self.era)

    def note_failure(self) -> None:
        """Take any other trouble as the request's own."""
        self.governor.pace.note_failure()
