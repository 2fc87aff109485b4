"""The platform's own endpoints, as its existing clients call them, for Confluence."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit_body, admit_query_and_body, ports_of
from headwater.api.content_inputs import (
    FailedFilesBody,
    PlatformDeleteBody,
    VectorsBody,
    VectorsQuery,
)
from headwater.api.openapi import secured
from headwater.api.removal_views import (
    FailedFilesView,
    FailedFileView,
    ListReceiptView,
    VectorDocumentView,
    VectorMetadataView,
    VectorsView,
)
from headwater.api.views import render_time
from headwater.domain.errors import InvalidInputError
from headwater.ports import FailedDocument, HeldDocument, Ports
from headwater.services.deletion import delete_listed
from headwater.services.inventory import list_failed, list_held

PLATFORM: Final = "confluence"
router = APIRouter(prefix="/v2")
T = TypeVar("T")


@router.post(
    "/get-vectors",
    response_model=VectorsView,
    **secured(Permission.READ, 400, body=VectorsBody, query=VectorsQuery),
)
async def list_vectors(request: Request) -> StreamingResponse:
    """List the documents that are in, without their text: all of them in one answer."""
    caller, _, _ = await admit_query_and_body(
        request, Permission.READ, (VectorsQuery, VectorsBody), tenant_at=("tenant_id",)
    )
    ports = ports_of(request)
    found = list_held(ports, caller.tenant, caller.sight)
    return await _stream(ports, "documents", _show_all(found, _show_held))


@router.post("/delete", **secured(Permission.WRITE, 400, body=PlatformDeleteBody))
async def delete_vectors(request: Request) -> ListReceiptView:
    """Delete whole documents by ids of their vectors, or by links; says what was not there."""
    caller, body = await admit_body(request, Permission.WRITE, PlatformDeleteBody)
    if not (body.ids or body.source_urls):
        raise InvalidInputError(
            ("body", "ids"), "give ids, source_urls or both", "value_error.missing"
        )
    receipt = await delete_listed(
        ports_of(request),
        caller.tenant,
        vector_ids=body.ids or [],
        source_urls=body.source_urls or [],
    )
    return ListReceiptView.of(receipt)


@router.post(
    "/failed-files",
    response_model=FailedFilesView,
    **secured(Permission.READ, 400, body=FailedFilesBody),
)
async def list_failed_files(request: Request) -> StreamingResponse:
    """List the documents whose last attempt failed: all of them in one answer."""
    caller, _ = await admit_body(request, Permission.READ, FailedFilesBody)
    ports = ports_of(request)
    found = list_failed(ports, caller.tenant, caller.sight)
    return await _stream(ports, "failed_files", _show_all(found, _show_failed))


async def _show_all(found: AsyncGenerator[T, None], show: Any) -> AsyncGenerator[BaseModel, None]:
    async for item in found:
        yield show(item)


def _show_held(item: HeldDocument) -> VectorDocumentView:
    return VectorDocumentView(
        id=item.document_id,
        title=item.title,
        source_url=item.source_url,
        platform_type=PLATFORM,
        chunk_count=item.chunks,
        metadata=VectorMetadataView(
            author=item.author_id,
            created_at=item.created_at,
            modified_at=item.modified_at,
            file_type=item.file_type,
            file_size=item.file_size,
        ),
        ingested_at=item.ingested_at,
    )


def _show_failed(item: FailedDocument) -> FailedFileView:
    return FailedFileView(
        file_id=item.document_id,
        file_name=item.title,
        source_url=item.source_url,
        error_type=item.error_type,
        error_message=item.error_message,
        failed_at=item.failed_at,
        retry_count=max(0, item.attempts - 1),
    )


async def _stream(
    ports: Ports, name: str, rows: AsyncGenerator[BaseModel, None]
) -> StreamingResponse:
    """Answer row by row, so that a large tenant is never in memory at once.

    The first row is read before the answer begins: trouble with the catalog is a proper error then.
    """
    first = await anext(rows, None)
    ending = {"platform_type": PLATFORM}
    outer = {"success": True, "timestamp": render_time(ports.now())}
    return StreamingResponse(
        _write(name, first, rows, ending, outer), media_type="application/json"
    )


async def _write(
    name: str,
    first: BaseModel | None,
    rows: AsyncGenerator[BaseModel, None],
    ending: Mapping[str, Any],
    outer: Mapping[str, Any],
) -> AsyncIterator[str]:
    yield f'{{"data": {{"{name}": ['
    total = 0
    if first is not None:
        total = 1
        yield first.model_dump_json()
        async for row in rows:
            total += 1
            yield f",\n{row.model_dump_json()}"
    data = json.dumps({"total": total, **ending})
    message = json.dumps({"message": f"{total} {name.replace('_', ' ')}", **outer})
    yield f"], {data[1:]}, {message[1:]}"
