"""What clients send about content that is in, or that a Confluence has: delete, and listing."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from headwater.api.examples import LISTINGS, PAGE_URL, PINECONE
from headwater.api.field_schemas import EMPTY_TOO, Says
from headwater.api.fields import (
    MAX_LIST,
    Name,
    OptionalName,
    RequestPart,
    Text,
    Url,
    drop_empty,
    refuse_nul,
)
from headwater.api.inputs import (
    Authorization,
    PineconeConfig,
    SyncConfig,
)
from headwater.domain.ids import ContentId, SpaceKey
from headwater.services.listing import ListingQuestion

MAX_CURSOR: Final = 8_192
LISTED_AT_ONCE: Final = 100

Platform = Literal["confluence"]

Cursor = Annotated[
    Annotated[
        str,
        Field(max_length=MAX_CURSOR),
        AfterValidator(refuse_nul),
        Says(pattern=r"^[^\u0000]*$"),
    ]
    | None,
    BeforeValidator(drop_empty),
    EMPTY_TOO,
]
ContentIdText = Annotated[
    Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None,
    BeforeValidator(drop_empty),
    EMPTY_TOO,
]


class ListingBody(Authorization):
    """Body of ``POST /v2/confluence/listing``."""

    model_config = ConfigDict(json_schema_extra={"examples": [*LISTINGS.values()]})

    space: OptionalName = Field(None, description="List this space's content; spaces without.")
    parent_id: ContentIdText = Field(None, description="Only the pages right below this one.")
    cursor: Cursor = Field(None, description="`next` of the answer before, for the same question.")
    limit: Annotated[int, Field(ge=1, le=250)] | None = Field(
        None, description="Rows wanted; 100 when absent."
    )

    def to_question(self) -> ListingQuestion:
        """Return what is to be listed."""
        return ListingQuestion(
            address=self.to_address(),
            limit=LISTED_AT_ONCE if self.limit is None else self.limit,
            space=None if self.space is None else SpaceKey(self.space),
            parent=None if self.parent_id is None else ContentId(self.parent_id),
        )


class DeleteBody(RequestPart):
    """Body of ``POST /v2/confluence/delete``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source_url": PAGE_URL,
                    "include_descendants": False,
                    "pinecone_config": PINECONE,
                }
            ]
        }
    )

    source_url: Url = Field(
        description="Link of a page, blog post, attachment, space or whole site, in any form."
    )
    include_descendants: bool | None = Field(
        None, description="The pages below a page too; a space or site always means all of it."
    )
    pinecone_config: PineconeConfig
    sync_config: SyncConfig | None = Field(None, description="Validated, otherwise unused.")


class VectorsQuery(RequestPart):
    """Query of ``POST /v2/get-vectors``."""

    platform_type: Platform


class VectorsBody(RequestPart):
    """Body of ``POST /v2/get-vectors``."""

    model_config = ConfigDict(json_schema_extra={"examples": [PINECONE]})

    rezolve_domain: Text = Field(description="Rezolve domain of the tenant; recorded.")
    tenant_id: Text = Field(description="The tenant of the token, as a UUID.")


class PlatformDeleteBody(RequestPart):
    """Body of ``POST /v2/delete``; at least one of the two lists."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform_type": "confluence",
                    "source_urls": [PAGE_URL],
                    "ids": ["confluence:acme.atlassian.net:456#0"],
                    "pinecone_config": PINECONE,
                }
            ]
        }
    )

    platform_type: Platform
    source_urls: Annotated[list[Url], Field(max_length=MAX_LIST)] | None = Field(
        None, description="Links in any form."
    )
    ids: Annotated[list[Name], Field(max_length=MAX_LIST)] | None = Field(
        None, description="Vector ids as in search results; each stands for its whole document."
    )
    pinecone_config: PineconeConfig


class FailedFilesBody(RequestPart):
    """Body of ``POST /v2/failed-files``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"pinecone_config": PINECONE, "platform_type": "confluence"}]
        }
    )

    pinecone_config: PineconeConfig
    platform_type: Platform
