"""A whole Confluence in memory, and everything that can be done to it.

Only an edit (a rename of the page itself included) makes a new version. A move, a rename of an
ancestor, a label, a restriction, a comment, an attachment, archiving and trashing do not.
Unknown ids raise ``KeyError``: a scenario that names what is not there is wrong.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from headwater.sandbox.clock import SteppingClock
from headwater.sandbox.entities import (
    Attachment,
    Comment,
    Content,
    Data,
    Kind,
    Operation,
    Principals,
    Space,
    Status,
    Text,
    Version,
)
from headwater.sandbox.people import ADMIN_ACCOUNT, EVERYBODY, People
from headwater.sandbox.tree import Tree

_FIRST_ID = 65_537


@dataclass(slots=True)
class World:
    """One Confluence site. ``revision`` grows with every change."""

    clock: Callable[[], datetime] = field(default_factory=SteppingClock)
    cloud_id: str = "6f1f6a3e-6c8a-4d0b-9f5e-5a0d3c1b2e4f"
    title: str = "Sandbox"
    anonymous_access: bool = False
    uses_roles: bool = False
    """Whether Cloud says who may view a space by roles, not by permissions."""
    people: People = field(default_factory=People, repr=False)
    spaces: dict[str, Space] = field(default_factory=dict, repr=False)
    tree: Tree = field(default_factory=Tree, repr=False)
    attachments: dict[str, Attachment] = field(default_factory=dict, repr=False)
    comments: dict[str, Comment] = field(default_factory=dict, repr=False)
    files_of: dict[str, list[str]] = field(default_factory=dict, repr=False)
    """Attachment ids by container."""
    remarks_on: dict[str, list[str]] = field(default_factory=dict, repr=False)
    """Comment ids by container, replies included."""
    revision: int = 0
    _last_id: int = _FIRST_ID

    # Spaces

    def add_space(
        self, key: str, name: str, *, kind: str | None = None, description: str = ""
    ) -> Space:
        """Add a space that every user may view; a key with ``~`` makes it personal."""
        kind = kind or ("personal" if key.startswith("~") else "global")
        viewers = Principals(groups=frozenset({self.people.find_group(EVERYBODY).id}))
        space = Space(
            self.take_id(), key, name, kind, self.clock(), description=description, viewers=viewers
        )
        self.spaces[space.id] = space
        self._touch()
        return space

    def find_space(self, key: str) -> Space:
        """Return a space by key."""
        found = next((space for space in self.spaces.values() if space.key == key), None)
        if found is None:
            raise KeyError(f"no space {key!r}: add it with add_space first")
        return found

    def permit(
        self,
        key: str,
        *,
        users: Iterable[str] = (),
        groups: Iterable[str] = (),
        anonymous: bool = False,
        access_classes: Iterable[str] = (),
    ) -> None:
        """Say who may view a space; replaces what was said before."""
        space = self.find_space(key)
        space.viewers, space.anonymous = self.people.name_principals(users, groups), anonymous
        space.access_classes = frozenset(access_classes)
        self._touch()

    def archive_space(self, key: str) -> None:
        """Archive a space; its content keeps its own status."""
        self.find_space(key).status = "archived"
        self._touch()

    def restore_space(self, key: str) -> None:
        """Take a space out of the archive."""
        self.find_space(key).status = "current"
        self._touch()

    def delete_space(self, key: str) -> None:
        """Remove a space and everything in it for good."""
        space = self.find_space(key)
        for content in self.tree.list_space(space.id):
            self._forget(content)
        del self.spaces[space.id]
        self._touch()

    # Content

    def add_content(
        self,
        key: str,
        title: str,
        text: Text = "",
        *,
        kind: Kind = Kind.PAGE,
        parent: str | None = None,
        content_id: str | None = None,
        author: str = ADMIN_ACCOUNT,
        at: datetime | None = None,
        version: int = 1,
        status: Status = Status.CURRENT,
        labels: Iterable[str] = (),
    ) -> Content:
        """Add a page, blog post, folder or draft; without ``at`` it is made now."""
        space, moment = self.find_space(key), at or self.clock()
        newest = Version(version, moment, author)
        identifier, place = content_id or self.take_id(), len(self.tree.contents) + 1
        content = Content(
            identifier, kind, space.id, title, parent, text, author, moment, newest, place
        )
        content.status, content.labels = status, tuple(labels)
        content.history = tuple(Version(number, moment, author) for number in range(1, version))
        self._enter(content, space)
        return content

    def create_page(
        self, key: str, title: str, text: Text = "", *, parent: str | None = None
    ) -> Content:
        """Add a current page under a page or folder; without a parent at the top of its space."""
        return self.add_content(key, title, text, parent=parent)

    def create_blogpost(self, key: str, title: str, text: Text = "") -> Content:
        """Add a current blog post."""
        return self.add_content(key, title, text, kind=Kind.BLOGPOST)

    def create_folder(self, key: str, title: str, *, parent: str | None = None) -> Content:
        """Add a folder under a page or folder."""
        return self.add_content(key, title, kind=Kind.FOLDER, parent=parent)

    def find_content(self, content_id: str) -> Content:
        """Return a page, blog post or folder, whatever its status."""
        return self.tree.contents[content_id]

    def edit(
        self,
        content_id: str,
        text: Text | None = None,
        *,
        title: str | None = None,
        author: str = ADMIN_ACCOUNT,
        message: str = "",
    ) -> Content:
        """Write a new version."""
        content = self.find_content(content_id)
        content.history = (*content.history, content.version)
        content.version = Version(content.version.number + 1, self.clock(), author, message)
        content.text = content.text if text is None else text
        content.title = content.title if title is None else title
        self._touch()
        return content

    def make_live(self, content_id: str) -> None:
        """Turn a page into a live doc; it stays the version that it is."""
        self.find_content(content_id).is_live = True
        self._touch()

    def rename(self, content_id: str, title: str) -> Content:
        """Give a page another title: a new version of this page, not of those below it."""
        return self.edit(content_id, title=title)

    def publish(self, content_id: str) -> None:
        """Make a draft a current page."""
        self._set_status(content_id, Status.CURRENT)

    def move(self, content_id: str, *, parent: str | None = None, key: str | None = None) -> None:
        """Move a page with all below it under a parent, or to the top of a space (its own if none)."""
        content = self.find_content(content_id)
        space_id = self.find_space(key).id if key else content.space_id
        if parent is not None:
            self._refuse_loop(content, parent)
            space_id = self.find_content(parent).space_id
        self.tree.place(content, space_id=space_id, parent_id=parent)
        self._touch()

    def archive(self, content_id: str, *, descendants: bool = False) -> None:
        """Archive a page; without ``descendants`` its children move up to its parent."""
        self._withdraw(content_id, Status.ARCHIVED, descendants=descendants)

    def trash(self, content_id: str, *, descendants: bool = False) -> None:
        """Trash a page; without ``descendants`` its children move up to its parent."""
        self._withdraw(content_id, Status.TRASHED, descendants=descendants)

    def restore(self, content_id: str) -> None:
        """Bring a page back from trash or archive, with the version and date it had.

        It returns under its parent if that is current, else to the top of the space.
        """
        content = self.find_content(content_id)
        parent = self.tree.contents.get(content.parent_id or "")
        if content.parent_id and (parent is None or parent.status is not Status.CURRENT):
            self.tree.place(content, space_id=content.space_id, parent_id=None)
        self._set_status(content_id, Status.CURRENT)

    def purge(self, content_id: str) -> None:
        """Remove a page for good, its comments and attachments too; its children move up."""
        content = self.find_content(content_id)
        self._lift_children(content)
        self._forget(content)
        self._touch()

    # What hangs on content

    def label(self, content_id: str, *names: str) -> None:
        """Add labels."""
        content = self.find_content(content_id)
        content.labels = tuple(dict.fromkeys((*content.labels, *names)))
        self._touch()

    def unlabel(self, content_id: str, *names: str) -> None:
        """Take labels away."""
        content = self.find_content(content_id)
        content.labels = tuple(name for name in content.labels if name not in names)
        self._touch()

    def restrict(
        self,
        content_id: str,
        *,
        users: Iterable[str] = (),
        groups: Iterable[str] = (),
        operation: Operation = Operation.READ,
    ) -> None:
        """Allow reading (or updating) to these only; nobody named lifts the restriction."""
        self.find_content(content_id).restrictions[operation] = self.people.name_principals(
            users, groups
        )
        self._touch()

    def comment(
        self,
        content_id: str,
        body: str,
        *,
        author: str = ADMIN_ACCOUNT,
        reply_to: str | None = None,
        inline: bool = False,
        resolved: bool = False,
        selection: str = "",
    ) -> Comment:
        """Comment on a page or blog post; a reply is inline if what it answers is."""
        self.find_content(content_id)
        identifier, moment = self.take_id(), self.clock()
        newest = Version(1, moment, author)
        comment = Comment(identifier, content_id, reply_to, body, moment, newest)
        comment.inline = self.comments[reply_to].inline if reply_to else inline
        comment.resolution = "resolved" if resolved else "open"
        comment.marker, comment.selection = f"00000000-0000-4000-9000-{identifier:0>12}", selection
        self.comments[identifier] = comment
        self.remarks_on.setdefault(content_id, []).append(identifier)
        self._touch()
        return comment

    def list_answered(self, comment: Comment) -> list[Comment]:
        """Return the comments above a reply, the thread's first one first."""
        above: list[Comment] = []
        while comment.parent_id is not None:
            comment = self.comments[comment.parent_id]
            above.insert(0, comment)
        return above

    def edit_comment(self, comment_id: str, body: str) -> None:
        """Write a new version of a comment."""
        comment = self.comments[comment_id]
        comment.body = body
        comment.version = Version(
            comment.version.number + 1, self.clock(), comment.version.author_id
        )
        self._touch()

    def delete_comment(self, comment_id: str) -> None:
        """Remove a comment and its replies for good."""
        for reply in [item for item in self.comments.values() if item.parent_id == comment_id]:
            self.delete_comment(reply.id)
        comment = self.comments.pop(comment_id)
        self.remarks_on[comment.container_id].remove(comment_id)
        self._touch()

    def attach(
        self,
        content_id: str,
        title: str,
        data: Data,
        *,
        media_type: str = "application/octet-stream",
        author: str = ADMIN_ACCOUNT,
    ) -> Attachment:
        """Attach a file; one of the same name gets a new version and keeps its id."""
        self.find_content(content_id)
        moment = self.clock()
        present = self._find_file(content_id, title)
        if present is not None:
            present.version = Version(present.version.number + 1, moment, author)
            present.files, present.media_type = (*present.files, data), media_type
            self._touch()
            return present
        identifier, newest = f"att{self.take_id()}", Version(1, moment, author)
        file = Attachment(identifier, content_id, title, media_type, moment, newest, (data,))
        self.attachments[identifier] = file
        self.files_of.setdefault(content_id, []).append(identifier)
        self._touch()
        return file

    def detach(self, attachment_id: str) -> None:
        """Trash an attachment."""
        self.attachments[attachment_id].status = Status.TRASHED
        self._touch()

    # Inner workings

    def take_id(self) -> str:
        """Return the next free content id."""
        self._last_id += 1
        while str(self._last_id) in self.tree.contents:
            self._last_id += 1
        return str(self._last_id)

    def _touch(self) -> None:
        self.revision += 1

    def _enter(self, content: Content, space: Space) -> None:
        self.tree.add(content)
        if content.kind is Kind.PAGE and content.parent_id is None and space.homepage_id is None:
            space.homepage_id = content.id
        self._touch()

    def _set_status(self, content_id: str, status: Status) -> None:
        self.find_content(content_id).status = status
        self._touch()

    def _withdraw(self, content_id: str, status: Status, *, descendants: bool) -> None:
        content = self.find_content(content_id)
        if descendants:
            for member in self.tree.list_descendants(content_id):
                member.status = status
        else:
            self._lift_children(content)
        self._set_status(content_id, status)

    def _lift_children(self, content: Content) -> None:
        for child in self.tree.list_children(content.id):
            self.tree.place(child, space_id=child.space_id, parent_id=content.parent_id)

    def _forget(self, content: Content) -> None:
        self.tree.remove(content)
        for attachment_id in self.files_of.pop(content.id, []):
            del self.attachments[attachment_id]
        for comment_id in self.remarks_on.pop(content.id, []):
            del self.comments[comment_id]

    def _find_file(self, content_id: str, title: str) -> Attachment | None:
        files = (self.attachments[item] for item in self.files_of.get(content_id, []))
        return next((f for f in files if f.title == title and f.status is Status.CURRENT), None)

    def _refuse_loop(self, content: Content, parent: str) -> None:
        above = self.tree.list_ancestors(self.find_content(parent))
        if content.id in {parent, *(ancestor.id for ancestor in above)}:
            raise ValueError(f"{content.id} cannot move below itself: choose another parent")
