"""What a Confluence holds, as plain records. Only the world changes them.

Dates are aware and UTC. Group references are group ids, user references account ids.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

Text = str | Callable[[], str]
"""A body, or a function that writes it when it is asked for (it must always write the same)."""

Data = bytes | Callable[[], bytes]
"""A file's bytes, or a function that makes them when they are asked for."""


class Kind(StrEnum):
    """What stands in a space's tree or beside it."""

    PAGE = "page"
    BLOGPOST = "blogpost"
    FOLDER = "folder"


class Status(StrEnum):
    """The states of content. Purged content is gone and has none."""

    CURRENT = "current"
    ARCHIVED = "archived"
    TRASHED = "trashed"
    DRAFT = "draft"


class Operation(StrEnum):
    """What a restriction can restrict."""

    READ = "read"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Principals:
    """Users and groups, by id. Whoever is one of them, or in one of them, is meant."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a piece of content."""

    number: int
    created_at: datetime
    author_id: str
    message: str = ""


@dataclass(slots=True)
class User:
    """A person or service account. ``token`` together with ``email`` opens the API."""

    account_id: str
    email: str
    name: str
    token: str = field(default="", repr=False)
    is_admin: bool = False
    """An admin sees everything, whatever the restrictions say."""
    time_zone: str = "UTC"
    email_visible: bool = True
    """Profile privacy: when false, the API answers an empty e-mail address."""

    @property
    def username(self) -> str:
        """The name on Data Center: what stands before the ``@``."""
        return self.email.partition("@")[0].casefold()

    @property
    def user_key(self) -> str:
        """The id on Data Center, in the form it has there."""
        return blake2b(self.account_id.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Group:
    """A flat group of users."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Space:
    """A space and who may view it."""

    id: str
    key: str
    name: str
    type: str
    created_at: datetime
    description: str = ""
    status: str = "current"
    homepage_id: str | None = None
    viewers: Principals = Principals()
    anonymous: bool = False
    access_classes: frozenset[str] = frozenset()
    """Whom roles admit beside users and groups, such as ``all-licensed-users``."""


@dataclass(slots=True)
class Content:
    """A page, blog post or folder."""

    id: str
    kind: Kind
    space_id: str
    title: str
    parent_id: str | None
    text: Text
    author_id: str
    created_at: datetime
    version: Version
    position: int
    status: Status = Status.CURRENT
    labels: tuple[str, ...] = ()
    restrictions: dict[Operation, Principals] = field(default_factory=dict)
    history: tuple[Version, ...] = ()
    """Former versions, oldest first."""
    is_live: bool = False
    """A live doc: edited without publishing, otherwise a page like any other."""

    @property
    def body(self) -> str:
        """The body in storage format."""
        return self.text if isinstance(self.text, str) else self.text()

    @property
    def readers(self) -> Principals:
        """The content's own read restriction; empty means none."""
        return self.restrictions.get(Operation.READ, Principals())


@dataclass(slots=True)
class Attachment:
    """A file on a page or blog post. ``files`` holds the data of every version, oldest first."""

    id: str
    container_id: str
    title: str
    media_type: str
    created_at: datetime
    version: Version
    files: tuple[Data, ...]
    status: Status = Status.CURRENT
    comment: str = ""
    labels: tuple[str, ...] = ()

    def read(self, version: int | None = None) -> bytes:
        """Return the bytes of one version, by default of the present one."""
        file = self.files[(version or self.version.number) - self.version.number - 1]
        return file if isinstance(file, bytes) else file()


@dataclass(slots=True)
class Comment:
    """A footer or inline comment, or a reply to one. ``resolution`` belongs to inline comments."""

    id: str
    container_id: str
    parent_id: str | None
    body: str
    created_at: datetime
    version: Version
    inline: bool = False
    resolution: str = "open"
    marker: str = ""
    selection: str = ""
    status: Status = Status.CURRENT
