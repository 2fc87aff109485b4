"""Which scope of a token opens which of Cloud's paths. Source: Atlassian's OpenAPI documents of v1 and v2."""

import re
from typing import Final

_PATTERNS: Final = (
    (r"/rest/api/content/[^/]+/child/attachment/", "readonly:content.attachment:confluence"),
    (r"/rest/api/(content/)?search", "search:confluence"),
    (r"/rest/api/content/", "read:confluence-content.all"),
    (r"/rest/api/user", "read:confluence-user"),
    (r"/rest/api/group", "read:confluence-groups"),
    (r"/api/v2/space-role-mode", "read:configuration:confluence"),
    (r"/api/v2/spaces/[^/]+/role-assignments", "read:space.permission:confluence"),
    (r"/api/v2/spaces/[^/]+/(pages|blogposts)", "read:page:confluence"),
    (r"/api/v2/spaces", "read:space:confluence"),
    (r"/api/v2/.*attachments", "read:attachment:confluence"),
    (r"/api/v2/.*comments", "read:comment:confluence"),
    (r"/api/v2/folders", "read:folder:confluence"),
    (r"/api/v2/users-bulk", "read:user:confluence"),
    (r"/api/v2/", "read:page:confluence"),
)
SCOPES: Final = tuple((re.compile(pattern), scope) for pattern, scope in _PATTERNS)
"""The first pattern found in a path counts."""


def name_scope(path: str) -> str:
    """Return the scope that a request to this path needs; ``the scope`` for one that we never ask."""
    return next((scope for pattern, scope in SCOPES if pattern.search(path)), "the scope")
