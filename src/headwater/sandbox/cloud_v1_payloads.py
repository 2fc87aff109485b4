"""REST API v1: our records as its JSON. Shapes: Atlassian's OpenAPI document, version 1.

Where Data Center words things differently, the site's dialect says how.

What ``expand`` does not name is listed under ``_expandable`` with the path that has it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headwater.sandbox import links
from headwater.sandbox.calls import Call, Json
from headwater.sandbox.cloud_v2_payloads import (
    describe_body,
    describe_label,
    format_date,
    name_file,
)
from headwater.sandbox.dialect import Dialect
from headwater.sandbox.entities import (
    Attachment,
    Comment,
    Content,
    Group,
    Kind,
    Operation,
    Principals,
    Space,
    User,
    Version,
)
from headwater.sandbox.expansion import Expansion
from headwater.sandbox.search import Found, name_type
from headwater.sandbox.world import World

_INLINE_LIMIT = 25
"""How many children an expanded ``children.…`` shows at most."""


@dataclass(frozen=True, slots=True)
class Describer:
    """Writes v1 JSON for one call."""

    call: Call

    def link_self(self, path: str) -> str:
        """Return the absolute URL of a REST path."""
        return f"{self.call.site.rest}/{path}"

    def describe_user(self, account_id: str) -> Json:
        """Return a user; one that has left is unknown."""
        user = self.call.world.people.users.get(account_id)
        if user is None:
            user = User(account_id, "", "Former user")
        return self.call.site.dialect.describe_user(user, self.call.site.rest)

    def describe_group(self, group: Group) -> Json:
        """Return a group."""
        return self.call.site.dialect.describe_group(group, self.call.site.rest)

    def describe_space(self, space: Space) -> Json:
        """Return a space."""
        return self.call.site.dialect.describe_space(space, self.call.site.rest)

    def describe_version(self, version: Version) -> Json:
        """Return one version."""
        return {
            "by": self.describe_user(version.author_id),
            "when": self.call.site.dialect.format_date(version.created_at),
            "friendlyWhen": f"{version.created_at:%b %d, %Y}",
            "message": version.message,
            "number": version.number,
            "minorEdit": False,
            "_expandable": {"collaborators": "", "content": ""},
            "_links": {},
        }

    def describe(self, found: Found, wanted: Expansion) -> Json:
        """Return content, an attachment or a comment with the wanted parts written out."""
        path = f"/rest/api/content/{found.id}"
        parts = self._list_parts(found, wanted)
        written = {name: write() for name, write in parts.items() if name in wanted}
        return {
            "id": found.id,
            "type": name_type(found),
            "status": found.status.value,
            "title": self._name_title(found),
            "macroRenderedOutput": {},
            "extensions": _describe_extensions(found, wanted["extensions"]),
            **(
                {"metadata": {"mediaType": found.media_type}}
                if isinstance(found, Attachment)
                else {}
            ),
            **written,
            "_expandable": {name: f"{path}/{name}" for name in parts if name not in wanted},
            "_links": {
                **self.call.site.dialect.describe_links(self.call.world, found),
                "self": self.link_self(f"content/{found.id}"),
            },
        }

    def describe_restriction(
        self, operation: Operation, content: Content, wanted: Expansion, start: int = 0
    ) -> Json:
        """Return one operation's own restriction; inherited ones are not in it."""
        principals = content.restrictions.get(operation, Principals())
        path = f"content/{content.id}/restriction/byOperation/{operation.value}"
        payload: Json = {
            "operation": operation.value,
            "_expandable": {"content": f"/rest/api/content/{content.id}"},
            "_links": {"self": self.link_self(path)},
        }
        if "restrictions" not in wanted:
            payload["_expandable"]["restrictions"] = ""
            return payload
        return {**payload, "restrictions": self._list_principals(principals, wanted, start)}

    def _list_principals(self, principals: Principals, wanted: Expansion, start: int) -> Json:
        groups, shown = self.call.world.people.groups, self.call.site.dialect.principals_shown
        parts: dict[str, Callable[[], list[Json]]] = {
            "user": lambda: [self.describe_user(item) for item in sorted(principals.users)],
            "group": lambda: [
                self.describe_group(groups[item]) for item in sorted(principals.groups)
            ],
        }
        names = [name for name in parts if name in wanted["restrictions"]]
        lists = {name: _describe_array(parts[name](), start, shown) for name in names}
        return {**lists, "_expandable": {name: "" for name in parts if name not in names}}

    def _list_parts(self, found: Found, wanted: Expansion) -> dict[str, Callable[[], Any]]:
        holder = found if isinstance(found, Content) else None
        container = holder or self.call.world.find_content(_name_container(found))
        space = self.call.world.spaces[container.space_id]
        parts: dict[str, Callable[[], Any]] = {
            "space": lambda: self.describe_space(space),
            "version": lambda: self.describe_version(found.version),
            "history": lambda: self._describe_history(found),
            "metadata": lambda: self._describe_metadata(found, wanted["metadata"]),
            "container": lambda: self._describe_container(holder, container, space),
            "ancestors": lambda: self._list_ancestors(found, wanted["ancestors"]),
            "children": lambda: self._describe_children(found, wanted["children"]),
        }
        if not isinstance(found, Attachment):
            parts["body"] = lambda: self._describe_body(found.body, wanted["body"])
        if Kind.FOLDER in self.call.site.dialect.kinds:  # Data Center has none of it
            parts["childTypes"] = lambda: self._describe_child_types(found, wanted["childTypes"])
        if holder is not None:
            parts["restrictions"] = lambda: self._describe_restrictions(
                holder, wanted["restrictions"]
            )
        return parts

    def _describe_container(self, holder: Content | None, container: Content, space: Space) -> Json:
        return self.describe_space(space) if holder else self.describe(container, Expansion())

    def _describe_history(self, found: Found) -> Json:
        return {
            "latest": True,
            "createdBy": self.describe_user(
                found.author_id if isinstance(found, Content) else found.version.author_id
            ),
            "createdDate": self.call.site.dialect.format_date(found.created_at),
            "lastUpdated": self.describe_version(found.version),
            "_expandable": {"previousVersion": "", "contributors": "", "nextVersion": ""},
            "_links": {"self": self.link_self(f"content/{found.id}/history")},
        }

    def _describe_metadata(self, found: Found, wanted: Expansion) -> Json:
        media = {"mediaType": found.media_type} if isinstance(found, Attachment) else {}
        if "labels" not in wanted:
            return {**media, "_expandable": {"labels": ""}}
        names = () if isinstance(found, Comment) else found.labels
        return {**media, "labels": _describe_array([label_of(name) for name in names], 0, 200)}

    def _list_ancestors(self, found: Found, wanted: Expansion) -> list[Json]:
        if isinstance(found, Comment):
            answered = self.call.world.list_answered(found)
            return [self.describe(item, wanted) for item in answered]
        if not isinstance(found, Content):
            return [self.describe(item, wanted) for item in self._list_answered(found)]
        above = self.call.world.tree.list_ancestors(found)
        kinds = self.call.site.dialect.kinds
        return [self.describe(item, wanted) for item in above if item.kind in kinds]

    def _list_answered(self, found: Attachment | Comment) -> list[Comment]:
        """Return the comments that a reply stands under, the topmost first."""
        comments, chain = self.call.world.comments, list[Comment]()
        parent_id = found.parent_id if isinstance(found, Comment) else None
        while parent_id is not None:
            chain.append(comments[parent_id])
            parent_id = comments[parent_id].parent_id
        return chain[::-1]

    def _describe_body(self, body: str, wanted: Expansion) -> Json:
        body = self.call.site.dialect.write_mentions(self.call.world, body)
        names = ("storage", "view", "export_view", "styled_view", "editor", "atlas_doc_format")
        written = {
            name: {**describe_body(body, name)[name], "embeddedContent": [], "_expandable": {}}
            for name in names
            if name in wanted
        }
        return {**written, "_expandable": {name: "" for name in names if name not in written}}

    def _describe_restrictions(self, content: Content, wanted: Expansion) -> Json:
        written = {
            item.value: self.describe_restriction(item, content, wanted[item.value])
            for item in Operation
            if item.value in wanted
        }
        return {
            **written,
            "_expandable": {item.value: "" for item in Operation if item.value not in written},
            "_links": {"self": self.link_self(f"content/{content.id}/restriction/byOperation")},
        }

    def _describe_children(self, found: Found, wanted: Expansion) -> Json:
        kinds = ("page", "attachment", "comment")
        written = {
            kind: _describe_array(
                [
                    self.describe(item, wanted[kind])
                    for item in list_children(self.call, found, kind)
                ],
                0,
                _INLINE_LIMIT,
            )
            for kind in kinds
            if kind in wanted
        }
        return {**written, "_expandable": {kind: "" for kind in kinds if kind not in written}}

    def _describe_child_types(self, found: Found, wanted: Expansion) -> Json:
        kinds = ("attachment", "comment", "page")
        chosen = [kind for kind in kinds if kind in wanted or "all" in wanted]
        path = f"content/{found.id}/child"
        written = {
            kind: {
                "value": bool(list_children(self.call, found, kind)),
                "_links": {"self": self.link_self(f"{path}/{kind}")},
            }
            for kind in chosen
        }
        return {**written, "_expandable": {kind: "" for kind in kinds if kind not in chosen}}

    def _name_title(self, found: Found) -> str:
        if isinstance(found, Comment):
            return f"Re: {self.call.world.find_content(found.container_id).title}"
        return found.title


