"""Content in the orders that listings ask for, kept until the world changes."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from headwater.sandbox.entities import Attachment, Comment, Content, Space
from headwater.sandbox.world import World

Item = TypeVar("Item", bound=Content | Attachment | Comment | Space)
SortKey = tuple[str | int, int]
"""What is sorted by, then the id, so that every key is unique and can be a cursor."""


def number_of(item_id: str) -> int:
    """Return an id as a number; attachments' ids are ``att`` and a number."""
    return int(item_id.removeprefix("att"))


def by_id(item: Content | Attachment | Comment | Space) -> SortKey:
    """Order by id, as a number."""
    return (0, number_of(item.id))


def by_created(item: Content | Attachment | Comment | Space) -> SortKey:
    """Order by date of creation."""
    return (item.created_at.isoformat(timespec="milliseconds"), number_of(item.id))


def by_modified(item: Content | Attachment | Comment) -> SortKey:
    """Order by the date of the present version."""
    return (item.version.created_at.isoformat(timespec="milliseconds"), number_of(item.id))


def by_title(item: Content | Attachment) -> SortKey:
    """Order by title, without case."""
    return (item.title.casefold(), number_of(item.id))


@dataclass(frozen=True, slots=True)
class Ordered(Generic[Item]):
    """Items in ascending order of their keys."""

    keys: list[SortKey]
    items: list[Item]

    def walk(self, after: SortKey | None, *, descending: bool) -> Iterator[tuple[SortKey, Item]]:
        """Yield keys and items behind a key, in either direction."""
        if descending:
            start = len(self.keys) if after is None else bisect_left(self.keys, after)
            places = range(start - 1, -1, -1)
        else:
            start = 0 if after is None else bisect_right(self.keys, after)
            places = range(start, len(self.keys))
        return ((self.keys[place], self.items[place]) for place in places)


def order(items: Iterable[Item], key: Callable[[Item], SortKey]) -> Ordered[Item]:
    """Sort items by a key."""
    keyed = sorted(((key(item), item) for item in items), key=lambda pair: pair[0])
    return Ordered([pair[0] for pair in keyed], [pair[1] for pair in keyed])


@dataclass(slots=True)
class Orders:
    """Remembers the content of spaces in order: 400 pages of one listing sort it once."""

    _revision: int = -1
    _kept: dict[tuple[str | None, str], Ordered[Content]] = field(default_factory=dict)

    def list_contents(
        self, world: World, space_id: str | None, key: Callable[[Content], SortKey]
    ) -> Ordered[Content]:
        """Return a space's content (or the whole site's) in the order of a key function."""
        if self._revision != world.revision:
            self._kept.clear()
            self._revision = world.revision
        name = (space_id, key.__name__)
        if name not in self._kept:
            contents = (
                world.tree.contents.values()
                if space_id is None
                else world.tree.list_space(space_id)
            )
            self._kept[name] = order(contents, key)
        return self._kept[name]
