"""Data Center's JSON as our values: tolerant of what we do not know, strict on what we need."""

from datetime import UTC

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from headwater.adapters.confluence.payloads import Body, Identifier, Links, in_utc
from headwater.domain.content import DocumentKind, ListedDocument, Space
from headwater.domain.ids import ContentId, SpaceId
from headwater.ports import ContentStatus, LookedUp

_MEANINGS = {
    "current": ContentStatus.CURRENT,
    "archived": ContentStatus.ARCHIVED,
    "trashed": ContentStatus.TRASHED,
    "deleted": ContentStatus.TRASHED,
}


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Person(_Row):
    """A user; somebody who has been deleted may have neither."""

    user_key: str | None = Field(default=None, alias="userKey")
    username: str | None = None


class RowVersion(_Row):
    """The present version; its date is the content's last change."""

    number: int = Field(ge=0)
    when: AwareDatetime


class RowHistory(_Row):
    """Who began it."""

    created_by: Person | None = Field(default=None, alias="createdBy")
    created_date: AwareDatetime | None = Field(default=None, alias="createdDate")


class RowReference(_Row):
    """Another content, or a space (whose id is a number)."""

    id: Identifier


class StatusRow(_Row):
    """The little that a look-up needs."""

    id: Identifier
    status: str
    space: RowReference | None = None

    def look_up(self) -> LookedUp:
        """Return what became of it."""
        status = _MEANINGS.get(self.status, ContentStatus.GONE)
        return LookedUp(status, SpaceId(self.space.id) if self.space else None)


class _Children(_Row):
    results: tuple[RowReference, ...]


class _Kin(_Row):
    page: _Children | None = None


class FamilyRow(_Row):
    """Whether a page has others below it."""

    id: Identifier
    children: _Kin = Field(default_factory=_Kin)

    @property
    def has_pages(self) -> bool | None:
        """Whether there are pages below; ``None`` if the answer does not say."""
        return bool(self.children.page.results) if self.children.page else None


class ParentRow(_Row):
    """A content as a link in a chain of ancestors, of which the last is its parent."""

    id: Identifier
    ancestors: tuple[RowReference, ...]

    @property
    def parent_id(self) -> ContentId | None:
        """The page it stands under, if any."""
        return ContentId(self.ancestors[-1].id) if self.ancestors else None


class ContentRow(ParentRow):
    """A page or blog post with its version, ancestors, space and history expanded."""

    type: str
    status: str
    title: str = ""
    space: RowReference | None = None
    version: RowVersion
    history: RowHistory = Field(default_factory=RowHistory)
    links: Links = Field(default_factory=Links, alias="_links")
    body: Body | None = None

    def belongs(self, space: Space) -> bool:
        """Tell whether it is a current document of this space, whatever was asked for."""
        return self.is_document and (self.space is None or self.space.id == space.id)

    @property
    def is_document(self) -> bool:
        """Whether it is a current page or blog post."""
        return self.status == "current" and self.type in {"page", "blogpost"}

    @property
    def storage(self) -> str | None:
        """The body in storage format, ``""`` included; ``None`` if the answer has none."""
        return None if self.body is None or self.body.storage is None else self.body.storage.value

    def make_listed(self) -> ListedDocument:
        """Return the listing's word on it."""
        author = self.history.created_by
        return ListedDocument(
            content_id=ContentId(self.id),
            kind=DocumentKind(self.type),
            title=self.title,
            version=self.version.number,
            last_modified=self.version.when.astimezone(UTC),
            parent_id=self.parent_id,
            author_id=(author.user_key or author.username) if author else None,
            created_at=in_utc(self.history.created_date),
            web_path=self.links.webui or f"/pages/viewpage.action?pageId={self.id}",
        )
