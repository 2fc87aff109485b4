"""Taking documents of a job in hand, a share at a time, beside the hands of other processes."""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from headwater.domain.ids import ContentId
from headwater.domain.sync import WorkItem
from headwater.services.sync.preparing import Readied
from headwater.services.sync.run import SyncRun

ALONE_AT_ONCE: Final = 1000
"""Documents that a process claims together while there is no other to leave some to."""

MOST_AT_ONCE: Final = 250
"""As many as one request for bodies names."""

LEAST_AT_ONCE: Final = 32
"""One batch of the embedder: fewer would keep it waiting."""

Items = Mapping[ContentId, WorkItem]
Read = Callable[[Items], AsyncGenerator[Readied, None]]


def size_claim(free: int, workers: int) -> int:
    """Return how many documents to claim, of so many that nobody has, for one of so many processes.

    Large shares at first and smaller ones towards the end, so that all end together.
    """
    if workers < 2:  # noqa: PLR2004  (alone)
        return ALONE_AT_ONCE
    return min(max(ceil(free / (2 * workers)), LEAST_AT_ONCE), MOST_AT_ONCE)


async def claim_items(run: SyncRun, *, reading: bool) -> AsyncGenerator[Sequence[WorkItem], None]:
    """Yield one share after the other, of what is to be read or of the rest, until none is free.

    Those passed over are left for the last try, which takes no others.
    """
    work, hand = run.ports.work, run.hand
    while not hand.is_wanted_elsewhere():
        workers = hand.count_workers()
        most = 2 * MOST_AT_ONCE * workers
        free = await work.count_free(run.ref, up_to=most) if workers > 1 else 0
        items = await work.claim(
            run.ref,
            hand.name,
            limit=size_claim(free, workers),
            reading=reading,
            again=run.is_last_try,
        )
        if not items:
            return
        yield items


@dataclass(slots=True)
class Claim:
    """Some documents in hand, and how far they are."""

    items: Items
    delivered: set[ContentId] = field(default_factory=set)
    """What Confluence gave a body, or trouble, of."""
    unsettled: set[ContentId] = field(default_factory=set)
    """Of these, what is on its way to the index still."""
    is_read: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come of it."""
        return self.is_read and not self.unsettled

    @property
    def vanished(self) -> Items:
        """What Confluence listed, and did not show when it was to be read."""
        return {key: item for key, item in self.items.items() if key not in self.delivered}

    def note_delivery(self, content_id: ContentId) -> bool:
        """Note a document, and tell whether it is the first time."""
        if content_id in self.delivered:
            return False
        self.delivered.add(content_id)
        self.unsettled.add(content_id)
        return True


class ReadClaims:
    """Reads one share after the other, so that the next is on its way while one is being settled."""

    def __init__(self, run: SyncRun, read: Read) -> None:
        self._run = run
        self._read = read
        self._open: deque[Claim] = deque()

    async def deliver(self) -> AsyncGenerator[Readied, None]:
        """Yield each document once, whatever Confluence delivered twice."""
        async with aclosing(claim_items(self._run, reading=True)) as shares:
            async for items in shares:
                claim = Claim({item.listed.content_id: item for item in items})
                self._open.append(claim)
                async with aclosing(self._read(claim.items)) as documents:
                    async for document in documents:
                        if claim.note_delivery(document.metadata.content_id):
                            yield document
                claim.is_read = True

    def note_settled(self, content_ids: AbstractSet[ContentId]) -> Iterator[Claim]:
        """Note what reached the index; yield every share that is done by that, once."""
        for claim in self._open:
            claim.unsettled -= content_ids
        while self._open and self._open[0].is_done:
            yield self._open.popleft()

    def end(self) -> Iterator[Claim]:
        """Yield every share that is left once there is nothing more to settle."""
        while self._open:
            yield self._open.popleft()
