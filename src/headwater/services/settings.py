"""What a tenant sets for its syncs: configurations and the blacklist."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from headwater.domain.errors import InvalidInputError, NotFoundError
from headwater.domain.ids import TenantId
from headwater.domain.jobs import ProcessorMode, UploadRequest
from headwater.domain.settings import (
    BlacklistEntry,
    BlacklistEntryId,
    BlacklistKind,
    SyncConfiguration,
    SyncConfigurationId,
    SyncSettings,
)
from headwater.pipeline.cron import is_cron
from headwater.ports import Embedder, Extractor, Ports
from headwater.services.credentials import release_credentials

MAX_CONFIGURATIONS: Final = 1_000
"""Of a tenant: they are listed whole."""

MAX_ENTRIES: Final = 10_000
"""Of a tenant's blacklist, which every sync reads whole."""

_CONFIGURATION: Final = ("body", "sync_config", "sync_configuration_id")


async def put_configuration(
    ports: Ports, tenant: TenantId, name: SyncConfigurationId, settings: SyncSettings
) -> SyncConfiguration:
    """Add or replace a configuration and return it as stored.

    ``InvalidInputError`` for settings that embedder or extractor cannot follow, whose ``loc`` is the
    setting's name, and for one configuration too many.
    """
    check_feasible(settings, ports.embedder, ports.extractor)
    names = {known.id for known in await ports.configurations.list(tenant)}
    if name not in names and len(names) >= MAX_CONFIGURATIONS:
        text = f"there are {MAX_CONFIGURATIONS} sync configurations; delete one first"
        raise InvalidInputError((), text, "value_error.configurations_full")
    now = ports.now()
    await ports.configurations.put(tenant, SyncConfiguration(name, settings, now, now))
    if settings.schedule is None:
        await release_credentials(ports, tenant, name)
    return await read_configuration(ports, tenant, name)


def check_feasible(settings: SyncSettings, embedder: Embedder, extractor: Extractor) -> None:
    """Raise ``InvalidInputError`` for settings that these cannot follow."""
    window = embedder.max_tokens
    if settings.chunk_tokens is not None and settings.chunk_tokens > window:
        text = f"ensure this value is less than or equal to {window}, the embedder's window"
        raise InvalidInputError(("chunk_tokens",), text, "value_error.number.not_le")
    most = (settings.chunk_tokens or window) - 1
    if settings.chunk_overlap is not None and settings.chunk_overlap > most:
        text = f"ensure this value is less than or equal to {most}, less than a whole chunk"
        raise InvalidInputError(("chunk_overlap",), text, "value_error.number.not_le")
    for place, language in enumerate(settings.ocr_languages):
        if language not in extractor.languages:
            known = ", ".join(sorted(name for name in extractor.languages if len(name) == 2))  # noqa: PLR2004  (the short codes)
            text = f"OCR does not read this language; permitted: {known}"
            raise InvalidInputError(("ocr_languages", place), text, "type_error.enum")


async def set_schedule(
    ports: Ports, tenant: TenantId, name: SyncConfigurationId, cron: str | None
) -> None:
    """Set, change or (``None``) take away what repeats a configuration; its other settings stay.

    ``InvalidInputError`` for what is no five-field cron expression, and for one configuration too many.
    """
    if cron is not None and not is_cron(cron):
        raise InvalidInputError(
            ("schedule",),
            "give five cron fields in UTC: minute, hour, day, month, weekday, such as 0 3 * * *",
            "value_error.cron",
        )
    found = await ports.configurations.find(tenant, name)
    settings = found.settings if found else SyncSettings()
    if settings.schedule != cron:
        await put_configuration(ports, tenant, name, replace(settings, schedule=cron))


async def read_configuration(
    ports: Ports, tenant: TenantId, name: SyncConfigurationId
) -> SyncConfiguration:
    """Return a configuration; ``NotFoundError`` if the tenant has none of that id."""
    found = await ports.configurations.find(tenant, name)
    if found is None:
        raise _no_configuration(name)
    return found


async def list_configurations(ports: Ports, tenant: TenantId) -> Sequence[SyncConfiguration]:
    """Return the tenant's configurations by id."""
    return await ports.configurations.list(tenant)


async def remove_configuration(ports: Ports, tenant: TenantId, name: SyncConfigurationId) -> None:
    """Remove a configuration; ``NotFoundError`` if the tenant has none of that id."""
    if not await ports.configurations.remove(tenant, name):
        raise _no_configuration(name)
    await release_credentials(ports, tenant, name)
    await ports.schedules.forget(tenant, name)


def _no_configuration(name: SyncConfigurationId) -> NotFoundError:
    return NotFoundError(
        f"no sync configuration {name!r}; GET /v2/confluence/sync-configurations lists yours"
    )


async def take_settings(ports: Ports, tenant: TenantId, upload: UploadRequest) -> UploadRequest:
    """Return a manual upload with the settings that are stored under its configuration.

    They are a snapshot: what is stored later does not touch the job. ``InvalidInputError`` where
    there is no such configuration. Any other upload is returned as it is.
    """
    if upload.processor_mode is not ProcessorMode.MANUAL:
        return upload
    if upload.sync_configuration_id is None:
        raise InvalidInputError(_CONFIGURATION, "field required", "value_error.missing")
    name = SyncConfigurationId(upload.sync_configuration_id)
    found = await ports.configurations.find(tenant, name)
    if found is None:
        text = "no such sync configuration; store it, or use processor_mode 'auto'"
        raise InvalidInputError(_CONFIGURATION, text, "value_error.sync_configuration")
    return replace(upload, settings=found.settings)


async def add_entry(
    ports: Ports, tenant: TenantId, kind: BlacklistKind, value: str
) -> BlacklistEntry:
    """Put something on the blacklist; what is there already is answered as it is.

    ``InvalidInputError`` once the list is full.
    """
    entry = BlacklistEntry(_name_entry(kind, value), kind, value, ports.now())
    ids = {known.id for known in await ports.blacklist.list(tenant)}
    if entry.id not in ids and len(ids) >= MAX_ENTRIES:
        text = f"the blacklist has {MAX_ENTRIES} entries; remove some, or name whole trees"
        raise InvalidInputError(("body",), text, "value_error.blacklist_full")
    return await ports.blacklist.add(tenant, entry)


def _name_entry(kind: BlacklistKind, value: str) -> BlacklistEntryId:
    """Return the entry's id, the same each time the same is put on the list."""
    digest = hashlib.sha256(f"{kind.value}:{value}".encode()).hexdigest()
    return BlacklistEntryId(digest[:24])


async def list_entries(ports: Ports, tenant: TenantId) -> Sequence[BlacklistEntry]:
    """Return the tenant's blacklist, oldest first."""
    return await ports.blacklist.list(tenant)


async def remove_entry(ports: Ports, tenant: TenantId, entry_id: BlacklistEntryId) -> None:
    """Take an entry off the blacklist; ``NotFoundError`` if it is not on it."""
    if not await ports.blacklist.remove(tenant, entry_id):
        raise NotFoundError(
            f"no blacklist entry {entry_id!r}; GET /v2/confluence/blacklist lists yours"
        )
