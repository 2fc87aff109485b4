"""Search: the reader is always the token's."""

import time

from fastapi import APIRouter, Request

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit_body, ports_of
from headwater.api.inputs import SearchBody
from headwater.api.openapi import secured
from headwater.api.views import MatchesView
from headwater.services.search import search

router = APIRouter(prefix="/v2/confluence")


@router.post(
    "/search",
    response_model_exclude_none=True,
    **secured(Permission.READ, 400, body=SearchBody),
)
async def search_knowledge(request: Request) -> MatchesView:
    """Find the chunks that answer a question, among those the caller may see."""
    began = time.perf_counter()
    caller, body = await admit_body(request, Permission.READ, SearchBody)
    matches = await search(ports_of(request), caller.tenant, body.to_query(), reader=caller.reader)
    return MatchesView.of(matches, seconds=time.perf_counter() - began)
