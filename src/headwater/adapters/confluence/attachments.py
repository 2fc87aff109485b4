"""Attachments of a space, and the bytes of one."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC
from typing import Final
from urllib.parse import quote

from headwater.adapters.confluence.by_space import (
    demand_whole,
    read_document_ids,
    search_space,
    take_detour,
)
from headwater.adapters.confluence.client import V1, V2, JsonClient
from headwater.adapters.confluence.downloads import download_file
from headwater.adapters.confluence.found import FoundAttachment, ListedFile
from headwater.adapters.confluence.paging import read_pages
from headwater.adapters.confluence.payloads import CURRENT, Statuses, in_utc, name_statuses, parse
from headwater.adapters.confluence.spaces import check_caller
from headwater.domain.content import ListedAttachment, Space
from headwater.domain.ids import ContentId

UNKNOWN_TYPE: Final = "application/octet-stream"
_EXPAND: Final = "version,container,space,history"
_V2_PARAMS: Final = {"limit": "250", "sort": "created-date"}
_SMALLEST_PAGE = 25


def list_attachments(
    client: JsonClient, space: Space, statuses: Statuses = CURRENT
) -> AsyncGenerator[Sequence[ListedAttachment], None]:
    """Yield the attachments of the space's pages and posts of these statuses.

    What hangs on anything else, such as the space's description, is left out. Costs one request per
    250 attachments of the space.
    """
    attachments = take_detour(_search(client, space, statuses), _list_site(client, space, statuses))
    return demand_whole(attachments, f"attachments of space {space.key}")


async def _search(
    client: JsonClient, space: Space, statuses: Statuses
) -> AsyncGenerator[Sequence[ListedAttachment], None]:
    async for results in search_space(client, space, "attachment", _EXPAND, statuses):
        found = [parse(FoundAttachment, item) for item in results]
        holders = [
            (item, item.find_holder(statuses)) for item in found if item.belongs(space, statuses)
        ]
        yield [
            make_found_attachment(item, holder) for item, holder in holders if holder is not None
        ]


def make_found_attachment(found: FoundAttachment, page_id: ContentId) -> ListedAttachment:
    """Return what the search says of one attachment on a page or post."""
    return ListedAttachment(
        content_id=ContentId(found.id),
        page_id=page_id,
        title=found.title,
        media_type=found.extensions.media_type or found.metadata.media_type or UNKNOWN_TYPE,
        file_size=found.extensions.file_size or 0,
        version=found.version.number,
        last_modified=found.version.when.astimezone(UTC),
        author_id=found.version.author_id,
        web_path=found.links.webui,
        created_at=in_utc(found.history.created_date if found.history else None),
    )


async def _list_site(
    client: JsonClient, space: Space, statuses: Statuses
) -> AsyncGenerator[Sequence[ListedAttachment], None]:
    pages = await read_document_ids(client, space, statuses)
    params = {**_V2_PARAMS, "status": name_statuses(statuses)}
    listing = read_pages(client, f"{V2}/attachments", params, smallest=_SMALLEST_PAGE)
    async for results in listing:
        files = [parse(ListedFile, item) for item in results]
        holders = [(item, item.holder_id) for item in files if item.status in statuses]
        yield [_make_listed(item, holder) for item, holder in holders if holder in pages]


def _make_listed(listed: ListedFile, page_id: ContentId) -> ListedAttachment:
    return ListedAttachment(
        content_id=ContentId(listed.id),
        page_id=page_id,
        title=listed.title,
        media_type=listed.media_type or UNKNOWN_TYPE,
        file_size=listed.file_size or 0,
        version=listed.version.number,
        last_modified=listed.version.created_at.astimezone(UTC),
        author_id=listed.version.author_id,
        web_path=listed.links.webui,
        created_at=in_utc(listed.created_at),
    )


async def fetch_attachment(
    client: JsonClient, attachment: ListedAttachment, *, max_bytes: int
) -> bytes:
    """Download the version that was listed, by ids: Confluence's own links do not take API tokens.

    Raises what :func:`headwater.adapters.confluence.downloads.download_file` raises.
    """
    page, file = quote(attachment.page_id, safe=""), quote(attachment.content_id, safe="")
    path = f"{V1}/content/{page}/child/attachment/{file}/download"
    url = client.locate(path, {"version": str(attachment.version)})
    return await download_file(
        client, url, attachment, max_bytes=max_bytes, check=lambda: check_caller(client)
    )
