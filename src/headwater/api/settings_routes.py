"""Sync configurations and the blacklist."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit, admit_body, ports_of
from headwater.api.openapi import secured
from headwater.api.settings_inputs import BlacklistBody, SyncConfigurationBody
from headwater.api.settings_views import (
    BlacklistEntryView,
    BlacklistView,
    SyncConfigurationsView,
    SyncConfigurationView,
)
from headwater.domain.errors import InvalidInputError, NotFoundError
from headwater.domain.settings import BlacklistEntryId, SyncConfigurationId
from headwater.services.settings import (
    add_entry,
    list_configurations,
    list_entries,
    put_configuration,
    read_configuration,
    remove_configuration,
    remove_entry,
)

WRITE: Final = Permission.WRITE
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_ENTRY_ID: Final = re.compile(r"[0-9a-f]{24}")

router = APIRouter(prefix="/v2/confluence")


@contextmanager
def _settings_below(place: tuple[str, ...]) -> Iterator[None]:
    """Say where in the request the settings stood: services know them by name only."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError((*place, *error.loc), str(error), error.kind) from error


@router.get("/sync-configurations", **secured(WRITE))
async def list_sync_configurations(request: Request) -> SyncConfigurationsView:
    """List the tenant's sync configurations, by id."""
    caller = await admit(request, WRITE)
    return SyncConfigurationsView.of(await list_configurations(ports_of(request), caller.tenant))


@router.get("/sync-configurations/{configuration_id}", **secured(WRITE, 404))
async def read_sync_configuration(request: Request, configuration_id: str) -> SyncConfigurationView:
    """Read a sync configuration."""
    caller = await admit(request, WRITE)
    name = _find_name(configuration_id)
    found = await read_configuration(ports_of(request), caller.tenant, name)
    return SyncConfigurationView.of(found)


@router.put(
    "/sync-configurations/{configuration_id}", **secured(WRITE, 400, body=SyncConfigurationBody)
)
async def put_sync_configuration(request: Request, configuration_id: str) -> SyncConfigurationView:
    """Store settings under a name, whether there were any before or not; answers them as stored."""
    caller, body = await admit_body(request, WRITE, SyncConfigurationBody)
    name = _make_name(configuration_id)
    with _settings_below(body.place):
        stored = await put_configuration(ports_of(request), caller.tenant, name, body.to_settings())
    return SyncConfigurationView.of(stored)


def _removal() -> dict[str, Any]:
    """Return the arguments of a route that answers 204."""
    return {"status_code": 204, "response_class": Response, **secured(WRITE, 404)}


@router.delete("/sync-configurations/{configuration_id}", **_removal())
async def delete_sync_configuration(request: Request, configuration_id: str) -> None:
    """Remove a sync configuration; jobs that took its settings keep them."""
    caller = await admit(request, WRITE)
    await remove_configuration(ports_of(request), caller.tenant, _find_name(configuration_id))


@router.get("/blacklist", **secured(WRITE))
async def list_blacklist(request: Request) -> BlacklistView:
    """List what the tenant keeps out, oldest first."""
    caller = await admit(request, WRITE)
    return BlacklistView.of(await list_entries(ports_of(request), caller.tenant))


@router.post("/blacklist", **secured(WRITE, 400, body=BlacklistBody))
async def add_blacklist_entry(request: Request) -> BlacklistEntryView:
    """Keep something out from the next sync on; the same once more answers the entry that is there."""
    caller, body = await admit_body(request, WRITE, BlacklistBody)
    entry = await add_entry(ports_of(request), caller.tenant, body.to_kind(), body.value)
    return BlacklistEntryView.model_validate(entry)


@router.delete("/blacklist/{entry_id}", **_removal())
async def delete_blacklist_entry(request: Request, entry_id: str) -> None:
    """Let something in again with the next sync."""
    caller = await admit(request, WRITE)
    if not _ENTRY_ID.fullmatch(entry_id):
        raise NotFoundError("no such blacklist entry; GET /v2/confluence/blacklist lists yours")
    await remove_entry(ports_of(request), caller.tenant, BlacklistEntryId(entry_id))


def _find_name(text: str) -> SyncConfigurationId:
    if not _ID.fullmatch(text):
        raise NotFoundError(
            "no such sync configuration; GET /v2/confluence/sync-configurations lists yours"
        )
    return SyncConfigurationId(text)


def _make_name(text: str) -> SyncConfigurationId:
    if not _ID.fullmatch(text):
        raise InvalidInputError(
            ("path", "configuration_id"),
            'string does not match regex "^[A-Za-z0-9._:-]{1,200}$"',
            "value_error.str.regex",
        )
    return SyncConfigurationId(text)
