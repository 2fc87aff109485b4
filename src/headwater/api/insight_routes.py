"""Questions about one page."""

from fastapi import APIRouter, Request

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit_body, ports_of
from headwater.api.answers import addresses_below
from headwater.api.inputs import ExplainBody, WhyBody
from headwater.api.insight_views import AccessView, WhyView
from headwater.api.openapi import secured
from headwater.services.enquiries import locate_page
from headwater.services.whereabouts import explain_access

router = APIRouter(prefix="/v2/confluence")


@router.post("/why", **secured(Permission.WRITE, 400, 502, body=WhyBody))
async def explain_page(request: Request) -> WhyView:
    """Say where a page stands: here since when, or why not."""
    caller, body = await admit_body(request, Permission.WRITE, WhyBody)
    ports = ports_of(request)
    with addresses_below("body", "authorization"):
        found = await locate_page(ports, caller.tenant, body.source_url, body.to_login())
    return WhyView.of(body.source_url, found, ports.now())


@router.post("/access/explain", **secured(Permission.WRITE, 400, 404, body=ExplainBody))
async def explain_page_access(request: Request) -> AccessView:
    """Say which clauses of a page's access admit or block each principal."""
    caller, body = await admit_body(request, Permission.WRITE, ExplainBody)
    ports = ports_of(request)
    report = await explain_access(ports.catalog, caller.tenant, body.source_url, body.principals)
    return AccessView.of(body.source_url, report, ports.now())
