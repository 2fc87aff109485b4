"""What a Confluence has beside what is in, and deleting what is in."""

from fastapi import APIRouter, Request

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit_body, ports_of
from headwater.api.answers import addresses_below
from headwater.api.content_inputs import DeleteBody, ListingBody
from headwater.api.examples import LISTINGS
from headwater.api.listing_views import ListingView
from headwater.api.openapi import secured
from headwater.api.removal_views import ReceiptView
from headwater.services.deletion import delete_by_url
from headwater.services.listing import list_content

router = APIRouter(prefix="/v2/confluence")


@router.post("/listing", **secured(Permission.READ, 400, 502, body=ListingBody, examples=LISTINGS))
async def list_confluence_content(request: Request) -> ListingView:
    """List the spaces of a Confluence with their sizes, or a space's content and what is in of it."""
    caller, body = await admit_body(request, Permission.READ, ListingBody)
    ports = ports_of(request)
    with addresses_below("body"):
        listing = await list_content(
            ports, caller.tenant, body.to_credential(), body.to_question(), body.cursor
        )
    return ListingView.of(listing, ports.now())


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
