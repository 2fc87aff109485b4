"""Data Center's wording of v1's JSON. Shapes: Atlassian's OpenAPI document of Confluence 10.0.3.

People are ``userKey`` and ``username``, groups have names only, files are fetched by their old paths.
"""

import re
from datetime import datetime
from urllib.parse import quote, quote_plus

from headwater.sandbox.calls import Json
from headwater.sandbox.cloud_v1_payloads import describe_picture
from headwater.sandbox.dialect import Dialect
from headwater.sandbox.entities import Attachment, Comment, Content, Group, Kind, Space, User
from headwater.sandbox.links import link_tiny
from headwater.sandbox.search import Found
from headwater.sandbox.world import World

_MENTION = re.compile(r'\bri:account-id="([^"]*)"')
_PLAIN_TITLE = re.compile(r"[A-Za-z0-9 ._-]+")


def format_date(moment: datetime) -> str:
    """Return a date as Data Center writes it: milliseconds and an offset."""
    return moment.isoformat(timespec="milliseconds")


def describe_user(user: User, rest: str) -> Json:
    """Return a user; Data Center shows no e-mail addresses here."""
    return {
        "type": "known",
        "username": user.username,
        "userKey": user.user_key,
        "profilePicture": describe_picture("/images/icons/profilepics/default.svg"),
        "displayName": user.name,
        "_links": {"self": f"{rest}/user?key={user.user_key}"},
        "_expandable": {"status": ""},
    }


def describe_group(group: Group, rest: str) -> Json:
    """Return a group."""
    itself = f"{rest}/group/{quote(group.name, safe='')}"
    return {"type": "group", "name": group.name, "_links": {"self": itself}}


def describe_space(space: Space, rest: str) -> Json:
    """Return a space."""
    path = f"/rest/api/space/{space.key}"
    return {
        "id": int(space.id),
        "key": space.key,
        "name": space.name,
        "status": space.status,
        "type": space.type,
        "_links": {"webui": f"/display/{space.key}", "self": f"{rest}/space/{space.key}"},
        "_expandable": {
            "metadata": "",
            "icon": "",
            "description": "",
            "retentionPolicy": f"{path}/retention",
            "homepage": f"/rest/api/content/{space.homepage_id}" if space.homepage_id else "",
        },
    }


def describe_permission(space: Space, subject: Json) -> Json:
    """Return the permission of one user, group or the anonymous to view a space."""
    return {
        "operation": {"targetType": "space", "operationKey": "read"},
        "subject": subject,
        "spaceKey": space.key,
        "spaceId": int(space.id),
    }


def link_content(world: World, content: Content) -> str:
    """Return a page's link: by title where that is plain, else by id; a blog post's by its date."""
    key = quote(world.spaces[content.space_id].key)
    if not _PLAIN_TITLE.fullmatch(content.title):
        return f"/pages/viewpage.action?pageId={content.id}"
    title = quote_plus(content.title)
    if content.kind is Kind.BLOGPOST:
        return f"/display/{key}/{content.created_at:%Y/%m/%d}/{title}"
    return f"/display/{key}/{title}"


def link_download(attachment: Attachment) -> str:
    """Return the path of a file; without its query it leads nowhere."""
    modified = int(attachment.version.created_at.timestamp() * 1000)
    name = quote(attachment.title, safe="")
    return (
        f"/download/attachments/{attachment.container_id}/{name}"
        f"?version={attachment.version.number}&modificationDate={modified}&api=v2"
    )


def _describe_links(world: World, found: Found) -> Json:
    if isinstance(found, Attachment):
        preview = quote(f"/{found.container_id}/{found.id.removeprefix('att')}/{found.title}")
        webui = f"/pages/viewpage.action?pageId={found.container_id}&preview={preview}"
        return {"webui": webui, "download": link_download(found)}
    if isinstance(found, Comment):
        page = f"/pages/viewpage.action?pageId={found.container_id}"
        return {"webui": f"{page}&focusedCommentId={found.id}#comment-{found.id}"}
    edit = f"/pages/resumedraft.action?draftId={found.id}"
    return {"webui": link_content(world, found), "edit": edit, "tinyui": link_tiny(found)}


def _write_mentions(world: World, body: str) -> str:
    """Mention people by their user keys; who is nobody's account stays as written."""

    def name(mention: re.Match[str]) -> str:
        user = world.people.users.get(mention[1])
        return f'ri:userkey="{user.user_key}"' if user else mention[0]

    return _MENTION.sub(name, body)


DATA_CENTER = Dialect(
    describe_user=describe_user,
    describe_group=describe_group,
    describe_space=describe_space,
    describe_links=_describe_links,
    write_mentions=_write_mentions,
    format_date=format_date,
    kinds=frozenset({Kind.PAGE, Kind.BLOGPOST}),
    principals_shown=200,
)
