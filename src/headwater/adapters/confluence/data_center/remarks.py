"""What hangs on a space's documents: comments, attachments, and the bytes of one."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from headwater.adapters.confluence.annotations import quote_cql
from headwater.adapters.confluence.answers import RejectedRequestError
from headwater.adapters.confluence.attachments import make_found_attachment
from headwater.adapters.confluence.by_space import demand_whole
from headwater.adapters.confluence.comments import COMMENT_EXPAND, make_found_comment
from headwater.adapters.confluence.data_center.listing import (
    WITH_BODIES,
    Query,
    read_rows,
    scan_or_read,
)
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.downloads import download_file
from headwater.adapters.confluence.found import FoundAttachment, FoundComment
from headwater.adapters.confluence.payloads import parse
from headwater.adapters.confluence.threads import Threads
from headwater.domain.content import Comment, ListedAttachment, Space
from headwater.domain.errors import DocumentError, FailureType

_DOWNLOADS = "/download/"


def list_comments(rest: Rest, space: Space) -> AsyncGenerator[Sequence[Comment], None]:
    """Yield the open comments and replies on the space's current documents, 50 per request.

    Ends normally only after Confluence has confirmed that it still knows the caller.
    """
    return demand_whole(_list_comments(rest, space), f"comments of space {space.key}")


async def _list_comments(rest: Rest, space: Space) -> AsyncGenerator[Sequence[Comment], None]:
    params = {
        "spaceKey": space.key,
        "type": "comment",
        "status": "current",
        "expand": COMMENT_EXPAND,
    }
    scan = Query("/content/scan", params, WITH_BODIES)
    search = _search(space, "comment", COMMENT_EXPAND, WITH_BODIES)
    threads = Threads()
    async for rows in scan_or_read(rest, scan, search):
        found = [parse(FoundComment, row) for row in rows]
        yield threads.admit(make_found_comment(item) for item in found if item.belongs(space))
    yield threads.release()
    await rest.check_caller()


def list_attachments(rest: Rest, space: Space) -> AsyncGenerator[Sequence[ListedAttachment], None]:
    """Yield the current attachments of the space's current pages and posts, 200 per request.

    There is no listing of them but the index.
    """
    return demand_whole(_list_attachments(rest, space), f"attachments of space {space.key}")


async def _list_attachments(
    rest: Rest, space: Space
) -> AsyncGenerator[Sequence[ListedAttachment], None]:
    query = _search(space, "attachment", "version,container,space,history")
    async for rows in read_rows(rest, query):
        found = [parse(FoundAttachment, row) for row in rows]
        holders = [(item, item.find_holder()) for item in found if item.belongs(space)]
        yield [
            replace(make_found_attachment(item, holder), download_path=item.links.download)
            for item, holder in holders
            if holder is not None
        ]


def _search(space: Space, kind: str, expand: str, limit: int = 200) -> Query:
    cql = f"space = {quote_cql(space.key)} and type = {kind} order by created"
    return Query("/content/search", {"cql": cql, "expand": expand}, limit)


async def fetch_attachment(rest: Rest, attachment: ListedAttachment, *, max_bytes: int) -> bytes:
    """Download by the link that the listing gave, query and all; without it there is no file.

    Raises what :func:`headwater.adapters.confluence.downloads.download_file` raises.
    """
    path, _, query = (attachment.download_path or "").partition("?")
    if not path.startswith(_DOWNLOADS) or ".." in path.split("/"):
        text = "Confluence's listing has no link to the file; open the page there, then retry"
        raise DocumentError(FailureType.ACCESS_DENIED, text) from RejectedRequestError(path)
    url = rest.client.locate(rest.context + path).copy_with(query=query.encode())
    return await download_file(
        rest.client, url, attachment, max_bytes=max_bytes, check=rest.check_caller
    )
