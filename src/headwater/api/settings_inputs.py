"""What clients send about settings: sync configurations and blacklist entries."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from headwater.api.field_schemas import EMPTY_TOO, Says
from headwater.api.fields import Name, RequestPart, check_url, drop_empty
from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId
from headwater.domain.settings import BlacklistKind, SyncSettings
from headwater.pipeline.content_urls import parse_content_url
from headwater.pipeline.cron import is_cron

MAX_ITEMS: Final = 1_000
"""In one list of a setting."""

MAX_ATTACHMENT_BYTES: Final = 100 << 20
MAX_CONCURRENCY: Final = 32
MIN_CHUNK_TOKENS: Final = 16

_PAGE_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_EXTENSION: Final = re.compile(r"\.?([a-z0-9_+-]{1,20})", re.ASCII | re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}", re.ASCII | re.IGNORECASE)


def read_page_id(text: str) -> str:
    """Return the id of the page that an id or a link names."""
    if _PAGE_ID.fullmatch(text):
        return text
    if urlsplit(check_url(text)).fragment:
        text = text.partition("#")[0]
    ids = [found for found in parse_content_url(text).content_ids if _PAGE_ID.fullmatch(found)]
    if len(ids) != 1 or "preview=" in text:
        raise PydanticCustomError(
            "value_error.page", "this names no page by its id; give the id, or a link that holds it"
        )
    return ids[0]


def _read_label(text: str) -> str:
    return text.strip().casefold()


def _read_extension(text: str) -> str:
    found = _EXTENSION.fullmatch(text)
    if found is None:
        raise PydanticCustomError(
            "value_error.str.regex", "give file name extensions, such as pdf, one each"
        )
    return found[1].casefold()


def _read_language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise PydanticCustomError(
            "value_error.str.regex", "give ISO 639 codes of two or three letters, such as en"
        )
    return text.casefold()


def _check_cron(text: str | None) -> str | None:
    if text is not None and not is_cron(text):
        raise PydanticCustomError(
            "value_error.cron",
            "give five cron fields in UTC: minute, hour, day, month, weekday, such as 0 3 * * *",
        )
    return text


def read_url_prefix(text: str) -> str:
    """Return a prefix of links; one with steps upwards would match nothing."""
    if {".", ".."} & set(urlsplit(check_url(text)).path.split("/")):
        raise PydanticCustomError("value_error.url.path", "leave . and .. out of the path")
    return text


Labels = Annotated[list[Annotated[Name, AfterValidator(_read_label)]], Field(max_length=MAX_ITEMS)]
PageIds = Annotated[
    list[Annotated[Name, AfterValidator(read_page_id)]], Field(max_length=MAX_ITEMS)
]
Extensions = Annotated[
    list[
        Annotated[Name, AfterValidator(_read_extension), Says(pattern=r"^\.?[A-Za-z0-9_+-]{1,20}$")]
    ],
    Field(max_length=MAX_ITEMS),
]
Languages = Annotated[
    list[Annotated[Name, AfterValidator(_read_language), Says(pattern="^[A-Za-z]{2,3}$")]],
    Field(max_length=MAX_ITEMS),
]
Kinds = Annotated[list[Literal["page", "blogpost", "attachment"]], Field(max_length=MAX_ITEMS)]
Schedule = Annotated[
    Name | None, BeforeValidator(drop_empty), AfterValidator(_check_cron), EMPTY_TOO
]


class SettingsBody(RequestPart):
    """The settings of a sync configuration; what is absent is left to Headwater."""

    content_types: Kinds | None = Field(None, description="What comes in; empty for everything.")
    include_labels: Labels | None = Field(
        None, description="Only pages and posts with one of these, and what hangs on them."
    )
    exclude_labels: Labels | None = Field(
        None, description="No pages and posts with one of these, nor what hangs on them."
    )
    root_pages: PageIds | None = Field(
        None, description="Ids or links: only these pages and what is under them."
    )
    chunk_tokens: Annotated[int, Field(ge=MIN_CHUNK_TOKENS)] | None = Field(
        None, description="Size of a chunk, at most the embedder's window."
    )
    chunk_overlap: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Tokens repeated where a section is cut; less than a chunk."
    )
    attachment_types: Extensions | None = Field(
        None, description="File name extensions; empty for all that can be read."
    )
    max_attachment_bytes: Annotated[int, Field(ge=1, le=MAX_ATTACHMENT_BYTES)] | None = Field(
        None, description="Larger files are left out."
    )
    ocr_languages: Languages | None = Field(
        None, description="Languages that scans may be in, as ISO 639 codes."
    )
    concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] | None = Field(
        None, description="Calls to Confluence side by side, at most."
    )
    include_archived: bool | None = Field(None, description="Archived pages come in too.")
    schedule: Schedule = Field(None, description="Five-field cron expression, UTC.")

    def to_settings(self) -> SyncSettings:
        """Return the settings in our words."""
        return SyncSettings(
            content_types=frozenset(map(DocumentKind, self.content_types or ())),
            include_labels=frozenset(self.include_labels or ()),
            exclude_labels=frozenset(self.exclude_labels or ()),
            root_pages=frozenset(map(ContentId, self.root_pages or ())),
            chunk_tokens=self.chunk_tokens,
            chunk_overlap=self.chunk_overlap,
            attachment_types=frozenset(self.attachment_types or ()),
            max_attachment_bytes=self.max_attachment_bytes,
            ocr_languages=tuple(dict.fromkeys(self.ocr_languages or ())),
            concurrency=self.concurrency,
            include_archived=bool(self.include_archived),
            schedule=self.schedule,
        )


class SyncConfigurationBody(SettingsBody):
    """Body of ``PUT /v2/confluence/sync-configurations/{configuration_id}``.

    As ``GET`` answers it, or the settings alone.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "settings": {
                        "content_types": ["page", "attachment"],
                        "exclude_labels": ["draft"],
                        "root_pages": ["65539"],
                        "chunk_tokens": 200,
                        "attachment_types": ["pdf", "docx"],
                        "schedule": "0 3 * * *",
                    }
                }
            ]
        }
    )

    settings: SettingsBody | None = Field(
        None, description="If it is absent, the fields beside it are the settings."
    )

    @property
    def place(self) -> tuple[str, ...]:
        """Where in the request the settings stand."""
        return ("body",) if self.settings is None else ("body", "settings")

    def to_settings(self) -> SyncSettings:
        """Return the settings in our words."""
        return super().to_settings() if self.settings is None else self.settings.to_settings()


class BlacklistBody(RequestPart):
    """Body of ``POST /v2/confluence/blacklist``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "tree", "value": "65539"},
                {"kind": "label", "value": "confidential"},
            ]
        }
    )

    kind: Literal["page", "tree", "label", "url_prefix"] = Field(
        description="A page, a page and everything under it, a label, or the beginning of links."
    )
    value: Name = Field(description="Id or link of a page, a label, or an http(s) URL.")

    @field_validator("value")
    @classmethod
    def read_value(cls, value: str, info: ValidationInfo) -> str:
        """Return the value in the form that its kind is kept in."""
        readers = {"page": read_page_id, "tree": read_page_id, "label": _read_label}
        reader = readers.get(info.data.get("kind", ""), read_url_prefix)
        return reader(value) if "kind" in info.data else value

    def to_kind(self) -> BlacklistKind:
        """Return the kind in our words."""
        return BlacklistKind(self.kind)
