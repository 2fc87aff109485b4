"""Cloud REST API v2: our records as its JSON. Shapes: Atlassian's OpenAPI document, version 2."""

from datetime import datetime
from zlib import crc32

from headwater.sandbox import links
from headwater.sandbox.calls import Json, RefusalError
from headwater.sandbox.entities import (
    Attachment,
    Comment,
    Content,
    Kind,
    Space,
    User,
    Version,
)
from headwater.sandbox.rendering import render_document, render_view
from headwater.sandbox.world import World


def format_date(moment: datetime) -> str:
    """Return a date as Cloud writes it: UTC, milliseconds, ``Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def describe_space(space: Space) -> Json:
    """Return a space as in listings."""
    payload = {
        "id": space.id,
        "key": space.key,
        "name": space.name,
        "type": space.type,
        "status": space.status,
        "currentActiveAlias": space.key,
        "createdAt": format_date(space.created_at),
        "description": {"plain": {"representation": "plain", "value": space.description}},
        "_links": {"webui": links.link_space(space)},
    }
    return payload if space.homepage_id is None else {**payload, "homepageId": space.homepage_id}


def describe_version(version: Version) -> Json:
    """Return one version."""
    return {
        "number": version.number,
        "createdAt": format_date(version.created_at),
        "message": version.message,
        "minorEdit": False,
        "authorId": version.author_id,
    }


def describe_body(body: str, representation: str) -> Json:
    """Return a body in one representation; none asked for, none given."""
    if not representation:
        return {}
    if representation == "storage":
        value = body
    elif representation == "atlas_doc_format":
        value = render_document(body)
    elif representation in {
        "view",
        "export_view",
        "anonymous_export_view",
        "styled_view",
        "editor",
    }:
        value = render_view(body)
    else:
        raise RefusalError(
            400,
            f"Provided value {{{representation}}} for 'body-format' is not correct",
            code="INVALID_REQUEST_PARAMETER",
        )
    return {representation: {"representation": representation, "value": value}}


def describe_content(world: World, content: Content, representation: str = "") -> Json:
    """Return a page, blog post or folder."""
    common = {
        "id": content.id,
        "status": content.status.value,
        "title": content.title,
        "spaceId": content.space_id,
        "authorId": content.author_id,
        "createdAt": format_date(content.created_at),
        "version": describe_version(content.version),
        "_links": describe_links(world, content),
    }
    body = describe_body(content.body, representation) if representation else {}
    if content.kind is Kind.BLOGPOST:
        return {**common, "body": body}
    place = {
        "position": content.position,
        "ownerId": content.author_id,
        **_name_parent(world, content),
    }
    if content.kind is Kind.FOLDER:
        return {**common, **place, "type": "folder"}
    subtype = "live" if content.is_live else "page"
    return {**common, **place, "lastOwnerId": None, "subtype": subtype, "body": body}


def describe_links(world: World, content: Content) -> Json:
    """Return the links of a page, blog post or folder."""
    webui = {"webui": links.link_content(world, content)}
    if content.kind is Kind.FOLDER:
        return webui
    return {**webui, "editui": links.link_edit(world, content), "tinyui": links.link_tiny(content)}


def describe_child(content: Content) -> Json:
    """Return a content as its parent's child."""
    return {
        "id": content.id,
        "status": content.status.value,
        "title": content.title,
        "type": content.kind.value,
        "spaceId": content.space_id,
        "childPosition": content.position,
    }


def describe_label(name: str) -> Json:
    """Return a label; its id follows from its name."""
    return {"id": str(crc32(name.encode())), "name": name, "prefix": "global"}


def describe_attachment(world: World, attachment: Attachment) -> Json:
    """Return an attachment, its container included."""
    container = world.find_content(attachment.container_id)
    owner = "blogPostId" if container.kind is Kind.BLOGPOST else "pageId"
    webui, download = links.link_attachment(attachment), links.link_download(attachment)
    return {
        "id": attachment.id,
        "status": attachment.status.value,
        "title": attachment.title,
        "createdAt": format_date(attachment.created_at),
        owner: attachment.container_id,
        "mediaType": attachment.media_type,
        "mediaTypeDescription": attachment.media_type,
        "comment": attachment.comment,
        "fileId": name_file(attachment),
        "fileSize": len(attachment.read()),
        "webuiLink": webui,
        "downloadLink": download,
        "version": describe_version(attachment.version),
        "_links": {"webui": webui, "download": download},
    }


def name_file(attachment: Attachment) -> str:
    """Return the media id of an attachment, by which bodies refer to it."""
    return f"00000000-0000-4000-a000-{attachment.id.removeprefix('att'):0>12}"


def describe_comment(world: World, comment: Comment, representation: str = "") -> Json:
    """Return a footer or inline comment, or a reply."""
    container = world.find_content(comment.container_id)
    owner = "blogPostId" if container.kind is Kind.BLOGPOST else "pageId"
    payload: Json = {
        "id": comment.id,
        "status": comment.status.value,
        "title": f"Re: {container.title}",
        owner: comment.container_id,
        "version": describe_version(comment.version),
        "body": describe_body(comment.body, representation),
        "_links": {"webui": links.link_comment(world, comment)},
    }
    if comment.parent_id is not None:
        payload["parentCommentId"] = comment.parent_id
    return {**payload, **_describe_marker(comment)} if comment.inline else payload


def describe_permission(number: int, kind: str, principal: str) -> Json:
    """Return the permission of one user or group to view a space."""
    return {
        "id": str(number),
        "principal": {"type": kind, "id": principal},
        "operation": {"key": "read", "targetType": "space"},
    }


def describe_assignment(kind: str, principal: str) -> Json:
    """Return the role of a viewer for one user, group or access class."""
    return {
        "principal": {"principalType": kind.upper(), "principalId": principal},
        "roleId": "00000000-0000-4000-b000-000000000001",
    }


def describe_user(user: User) -> Json:
    """Return a user; an address kept private is empty."""
    return {
        "accountId": user.account_id,
        "accountType": "atlassian",
        "accountStatus": "active",
        "email": user.email if user.email_visible else "",
        "displayName": user.name,
        "publicName": user.name,
        "timeZone": user.time_zone,
        "isExternalCollaborator": False,
    }


def _describe_marker(comment: Comment) -> Json:
    marker = {"inlineMarkerRef": comment.marker, "inlineOriginalSelection": comment.selection}
    return {"resolutionStatus": comment.resolution, "properties": marker}


def _name_parent(world: World, content: Content) -> Json:
    parent = world.tree.contents.get(content.parent_id or "")
    return {} if parent is None else {"parentId": parent.id, "parentType": parent.kind.value}
