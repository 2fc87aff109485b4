"""What clients send: request bodies and queries, and what they mean in our words."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from headwater.api.examples import CREDENTIALS, PAGE_URL, PINECONE, UPLOADS
from headwater.api.field_schemas import NO_NUL, Says
from headwater.api.fields import (
    ContentTypes,
    JobIdText,
    Name,
    Names,
    OptionalName,
    OptionalText,
    RequestPart,
    Text,
    Timestamp,
    Token,
    Url,
    refuse_nul,
    require_visible,
)
from headwater.domain.content import DocumentKind
from headwater.domain.ids import JobId, SpaceKey
from headwater.domain.jobs import (
    ContentRestriction,
    ProcessorMode,
    SiteAddress,
    SiteCredential,
    UploadRequest,
)
from headwater.domain.secrets import Secret
from headwater.services.credentials import Login
from headwater.services.search import SearchQuery

MAX_QUERY: Final = 10_000
"""Characters in a question."""


class Authorization(RequestPart):
    """A Confluence and the account that reads it."""

    model_config = ConfigDict(json_schema_extra={"examples": [CREDENTIALS]})

    instance_url: Url = Field(description="Confluence REST API URL; its path decides the edition.")
    web_url_instance: Url = Field(description="Base of every link handed out.")
    username: Text = Field(description="User name or e-mail; empty sends the token as a bearer.")
    api_token: Token = Field(description="Confluence API token.")

    def to_address(self) -> SiteAddress:
        """Return where the Confluence is."""
        return SiteAddress(self.instance_url, self.web_url_instance)

    def to_credential(self) -> SiteCredential:
        """Return what opens it."""
        return SiteCredential(self.username, Secret(self.api_token.get_secret_value()))

    def to_login(self) -> Login:
        """Return both."""
        return Login(self.to_address(), self.to_credential())


class FollowUpBody(RequestPart):
    """Body of ``retry`` and ``approve``; it may be absent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"authorization": CREDENTIALS}]})

    authorization: Authorization | None = Field(
        None, description="For the job's Confluence; required once the stored one is gone."
    )

    def to_login(self) -> Login | None:
        """Return what opens Confluence, if it was given."""
        return self.authorization.to_login() if self.authorization else None


class SpaceListingBody(Authorization):
    """Body of ``POST /v2/confluence/space-listing``."""


class Restrictions(RequestPart):
    """Who may retrieve the space's content."""

    audience: Names | None = Field(
        None, description="Groups; empty, absent or naming `all`: everyone in the tenant."
    )
    blacklisted: bool | None = Field(
        None, description="Leave out what the tenant's blacklist names."
    )
    source_restriction: bool | None = Field(
        None, description="Confluence's own read restrictions apply too."
    )


class PineconeConfig(RequestPart):
    """The vector database of the tenant."""

    model_config = ConfigDict(json_schema_extra={"examples": [PINECONE]})

    rezolve_domain: Text = Field(description="Rezolve domain of the tenant; recorded.")
    tenant_id: Text = Field(description="The tenant of the token, as a UUID.")


class SyncConfig(RequestPart):
    """How to synchronise."""

    sync_configuration_id: OptionalText = Field(None, description="Stored settings to use.")
    incremental: bool = Field(description="Touch only what changed.")
    last_sync: Timestamp = Field(
        None, description="ISO 8601, UTC without a zone; limits a space's first sync only."
    )
    processor_mode: Literal["auto", "manual"] = Field(
        description="Settings chosen per document, or those of the sync configuration."
    )
    use_ocr: bool = Field(description="Read text from images and scanned PDFs.")


class UploadBody(RequestPart):
    """Body of ``POST /v2/confluence/upload``."""

    model_config = ConfigDict(json_schema_extra={"examples": [*UPLOADS.values()]})

    authorization: Authorization
    content_restriction: Restrictions | None = None
    pinecone_config: PineconeConfig
    sync_config: SyncConfig
    space: Name = Field(description="Key of the space.")
    job_id: JobIdText = Field(
        None, description="Names the job and makes the call idempotent: [A-Za-z0-9._:-]{1,200}."
    )

    def to_job_id(self) -> JobId | None:
        """Return the client's name for the job, if it gave one."""
        return None if self.job_id is None else JobId(self.job_id)

    def to_upload(self) -> UploadRequest:
        """Return the upload without its credential."""
        return UploadRequest(
            address=self.authorization.to_address(),
            space=SpaceKey(self.space),
            incremental=self.sync_config.incremental,
            use_ocr=self.sync_config.use_ocr,
            processor_mode=ProcessorMode(self.sync_config.processor_mode),
            rezolve_domain=self.pinecone_config.rezolve_domain,
            restriction=_to_restriction(self.content_restriction),
            last_sync=self.sync_config.last_sync,
            sync_configuration_id=self.sync_config.sync_configuration_id,
        )


def _to_restriction(restrictions: Restrictions | None) -> ContentRestriction:
    if restrictions is None:
        return ContentRestriction()
    return ContentRestriction(
        audience=tuple(restrictions.audience or ()),
        blacklisted=bool(restrictions.blacklisted),
        source_restriction=bool(restrictions.source_restriction),
    )


Question = Annotated[
    str,
    Field(max_length=MAX_QUERY),
    AfterValidator(require_visible),
    AfterValidator(refuse_nul),
    Says(pattern=NO_NUL),
]


class SearchBody(RequestPart):
    """Body of ``POST /v2/confluence/search``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "query": "How do I reset my password?",
                    "pinecone_config": PINECONE,
                    "top_k": 10,
                }
            ]
        }
    )

    query: Question = Field(description="The question, in words.")
    pinecone_config: PineconeConfig
    top_k: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="Chunks wanted; 10 when absent."
    )
    space: OptionalName = Field(None, description="Only this space.")
    labels: Names | None = Field(None, description="Any of these; empty filters nothing.")
    modified_after: Timestamp = Field(None, description="ISO 8601, UTC without a zone.")
    content_types: ContentTypes | None = Field(None, description="Empty filters nothing.")

    def to_query(self) -> SearchQuery:
        """Return the question and its filters."""
        return SearchQuery(
            text=self.query,
            top_k=10 if self.top_k is None else self.top_k,
            space=None if self.space is None else SpaceKey(self.space),
            labels=frozenset(self.labels or ()),
            modified_after=self.modified_after,
            kinds=frozenset(DocumentKind(kind) for kind in self.content_types or ()),
        )


class PageBody(RequestPart):
    """Names one page."""

    source_url: Url = Field(description="Link of a page, blog post or attachment, in any form.")
    pinecone_config: PineconeConfig


class WhyBody(PageBody):
    """Body of ``POST /v2/confluence/why``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source_url": PAGE_URL, "pinecone_config": PINECONE}]}
    )

    authorization: Authorization | None = Field(
        None, description="Asks Confluence about what is not in; else a stored one does."
    )

    def to_login(self) -> Login | None:
        """Return what opens Confluence, if it was given."""
        return self.authorization.to_login() if self.authorization else None


class ExplainBody(PageBody):
    """Body of ``POST /v2/confluence/access/explain``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source_url": PAGE_URL,
                    "principals": ["group:engineering", "jane@acme.com"],
                    "pinecone_config": PINECONE,
                }
            ]
        }
    )

    principals: Names = Field(
        description="`group:NAME`, `account:ID`, `email:ADDRESS` or `everyone`; a bare address is an"
        " e-mail, any other bare text a group."
    )
