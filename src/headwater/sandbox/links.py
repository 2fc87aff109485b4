"""The web links that Confluence puts into its answers, relative to the base (``…/wiki``)."""

import base64
from urllib.parse import quote, quote_plus

from headwater.sandbox.entities import Attachment, Comment, Content, Kind, Space
from headwater.sandbox.ordering import number_of
from headwater.sandbox.world import World


def link_space(space: Space) -> str:
    """Return the link of a space."""
    return f"/spaces/{quote(space.key)}"


def link_content(world: World, content: Content) -> str:
    """Return the link of a page, blog post or folder, in the form Confluence uses for each."""
    space = link_space(world.spaces[content.space_id])
    title = quote_plus(content.title)
    if content.kind is Kind.FOLDER:
        return f"{space}/folder/{content.id}"
    if content.kind is Kind.BLOGPOST:
        return f"{space}/blog/{content.created_at:%Y/%m/%d}/{content.id}/{title}"
    return f"{space}/pages/{content.id}/{title}"


def link_edit(world: World, content: Content) -> str:
    """Return the link of the editor."""
    return f"{link_space(world.spaces[content.space_id])}/pages/edit-v2/{content.id}"


def link_tiny(content: Content) -> str:
    """Return the short link: the id's bytes, lowest first, in base 64 without padding."""
    number = number_of(content.id)
    data = number.to_bytes((number.bit_length() + 7) // 8 or 1, "little")
    return f"/x/{base64.b64encode(data, b'_-').decode().rstrip('=').rstrip('A')}"


def read_tiny(code: str) -> str:
    """Return the id behind a short link's code; ``ValueError`` if it is none."""
    padded = code + "A" * (-len(code) % 4)
    return str(int.from_bytes(base64.b64decode(padded, b"_-", validate=True), "little"))


def link_attachment(attachment: Attachment) -> str:
    """Return the link of an attachment's preview."""
    number = attachment.id.removeprefix("att")
    preview = f"/{attachment.container_id}/{number}/{attachment.title}"
    page = f"pageId={attachment.container_id}&preview={quote(preview, safe='')}"
    return f"/pages/viewpageattachments.action?{page}"


def link_download(attachment: Attachment) -> str:
    """Return the REST path that opens a file with an API token."""
    container = f"/rest/api/content/{attachment.container_id}"
    return (
        f"{container}/child/attachment/{attachment.id}/download?version={attachment.version.number}"
    )


def link_comment(world: World, comment: Comment) -> str:
    """Return the link of a comment on its page."""
    page = link_content(world, world.find_content(comment.container_id))
    return f"{page}?focusedCommentId={comment.id}"
