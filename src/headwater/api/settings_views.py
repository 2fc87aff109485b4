"""What clients read of sync configurations and the blacklist."""

from collections.abc import Iterable
from typing import Self

from pydantic import ConfigDict, Field

from headwater.api.views import Time, View
from headwater.domain.content import DocumentKind
from headwater.domain.settings import BlacklistEntry, SyncConfiguration, SyncSettings


class SettingsView(View):
    """Settings; an empty list and ``null`` leave a choice to Headwater."""

    content_types: list[str]
    include_labels: list[str]
    exclude_labels: list[str]
    root_pages: list[str] = Field(description="Page ids.")
    chunk_tokens: int | None
    chunk_overlap: int | None
    attachment_types: list[str]
    max_attachment_bytes: int | None
    ocr_languages: list[str]
    concurrency: int | None
    include_archived: bool
    schedule: str | None

    @classmethod
    def of(cls, settings: SyncSettings) -> Self:
        """Show settings; lists that are sets come in a steady order."""
        return cls(
            content_types=[kind for kind in DocumentKind if kind in settings.content_types],
            include_labels=sorted(settings.include_labels),
            exclude_labels=sorted(settings.exclude_labels),
            root_pages=sorted(settings.root_pages, key=int),
            chunk_tokens=settings.chunk_tokens,
            chunk_overlap=settings.chunk_overlap,
            attachment_types=sorted(settings.attachment_types),
            max_attachment_bytes=settings.max_attachment_bytes,
            ocr_languages=list(settings.ocr_languages),
            concurrency=settings.concurrency,
            include_archived=settings.include_archived,
            schedule=settings.schedule,
        )


class SyncConfigurationView(View):
    """Settings under a name."""

    id: str
    settings: SettingsView
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, configuration: SyncConfiguration) -> Self:
        """Show a configuration."""
        return cls(
            id=configuration.id,
            settings=SettingsView.of(configuration.settings),
            created_at=configuration.created_at,
            updated_at=configuration.updated_at,
        )


class SyncConfigurationsView(View):
    """All of a tenant's configurations, by id."""

    sync_configurations: list[SyncConfigurationView]

    @classmethod
    def of(cls, configurations: Iterable[SyncConfiguration]) -> Self:
        """Show configurations."""
        return cls(sync_configurations=[SyncConfigurationView.of(item) for item in configurations])


class BlacklistEntryView(View):
    """Something that a tenant keeps out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "6b3a1f0c9d2e4b5a8c7d6e5f",
                    "kind": "tree",
                    "value": "65539",
                    "created_at": "2026-01-31T08:00:00.000Z",
                }
            ]
        }
    )

    id: str
    kind: str
    value: str = Field(description="In the form it is kept in: a page's id, a label in lower case.")
    created_at: Time


class BlacklistView(View):
    """A tenant's blacklist, oldest entry first."""

    entries: list[BlacklistEntryView]

    @classmethod
    def of(cls, entries: Iterable[BlacklistEntry]) -> Self:
        """Show entries."""
        return cls(entries=[BlacklistEntryView.model_validate(item) for item in entries])
