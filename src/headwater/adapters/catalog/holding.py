"""Documents whose deletion waits for a second proof, or for somebody to approve it."""

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headwater.adapters.catalog.rows import known_from_row
from headwater.adapters.catalog.schema import documents
from headwater.adapters.catalog.statements import sort_by_id
from headwater.domain.ids import SpaceKey, TenantId
from headwater.domain.sync import DocumentState, KnownDocument

HELD = DocumentState.HELD.value


async def read_held(
    connection: AsyncConnection, tenant: TenantId, space: SpaceKey
) -> list[KnownDocument]:
    """Return the space's held documents, and the attachments of held pages in whatever state."""
    pages = documents.alias("pages")
    hangs_on_held = exists().where(
        pages.c.tenant == documents.c.tenant,
        pages.c.site == documents.c.site,
        pages.c.content_id == documents.c.page_id,
        pages.c.state == HELD,
    )
    in_space = and_(documents.c.tenant == str(tenant), documents.c.space == space)
    query = select(documents).where(in_space, or_(documents.c.state == HELD, hangs_on_held))
    rows = (await connection.execute(query)).all()
    return [known_from_row(row) for row in sort_by_id(rows)]
