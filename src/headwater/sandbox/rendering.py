"""Storage format as the simple HTML, plain text or document tree that a reader might get.

A sandbox needs no faithful rendering: macros become their bodies, and nothing of other pages
is pulled in.
"""

import html
import json
import re

_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_PARAMETER = re.compile(
    r"<ac:parameter\b[^>]*>.*?</ac:parameter>|<ac:parameter\b[^>]*/>", re.DOTALL
)
_CONFLUENCE_TAG = re.compile(r"</?(?:ac|ri|at):[^>]*>")
_PAGE_LINK = re.compile(r"<ri:page\b[^>]*ri:content-title=\"([^\"]*)\"[^>]*/?>")
_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"\s+")


def render_view(body: str) -> str:
    """Return a body as HTML without Confluence's own elements."""
    text = _CDATA.sub(lambda match: f"<pre>{html.escape(match[1])}</pre>", body)
    text = _PARAMETER.sub("", text)
    text = _PAGE_LINK.sub(lambda match: match[1], text)
    return _CONFLUENCE_TAG.sub("", text)


def render_text(body: str) -> str:
    """Return a body's words on one line."""
    return _SPACE.sub(" ", html.unescape(_TAG.sub(" ", render_view(body)))).strip()


def render_document(body: str) -> str:
    """Return a body as the smallest Atlassian document: its text in one paragraph, as JSON."""
    text = render_text(body)
    content = [{"type": "text", "text": text}] if text else []
    paragraph = {"type": "paragraph", "content": content}
    return json.dumps({"type": "doc", "version": 1, "content": [paragraph]})
