"""Confluence's JSON as our values: tolerant of what we do not know, strict on what we need."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from headwater.adapters.confluence.answers import BrokenAnswerError
from headwater.domain.content import (
    DocumentKind,
    ListedDocument,
    Space,
    SpaceStatus,
    SpaceType,
)
from headwater.domain.ids import ContentId, SpaceId, SpaceKey

Model = TypeVar("Model", bound=BaseModel)

Statuses = frozenset[str]
"""The statuses of pages that a source shows."""

CURRENT: Final[Statuses] = frozenset({"current"})
WITH_ARCHIVED: Final[Statuses] = CURRENT | {"archived"}


def name_statuses(statuses: Statuses) -> str:
    """Return the statuses as v2's parameter wants them."""
    return ",".join(sorted(statuses, reverse=True))


_SITE_PATH = re.compile(r"/[^\x00-\x20\x7f\\]*")


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Identifier = Annotated[
    str, BeforeValidator(_number_as_text), Field(pattern=r"\A[A-Za-z0-9_-]{1,64}\z")
]
"""Ids are longs written as text; older answers hold numbers. They become parts of paths and lists."""


def _drop_stray_path(path: str | None) -> str | None:
    """Drop what would not stay on the site once it is put behind the site's own address."""
    return path if path and _SITE_PATH.fullmatch(path) else None


class _Payload(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Links(_Payload):
    """Links of one item, relative to the site's web base."""

    webui: Annotated[str | None, AfterValidator(_drop_stray_path)] = None
    download: str | None = None


class SpacePayload(_Payload):
    """A space as ``/spaces`` lists it."""

    id: Identifier
    key: str = Field(min_length=1)
    name: str | None = None
    type: str | None = None
    status: str | None = None
    alias: str | None = Field(None, alias="currentActiveAlias")


class VersionPayload(_Payload):
    """The present version; its date is the content's last change."""

    number: int = Field(ge=0)
    created_at: AwareDatetime = Field(alias="createdAt")
    author_id: str | None = Field(None, alias="authorId")


class BodyPart(_Payload):
    """One representation of a body."""

    value: str | None = None


class Body(_Payload):
    """The representations asked for."""

    storage: BodyPart | None = None


class ContentPayload(_Payload):
    """A page or blog post as v2 lists it."""

    id: Identifier
    status: str
    title: str | None = None
    space_id: Identifier | None = Field(None, alias="spaceId")
    parent_id: Identifier | None = Field(None, alias="parentId")
    author_id: str | None = Field(None, alias="authorId")
    created_at: AwareDatetime | None = Field(None, alias="createdAt")
    version: VersionPayload
    links: Links = Field(default_factory=Links, alias="_links")
    body: Body | None = None

    @property
    def storage(self) -> str | None:
        """The body in storage format, ``""`` included; ``None`` if the answer has none."""
        return None if self.body is None or self.body.storage is None else self.body.storage.value


class StatusPayload(_Payload):
    """The little that a look-up needs."""

    id: Identifier
    status: str
    space_id: Identifier | None = Field(None, alias="spaceId")


class _Kin(_Payload):
    value: bool


class _ChildTypes(_Payload):
    page: _Kin | None = None


class FamilyPayload(_Payload):
    """Whether a page has others below it, as v1's search tells."""

    id: Identifier
    child_types: _ChildTypes = Field(default_factory=_ChildTypes, alias="childTypes")

    @property
    def has_pages(self) -> bool | None:
        """Whether there are pages below; ``None`` if the answer does not say."""
        return self.child_types.page.value if self.child_types.page else None


class TotalPayload(_Payload):
    """How many results a search has."""

    total: int | None = Field(None, alias="totalSize", ge=0)


class ParentPayload(_Payload):
    """A folder, page, whiteboard, database or embed as a link in a chain of ancestors."""

    id: Identifier
    parent_id: Identifier | None = Field(None, alias="parentId")


class CurrentUser(_Payload):
    """Whom Confluence takes us for. Cloud has account ids, Data Center user keys."""

    type: str
    account_id: str | None = Field(None, alias="accountId")
    user_key: str | None = Field(None, alias="userKey")
    username: str | None = None


class UserPayload(_Payload):
    """A person as far as texts name him; what a profile keeps private is absent or empty."""

    account_id: str | None = Field(None, alias="accountId")
    display_name: str | None = Field(None, alias="displayName")
    public_name: str | None = Field(None, alias="publicName")

    @property
    def name(self) -> str:
        """The name that Confluence shows; empty if it tells none."""
        return self.display_name or self.public_name or ""


class LabelPayload(_Payload):
    """A label; the prefix ``my`` marks a private one."""

    name: str = Field(min_length=1)
    prefix: str | None = None


def parse(model: type[Model], value: object) -> Model:
    """Return the value as ``model``; ``BrokenAnswerError`` names the fields that do not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        places = {".".join(map(str, item["loc"])) for item in error.errors(include_input=False)}
        raise BrokenAnswerError(
            f"Confluence's answer does not look like Confluence: {', '.join(sorted(places))}"
        ) from error


def make_space(payload: SpacePayload) -> Space:
    """Return the space; types that the contract does not know count as global."""
    is_personal = payload.type == SpaceType.PERSONAL
    is_archived = payload.status == SpaceStatus.ARCHIVED
    return Space(
        id=SpaceId(payload.id),
        key=SpaceKey(payload.key),
        name=payload.name or payload.key,
        type=SpaceType.PERSONAL if is_personal else SpaceType.GLOBAL,
        status=SpaceStatus.ARCHIVED if is_archived else SpaceStatus.CURRENT,
    )


def make_listed(payload: ContentPayload, kind: DocumentKind) -> ListedDocument:
    """Return the listing's word on one page or blog post."""
    return ListedDocument(
        content_id=ContentId(payload.id),
        kind=kind,
        title=payload.title or "",
        version=payload.version.number,
        last_modified=payload.version.created_at.astimezone(UTC),
        parent_id=ContentId(payload.parent_id) if payload.parent_id else None,
        author_id=payload.author_id,
        web_path=payload.links.webui,
        created_at=in_utc(payload.created_at),
    )


def in_utc(moment: datetime | None) -> datetime | None:
    """Return the moment in UTC, where there is one."""
    return None if moment is None else moment.astimezone(UTC)


def make_labels(items: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of all labels but private ones."""
    labels = (parse(LabelPayload, item) for item in items)
    return frozenset(label.name for label in labels if label.prefix != "my")
