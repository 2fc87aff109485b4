"""Clocks for the world: one that a test controls, one that the wall has."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def read_wall_clock() -> datetime:
    """Return the present time, UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class SteppingClock:
    """Moves by ``step`` whenever it is read, so that no two events share a moment."""

    moment: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    step: timedelta = timedelta(seconds=1)

    def __call__(self) -> datetime:
        """Return the next moment."""
        self.moment += self.step
        return self.moment

    def advance(self, time: timedelta) -> None:
        """Let time pass."""
        self.moment += time
