"""What a Confluence has beside what is in, and deleting what is in."""

from fastapi import APIRouter, Request

from headwater.api.admission import admit_body, ports_of
from headwater.api.auth import Permission
from headwater.api.content_inputs import DeleteBody
from headwater.api.openapi import secured
from headwater.api.removal_views import ReceiptView
from headwater.services.deletion import delete_by_url

router = APIRouter(prefix="/v2/confluence")


@router.post("/delete", **secured(Permission.WRITE, 400, 404, body=DeleteBody))
async def delete_content(request: Request) -> ReceiptView:
    """Delete a page, post, attachment, space or site; answers when no vector of it is left."""
    caller, body = await admit_body(request, Permission.WRITE, DeleteBody)
    ports = ports_of(request)
    receipt = await delete_by_url(
        ports,
        caller.tenant,
        body.source_url,
        include_descendants=bool(body.include_descendants),
    )
    return ReceiptView.of(body.source_url, receipt, ports.now())
