"""A token that lacks a scope is told which."""

from pathlib import Path

import pytest

from headwater.adapters.confluence.answers import Answer, read_json
from headwater.adapters.confluence.scopes import SCOPES, name_scope
from headwater.domain.errors import SourceRefusedError
from tests.unit.confluence.confluence_fakes import NOW

GATEWAY = "/ex/confluence/6f1f6a3e"
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "scoped-tokens.md"


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/wiki/api/v2/spaces", "read:space:confluence"),
        ("/wiki/api/v2/spaces/7/pages", "read:page:confluence"),
        ("/wiki/api/v2/spaces/7/permissions", "read:space:confluence"),
        ("/wiki/api/v2/spaces/7/role-assignments", "read:space.permission:confluence"),
        ("/wiki/api/v2/pages", "read:page:confluence"),
        ("/wiki/api/v2/pages/7/footer-comments", "read:comment:confluence"),
        ("/wiki/api/v2/attachments/att7", "read:attachment:confluence"),
        ("/wiki/rest/api/content/search", "search:confluence"),
        ("/wiki/rest/api/content/7/restriction/byOperation/read", "read:confluence-content.all"),
        (
            "/wiki/rest/api/content/7/child/attachment/att8/download",
            "readonly:content.attachment:confluence",
        ),
        ("/wiki/rest/api/user/current", "read:confluence-user"),
        ("/wiki/rest/api/group/by-id", "read:confluence-groups"),
        ("/wiki/elsewhere", "the scope"),
    ],
)
def test_a_path_has_its_scope_by_the_site_and_by_the_gateway(path, scope):
    assert name_scope(path) == name_scope(GATEWAY + path) == scope


def test_every_scope_that_is_named_is_in_the_guide():
    guide = GUIDE.read_text()
    assert [scope for _, scope in SCOPES if f"`{scope}`" not in guide] == []


def test_a_refusal_for_a_missing_scope_names_it():
    headers = {"x-failure-category": "FAILURE_CLIENT_SCOPE_CHECK"}
    with pytest.raises(SourceRefusedError, match=r"it needs read:confluence-groups"):
        read_json(Answer("/wiki/rest/api/group/by-id", 401, headers), NOW)


def test_a_redirect_to_a_login_page_says_what_to_check():
    headers = {"location": "/login.action?os_destination=%2Fx"}
    with pytest.raises(SourceRefusedError, match="check user name and API token"):
        read_json(Answer("/wiki/rest/api/user/current", 302, headers), NOW)
