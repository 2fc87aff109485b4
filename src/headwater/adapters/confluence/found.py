"""Content objects as v1's search tells them, and comments and attachments as v2 lists them."""

import re

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

from headwater.adapters.confluence.payloads import (
    CURRENT,
    Body,
    Identifier,
    Links,
    Statuses,
    VersionPayload,
)
from headwater.domain.content import Space
from headwater.domain.ids import ContentId

_HOLDERS = frozenset({"page", "blogpost"})
_CONTENT_PATH = re.compile(r"/rest/api/content/([A-Za-z0-9_-]{1,64})")


class _Found(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Person(_Found):
    """A user; somebody who has left may have no id."""

    account_id: str | None = Field(
        default=None, validation_alias=AliasChoices("accountId", "userKey")
    )
    """On Data Center the user key."""


class FoundVersion(_Found):
    """The present version."""

    number: int = Field(ge=0)
    when: AwareDatetime
    by: Person | None = None

    @property
    def author_id(self) -> str | None:
        """Who wrote this version, if Confluence says."""
        return self.by.account_id if self.by else None


class FoundHistory(_Found):
    """Who began it, and when."""

    created_date: AwareDatetime = Field(alias="createdDate")
    created_by: Person | None = Field(default=None, alias="createdBy")

    @property
    def author_id(self) -> str | None:
        """Who began it, if Confluence says."""
        return self.created_by.account_id if self.created_by else None


class FoundContainer(_Found):
    """What a comment or attachment hangs on: a page, a post, a comment, or a space (no id known here)."""

    id: Identifier | None = None
    type: str | None = None
    status: str = "current"


class FoundSpace(_Found):
    """The space; v1 writes its id as a number."""

    id: Identifier


class FoundResolution(_Found):
    """Whether an inline thread is settled."""

    status: str | None = None


class FoundExtensions(_Found):
    """What only comments or only attachments have."""

    resolution: FoundResolution = Field(default_factory=FoundResolution)
    media_type: str | None = Field(default=None, alias="mediaType")
    file_size: int | None = Field(default=None, alias="fileSize")


class FoundMetadata(_Found):
    """Older answers have the media type here."""

    media_type: str | None = Field(default=None, alias="mediaType")


class FoundPaths(_Found):
    """Paths of what was not written out."""

    container: str | None = None


class FoundItem(_Found):
    """What a comment and an attachment have in common."""

    id: Identifier
    status: str
    version: FoundVersion
    space: FoundSpace | None = None
    history: FoundHistory | None = None
    container: FoundContainer | None = None
    extensions: FoundExtensions = Field(default_factory=FoundExtensions)
    paths: FoundPaths = Field(default_factory=FoundPaths, alias="_expandable")

    def belongs(self, space: Space, statuses: Statuses = CURRENT) -> bool:
        """Tell whether it has one of the statuses and is of this space, whatever was asked for."""
        return self.status in statuses and (self.space is None or self.space.id == space.id)

    def find_holder(self, statuses: Statuses = CURRENT) -> ContentId | None:
        """Return the page or post of one of these statuses that it hangs on, if it hangs on one."""
        container = self.container
        if container is None:
            path = _CONTENT_PATH.fullmatch(self.paths.container or "")
            return ContentId(path[1]) if path else None
        is_document = container.type in _HOLDERS and container.status in statuses
        return ContentId(container.id) if container.id and is_document else None


class FoundComment(FoundItem):
    """A comment or reply with its body; ``ancestors`` are the comments above a reply, topmost first."""

    history: FoundHistory
    ancestors: tuple[FoundContainer, ...] = ()
    body: Body

    @property
    def parent_id(self) -> ContentId | None:
        """The comment that this one answers."""
        above = [item for item in (*self.ancestors, self.container) if item is not None]
        comments = [item.id for item in above if item.id and item.type == "comment"]
        return ContentId(comments[-1]) if comments else None


class FoundAttachment(FoundItem):
    """An attachment; media type and size are hints."""

    title: str = ""
    metadata: FoundMetadata = Field(default_factory=FoundMetadata)
    links: Links = Field(default_factory=Links, alias="_links")


class ListedItem(_Found):
    """What v2's comments and attachments have in common."""

    id: Identifier
    status: str = "current"
    page_id: Identifier | None = Field(default=None, alias="pageId")
    post_id: Identifier | None = Field(default=None, alias="blogPostId")
    version: VersionPayload
    links: Links = Field(default_factory=Links, alias="_links")

    @property
    def holder_id(self) -> ContentId | None:
        """The page or post that it hangs on, if it hangs on one and v2 says so."""
        holder = self.page_id or self.post_id
        return ContentId(holder) if holder else None


class ListedComment(ListedItem):
    """A footer or inline comment with its body."""

    parent_id: Identifier | None = Field(default=None, alias="parentCommentId")
    resolution: str | None = Field(default=None, alias="resolutionStatus")
    body: Body


class ListedFile(ListedItem):
    """An attachment."""

    title: str = ""
    media_type: str | None = Field(default=None, alias="mediaType")
    file_size: int | None = Field(default=None, alias="fileSize")
    created_at: AwareDatetime | None = Field(default=None, alias="createdAt")
