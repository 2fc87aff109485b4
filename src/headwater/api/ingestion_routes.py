"""Spaces, uploads and their plans: the calls that reach Confluence while the client waits."""

from fastapi import APIRouter, Request

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit_body, ports_of
from headwater.api.answers import addresses_below
from headwater.api.examples import SPACE_LISTINGS, UPLOADS
from headwater.api.foresight_views import PlanView
from headwater.api.inputs import SpaceListingBody, UploadBody
from headwater.api.openapi import secured
from headwater.api.views import SpacesView
from headwater.services.plans import plan_upload
from headwater.services.spaces import list_spaces
from headwater.services.uploads import submit_upload

router = APIRouter(prefix="/v2/confluence")


@router.post(
    "/space-listing",
    **secured(Permission.READ, 400, 502, body=SpaceListingBody, examples=SPACE_LISTINGS),
)
async def list_confluence_spaces(request: Request) -> SpacesView:
    """List every space the Confluence account may see."""
    _, body = await admit_body(request, Permission.READ, SpaceListingBody)
    with addresses_below("body"):
        spaces = await list_spaces(
            ports_of(request).sources, body.to_address(), body.to_credential()
        )
    return SpacesView.of(spaces)


@router.post(
    "/upload", **secured(Permission.WRITE, 400, 409, 502, body=UploadBody, examples=UPLOADS)
)
async def upload_space(request: Request) -> str:
    """Bring a space into the knowledge base; answers the id of the job that does it."""
    caller, body = await admit_body(request, Permission.WRITE, UploadBody)
    with addresses_below("body", "authorization"):
        return await submit_upload(
            ports_of(request),
            caller.tenant,
            body.to_upload(),
            body.authorization.to_credential(),
            job_id=body.to_job_id(),
        )


@router.post("/plan", **secured(Permission.WRITE, 400, 502, body=UploadBody))
async def plan_space(request: Request) -> PlanView:
    """Say what an upload would do, without doing it: the same listing and decisions, nothing written."""
    caller, body = await admit_body(request, Permission.WRITE, UploadBody)
    ports = ports_of(request)
    with addresses_below("body", "authorization"):
        plan = await plan_upload(
            ports, caller.tenant, body.to_upload(), body.authorization.to_credential()
        )
    return PlanView.of(plan, ports.now())
