"""Reading what is in, always through the eyes of the token's reader."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fastapi import APIRouter, Request

from headwater.adapters.tokens.callers import Permission
from headwater.api.admission import admit, admit_query, ports_of
from headwater.api.openapi import secured
from headwater.api.queries import DocumentQuery
from headwater.api.reading_views import DocumentView, KnownSpacesView
from headwater.domain.errors import InvalidInputError
from headwater.domain.ids import DocumentId
from headwater.services.overview import summarize_spaces
from headwater.services.reading import read_document, read_linked

CHUNKS_AT_ONCE: Final = 100

router = APIRouter(prefix="/v2/confluence")


@router.get("/spaces", **secured(Permission.READ))
async def list_known_spaces(request: Request) -> KnownSpacesView:
    """List the spaces that are in and hold something the reader may see."""
    caller = await admit(request, Permission.READ)
    found = await summarize_spaces(ports_of(request), caller.tenant, reader=caller.reader)
    return KnownSpacesView.of(found)


@router.get("/document", **secured(Permission.READ, 404, query=DocumentQuery))
async def read_known_document(request: Request) -> DocumentView:
    """Read a document that is in and that the reader may see, as Markdown."""
    caller, query = await admit_query(request, Permission.READ, DocumentQuery)
    ports, tenant, reader = ports_of(request), caller.tenant, caller.reader
    if query.is_link():
        with _at_the_query():
            found = await read_linked(ports, tenant, query.document, reader=reader)
    else:
        found = await read_document(ports, tenant, DocumentId(query.to_id()), reader=reader)
    return DocumentView.of(found, query.to_start(), query.limit or CHUNKS_AT_ONCE)


@contextmanager
def _at_the_query() -> Iterator[None]:
    """Say where the link stood: services know it from bodies."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(("query", "document"), str(error), error.kind) from error
