"""Following a job: by its event stream while that works, by looking at it where it does not. Pure."""

from dataclasses import dataclass
from typing import Final

import httpx2

from headwater.client.answers import Job
from headwater.client.exchange import read_event

LOOK_SECONDS: Final = 0.5
"""Between two looks at a job whose stream does not work."""

SILENCE_SECONDS: Final = 45.0
"""A stream that is silent for so long is dead: the server sends something every 15 seconds."""

FRUITLESS: Final = 3
"""After so many streams in a row without an event none is opened any more: some proxies hold them back."""

STREAM_TIMEOUT: Final = httpx2.Timeout(30.0, read=SILENCE_SECONDS)


@dataclass(slots=True)
class Following:
    """How far a job's story has been told, and by which means it goes on."""

    streams: bool = True
    told: Job | None = None
    _last_event_id: str | None = None
    _fruitless: int = 0

    def is_over(self) -> bool:
        """Tell whether the end has been told."""
        return self.told is not None and self.told.is_final

    def open_stream(self) -> dict[str, str] | None:
        """Return the headers of the next stream, counted as fruitless until an event comes.

        ``None`` where none is to be opened.
        """
        if not self.streams or self._fruitless >= FRUITLESS:
            return None
        self._fruitless += 1
        accept = {"accept": "text/event-stream"}
        resume = {"last-event-id": self._last_event_id} if self._last_event_id else {}
        return {**accept, **resume}

    def take_event(self, event: httpx2.ServerSentEvent) -> Job | None:
        """Return the job that an event carries, if that is news."""
        self._fruitless = 0
        self._last_event_id = event.id or self._last_event_id
        if event.event not in {"progress", "end"}:
            return None
        return self.take_job(read_event(Job, event.data))

    def take_job(self, job: Job) -> Job | None:
        """Return the job if it is not as it was told before."""
        is_news = job != self.told
        self.told = job
        return job if is_news else None
