"""Which content stands where: the index of a world's spaces and their trees."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from headwater.sandbox.entities import Content

_Children = dict[str, None]
"""An ordered set of ids."""


@dataclass(slots=True)
class Tree:
    """Content by id, by space and by parent. Parents that are gone end a chain of ancestors."""

    contents: dict[str, Content] = field(default_factory=dict)
    _spaces: dict[str, _Children] = field(default_factory=dict)
    _children: dict[str, _Children] = field(default_factory=dict)

    def add(self, content: Content) -> None:
        """Enter a content under its space and parent."""
        self.contents[content.id] = content
        self._spaces.setdefault(content.space_id, {})[content.id] = None
        if content.parent_id is not None:
            self._children.setdefault(content.parent_id, {})[content.id] = None

    def remove(self, content: Content) -> None:
        """Take a content out; its children keep pointing at it."""
        del self.contents[content.id]
        del self._spaces[content.space_id][content.id]
        self._leave_parent(content)

    def place(self, content: Content, *, space_id: str, parent_id: str | None) -> None:
        """Put a content with everything below it under another parent, or in another space."""
        self._leave_parent(content)
        content.parent_id = parent_id
        if parent_id is not None:
            self._children.setdefault(parent_id, {})[content.id] = None
        for member in (content, *self.list_descendants(content.id)):
            del self._spaces[member.space_id][member.id]
            member.space_id = space_id
            self._spaces.setdefault(space_id, {})[member.id] = None

    def list_space(self, space_id: str) -> list[Content]:
        """Return everything in a space, whatever its status."""
        return [self.contents[item] for item in self._spaces.get(space_id, {})]

    def list_children(self, content_id: str) -> list[Content]:
        """Return what stands directly under a content, whatever its status."""
        return [self.contents[item] for item in self._children.get(content_id, {})]

    def list_descendants(self, content_id: str) -> Iterator[Content]:
        """Yield everything below a content, parents first."""
        for child in self.list_children(content_id):
            yield child
            yield from self.list_descendants(child.id)

    def list_ancestors(self, content: Content) -> list[Content]:
        """Return what stands above a content, the topmost first."""
        chain: list[Content] = []
        current = self._find_parent(content)
        while current is not None:
            chain.append(current)
            current = self._find_parent(current)
        return chain[::-1]

    def _find_parent(self, content: Content) -> Content | None:
        return None if content.parent_id is None else self.contents.get(content.parent_id)

    def _leave_parent(self, content: Content) -> None:
        if content.parent_id is not None:
            self._children[content.parent_id].pop(content.id, None)
