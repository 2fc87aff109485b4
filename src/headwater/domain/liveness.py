"""Who has fallen silent, by the observer's own watch: no two clocks are ever compared."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


@dataclass(slots=True)
class Watch(Generic[Name]):
    """How long each of some processes has been silent, in time that this one has watched. Seconds."""

    silent_after: float
    longest_look: float
    """So much counts at most of the time between two looks at the others."""
    seen: dict[Name, tuple[int, float]] = field(default_factory=dict)
    """Each process's last number, and for how long it has been that."""
    looked: float | None = None

    def note(self, beats: Mapping[Name, int], now: float) -> dict[Name, int]:
        """Note everybody's beats; return who has been silent for too long, with the last beat.

        A long time without a look counts as a short one: nobody was watched, since this process was
        asleep or the database away, and then nobody could be heard.
        """
        passed = 0.0 if self.looked is None else min(now - self.looked, self.longest_look)
        before, self.looked = self.seen, now
        self.seen = {
            name: (number, before[name][1] + passed)
            if name in before and before[name][0] == number
            else (number, 0.0)
            for name, number in beats.items()
        }
        return {
            name: number
            for name, (number, silence) in self.seen.items()
            if silence >= self.silent_after
        }
