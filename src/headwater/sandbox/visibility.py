"""Who sees what: space view AND every ancestor's read restriction AND the content's own.

A caller of ``None`` is anonymous: he views the spaces that admit him and nothing restricted.
"""

from dataclasses import dataclass, field

from headwater.sandbox.entities import Attachment, Comment, Content, Principals, Space, User
from headwater.sandbox.world import World

_SIGNED_IN = frozenset({"all-licensed-users", "authenticated-users"})
"""The access classes that every user of a sandbox belongs to."""


@dataclass(frozen=True, slots=True)
class View:
    """The world as one caller sees it, for the length of one request."""

    world: World
    caller: User | None
    _groups: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        people = self.world.people
        groups = people.list_groups_of(self.caller.account_id) if self.caller else frozenset()
        object.__setattr__(self, "_groups", groups)

    def sees_space(self, space: Space) -> bool:
        """Tell whether the caller may view a space."""
        return (
            space.anonymous
            or self._is_among(space.viewers)
            or (self.caller is not None and not _SIGNED_IN.isdisjoint(space.access_classes))
        )

    def sees(self, content: Content) -> bool:
        """Tell whether the caller may view a page, blog post or folder; a draft only its author."""
        if not self.sees_space(self.world.spaces[content.space_id]):
            return False
        if content.status == "draft" and not self._is_author(content):
            return False
        gates = (content, *self.world.tree.list_ancestors(content))
        return all(not gate.readers or self._is_among(gate.readers) for gate in gates)

    def sees_item(self, item: Attachment | Comment) -> bool:
        """Tell whether the caller may view an attachment or comment: as its container."""
        return self.sees(self.world.find_content(item.container_id))

    def list_spaces(self) -> list[Space]:
        """Return the spaces the caller may view."""
        return [space for space in self.world.spaces.values() if self.sees_space(space)]

    def find_space(self, space_id: str) -> Space | None:
        """Return a space by id, if the caller may view it."""
        space = self.world.spaces.get(space_id)
        return space if space is not None and self.sees_space(space) else None

    def find_space_by_key(self, key: str) -> Space | None:
        """Return a space by key, if the caller may view it."""
        return next((space for space in self.list_spaces() if space.key == key), None)

    def find(self, content_id: str) -> Content | None:
        """Return a page, blog post or folder, if the caller may view it."""
        content = self.world.tree.contents.get(content_id)
        return content if content is not None and self.sees(content) else None

    def find_attachment(self, attachment_id: str) -> Attachment | None:
        """Return an attachment by its id with or without ``att``, if the caller may view it."""
        found = self.world.attachments.get(f"att{attachment_id.removeprefix('att')}")
        return found if found is not None and self.sees_item(found) else None

    def find_comment(self, comment_id: str) -> Comment | None:
        """Return a comment, if the caller may view it."""
        found = self.world.comments.get(comment_id)
        return found if found is not None and self.sees_item(found) else None

    def list_attachments(self, content_id: str) -> list[Attachment]:
        """Return a container's current attachments; the caller is known to see the container."""
        files = (self.world.attachments[item] for item in self.world.files_of.get(content_id, []))
        return [item for item in files if item.status == "current"]

    def list_comments(self, content_id: str) -> list[Comment]:
        """Return a container's comments, replies included; the caller is known to see it."""
        return [self.world.comments[item] for item in self.world.remarks_on.get(content_id, [])]

    def _is_author(self, content: Content) -> bool:
        return self.caller is not None and self.caller.account_id == content.author_id

    def _is_among(self, principals: Principals) -> bool:
        if self.caller is None:
            return False
        return (
            self.caller.is_admin
            or self.caller.account_id in principals.users
            or not self._groups.isdisjoint(principals.groups)
        )