def label_of(name: str) -> Json:
    """Return a label."""
    return {**describe_label(name), "label": name}


def list_children(call: Call, found: Found, kind: str) -> list[Found]:
    """Return the visible current children of one kind: pages, attachments or root comments."""
    if not isinstance(found, Content):
        replies = call.view.list_comments(_name_container(found)) if kind == "comment" else []
        return [item for item in replies if item.parent_id == found.id]
    if kind == "attachment":
        return list(call.view.list_attachments(found.id))
    if kind == "comment":
        comments = call.view.list_comments(found.id)
        return [comment for comment in comments if comment.parent_id is None]
    children = call.world.tree.list_children(found.id)
    return [
        child
        for child in children
        if child.kind.value == kind and child.status.value == "current" and call.view.sees(child)
    ]


def _name_container(found: Found) -> str:
    return found.id if isinstance(found, Content) else found.container_id


def _describe_array(results: list[Json], start: int, limit: int) -> Json:
    page = results[start : start + limit]
    return {"results": page, "start": start, "limit": limit, "size": len(page), "_links": {}}


def _describe_extensions(found: Found, wanted: Expansion) -> Json:
    if isinstance(found, Content):
        return {"position": found.position}
    if isinstance(found, Comment):
        return _describe_place(found, wanted)
    return {
        "mediaType": found.media_type,
        "fileSize": len(found.read()),
        "comment": found.comment,
        "mediaTypeDescription": found.media_type,
        "fileId": name_file(found),
        "collectionName": f"contentId-{found.container_id}",
    }


