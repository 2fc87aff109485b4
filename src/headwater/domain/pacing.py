"""One Confluence that many processes ask: what each says of it, and how its requests are shared out.

A site bears so many requests at a time from all processes together: its window. Each process has some
of them, its share, and takes and gives back at its own moments, in a transaction in which nobody else
does. So all of them together never have more than the window, however many there are and however
little they know of each other: with more processes than the window is wide, some have none, and wait
for their turn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

LEAD: Final = 64
"""So many changes later than others a process may have come whose caller waits, and go first: enough to
pass those that are in line, too few to keep anyone from ever having a turn."""


@dataclass(frozen=True, slots=True)
class SitePace:
    """What one process says of a site that it has open."""

    setbacks: int = 0
    """How often the site has throttled anybody, as far as this process knows; it only grows."""
    window: int = 1
    """How many requests it bears at a time, from all processes together, since the last setback."""
    paused_seconds: float = 0.0
    """How long the site has asked this process to wait, from now on."""
    wanted: int = 0
    """Requests that it would have under way."""
    is_prompt: bool = False
    """Whether somebody waits for the answer to one of them, as no job does."""
    held: int = 0
    """Requests that it may have under way, until it says otherwise."""
    since: int = 0
    """The site's own count of changes, when it last came to hold some, to want in vain, or to want none."""
    beats: int = 0
    """How often it has spoken: who is silent is gone."""

    @property
    def standing(self) -> tuple[bool, bool]:
        """Whether it holds something, and whether it wants something in vain."""
        return self.held > 0, self.wanted > 0 == self.held


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one process has of a site once it has spoken."""

    said: SitePace
    """What it says from now on."""
    share: int = 0
    """The requests it may have under way; what it holds beyond that, it gives back as they end."""
    promised: int = 0
    """The share that it will have once others have given back what is more than theirs."""
    others: Mapping[str, SitePace] = field(default_factory=dict)

    @property
    def askers(self) -> int:
        """How many processes ask the site at present, this one included."""
        return 1 + sum(pace.wanted > 0 for pace in self.others.values())


def settle(said: Mapping[str, SitePace], seat: str, mine: SitePace) -> Settlement:
    """Return what the process at ``seat`` has after saying ``mine``, all having said what is ``said``.

    Nobody may speak between the reading of ``said`` and the keeping of the result.
    """
    before = said.get(seat, SitePace())
    others = {name: pace for name, pace in said.items() if name != seat}
    setbacks, window = max((pace.setbacks, pace.window) for pace in (mine, *others.values()))
    count = max((pace.since for pace in said.values()), default=0)
    mine = replace(mine, setbacks=setbacks, window=window, since=before.since)
    mine = _note_change(before, replace(mine, beats=before.beats + 1), count + 1)
    paces = {**others, seat: mine}
    promises = share_out(paces, window)
    promised, most = promises[seat], window - _count_taken(paces, seat, promises)
    share = min(promised, max(most, mine.held))
    after = _note_change(mine, replace(mine, held=max(mine.held, share)), count + 2)
    return Settlement(after, share, promised, others)


def _note_change(before: SitePace, after: SitePace, count: int) -> SitePace:
    return after if after.standing == before.standing else replace(after, since=count)


def _count_taken(paces: Mapping[str, SitePace], seat: str, promises: Mapping[str, int]) -> int:
    """Count what others hold, and what is kept for those that come before this one."""
    mine = _rank(seat, paces)
    return sum(
        max(pace.held, promises[other] if _rank(other, paces) < mine else 0)
        for other, pace in paces.items()
        if other != seat
    )


def share_out(paces: Mapping[str, SitePace], window: int) -> dict[str, int]:
    """Return everybody's share: as equal as can be, nobody's more than wanted.

    Where there is not one for each, those have one that have waited longest, with a lead for those
    whose caller waits too; then those that have had theirs for the shortest time. So everybody's turn
    comes, and ends.
    """
    shares = dict.fromkeys(paces, 0)
    line = sorted(
        (seat for seat in paces if paces[seat].wanted), key=lambda seat: _rank(seat, paces)
    )
    while window > 0 and line:
        served, window = line[:window], window - len(line)
        for seat in served:
            shares[seat] += 1
        line = [seat for seat in served if shares[seat] < paces[seat].wanted]
    return shares


def _rank(seat: str, paces: Mapping[str, SitePace]) -> tuple[bool, int, str]:
    pace = paces[seat]
    if pace.held:
        return True, -pace.since, seat
    return False, pace.since - LEAD * pace.is_prompt, seat