def _describe_place(comment: Comment, wanted: Expansion) -> Json:
    parts: Json = {"resolution": {"status": comment.resolution}}
    if comment.inline:
        marker = {"originalSelection": comment.selection, "markerRef": comment.marker}
        parts["inlineProperties"] = marker
    return {
        "location": "inline" if comment.inline else "footer",
        **{name: part for name, part in parts.items() if name in wanted},
        "_expandable": {name: "" for name in parts if name not in wanted},
    }


def describe_picture(path: str) -> Json:
    """Return the picture that stands for a person."""
    return {"path": path, "width": 48, "height": 48, "isDefault": True}


def _describe_user(user: User, rest: str) -> Json:
    return {
        "type": "known",
        "accountId": user.account_id,
        "accountType": "atlassian",
        "email": user.email if user.email_visible else "",
        "publicName": user.name,
        "displayName": user.name,
        "profilePicture": describe_picture("/wiki/aa-avatar/default"),
        "timeZone": user.time_zone,
        "isExternalCollaborator": False,
        "isGuest": False,
        "_expandable": {"operations": "", "details": "", "personalSpace": ""},
        "_links": {"self": f"{rest}/user?accountId={user.account_id}"},
    }


def _describe_group(group: Group, rest: str) -> Json:
    itself = f"{rest}/group/by-id?id={group.id}"
    return {"type": "group", "name": group.name, "id": group.id, "_links": {"self": itself}}


def _describe_space(space: Space, rest: str) -> Json:
    settings = f"/rest/api/space/{space.key}/settings"
    return {
        "id": int(space.id),
        "key": space.key,
        "alias": space.key,
        "name": space.name,
        "type": space.type,
        "status": space.status,
        "_expandable": {"homepage": "", "description": "", "settings": settings},
        "_links": {"webui": links.link_space(space), "self": f"{rest}/space/{space.key}"},
    }


def _describe_links(world: World, found: Found) -> Json:
    if isinstance(found, Attachment):
        return {"webui": links.link_attachment(found), "download": links.link_download(found)}
    if isinstance(found, Comment):
        return {"webui": links.link_comment(world, found)}
    return {"webui": links.link_content(world, found), "tinyui": links.link_tiny(found)}


CLOUD = Dialect(
    describe_user=_describe_user,
    describe_group=_describe_group,
    describe_space=_describe_space,
    describe_links=_describe_links,
    write_mentions=lambda _world, body: body,
    format_date=format_date,
    kinds=frozenset(Kind),
    principals_shown=100,
)
