"""A page's markup can attack whoever reads it: nothing is fetched, nothing swells, no link runs a script."""

import re
import time
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import DocumentError
from headwater.pipeline.markdown import document_from_page
from tests.security.payloads import PAYLOADS
from tests.security.silence import listen
from tests.unit.pipeline.pages import convert, make_page

_RUNS = re.compile(r"\]\(\s*<?\s*(javascript|vbscript|data|file):", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\u00ad\u200b-\u200f\u2028\u2029\ufeff]")

SCRIPTS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "javascript\t:alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;&#x61;vascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "java&#x200b;script:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "file:///etc/passwd",
]
PLACES = [
    '<p><a href="{0}">word</a></p>',
    '<p><ac:image><ri:url ri:value="{0}"/></ac:image></p>',
    '<p><ac:link><ri:url ri:value="{0}"/><ac:link-body>word</ac:link-body></ac:link></p>',
    '<p><a href="{0}" data-card-appearance="embed">word</a></p>',
    "<p><ac:link><ri:url ri:value='{0}'/></ac:link></p>",
    '<ac:structured-macro ac:name="widget"><ac:parameter ac:name="url">{0}</ac:parameter></ac:structured-macro>',
    '<ac:structured-macro ac:name="iframe"><ri:url ri:value="{0}"/></ac:structured-macro>',
]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("place", PLACES)
def test_no_link_runs_a_script(place, script):
    markdown = convert(place.format(script.replace("<", "&lt;")))
    assert not _RUNS.search(_UNSEEN.sub("", markdown)), markdown


async def test_nothing_is_fetched_for_a_page():
    async with listen() as target:
        url = f"http://127.0.0.1:{target.port}/a"
        for body in (
            f'<!DOCTYPE p SYSTEM "{url}"><p>word</p>',
            f'<!DOCTYPE p [<!ENTITY a SYSTEM "{url}">]><p>word &a;</p>',
            f'<!DOCTYPE p [<!ENTITY % a SYSTEM "{url}"> %a;]><p>word</p>',
            f'<?xml-stylesheet href="{url}"?><p>word</p>',
            f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{url}"/><p>word</p>',
            f'<p><img src="{url}"/><ac:image><ri:url ri:value="{url}"/></ac:image>word</p>',
            f'<base href="{url}"/><link rel="stylesheet" href="{url}"/><p>word</p>',
        ):
            assert "word" in convert(body)


@pytest.mark.parametrize("name", ["/etc/hostname", "/etc/passwd", "/proc/self/environ"])
def test_no_file_of_ours_gets_into_a_page(name):
    body = f'<!DOCTYPE p [<!ENTITY a SYSTEM "file://{name}">]><p>word &a; end</p>'
    words = set(re.findall(r"\w+", convert(body)))
    assert words <= {
        "word",
        "a",
        "end",
        "DOCTYPE",
        "p",
        "ENTITY",
        "SYSTEM",
        "file",
        *name.split("/"),
    }


def _laughs(levels):
    entities = "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, levels)
    )
    return f'<!DOCTYPE p [<!ENTITY a0 "ha">{entities}]><p>word &a{levels - 1};</p>'


@pytest.mark.parametrize(
    "body",
    [
        _laughs(9),
        f'<!DOCTYPE p [<!ENTITY a "{"x" * 100_000}">]><p>word {"&a;" * 1000}</p>',
        "<p>word</p>" + "<div>" * 20_000 + "</div>" * 20_000,
        "<p>word</p>" + "<b>" * 50_000,
        "<p>word " + "&amp;" * 200_000 + "</p>",
        "<p " + " ".join(f'a{number}="x"' for number in range(20_000)) + ">word</p>",
        "<p>word</p>" + "<![CDATA[" * 20_000,
        "<p>word</p>" + "<!--" * 50_000,
        "<p>word</p><table>" + "<tr><td colspan='999999999' rowspan='999999999'>x</td></tr></table>",
        "<p>word</p>" + "<table><tr><td>" * 2_000,
        "<p>word</p>" + "<ul><li>" * 5_000,
    ],
    ids=[
        "laughs", "long entity", "deep", "unclosed", "ampersands", "attributes", "CDATA", "comments",
        "wide cells", "tables in tables", "lists in lists",
    ],
)  # fmt: skip
def test_no_page_swells_or_takes_for_ever(body):
    began = time.process_time()
    try:
        markdown = convert(body)
    except DocumentError:
        markdown = ""
    assert len(markdown) < 10 * len(body) + 1_000_000
    assert time.process_time() - began < 20


PIECES = st.sampled_from([
    "<p>", "</p>", "<div>", "</div>", "<td colspan='-1'>", "<table>", "</table>", "<a href='", "'>", "</a>",
    "<ac:structured-macro ac:name='", "<ac:parameter ac:name='", "</ac:parameter>", "<ac:rich-text-body>",
    "</ac:structured-macro>", "<ac:plain-text-body><![CDATA[", "]]></ac:plain-text-body>", "<![CDATA[", "]]>",
    "<ri:page ri:content-title='", "<ri:user ri:account-id='", "<ac:link>", "</ac:link>", "<!DOCTYPE p [", "]>",
    "<!ENTITY a '", "&a;", "&#0;", "&#xD800;", "&#x110000;", "&", "<", ">", "<!--", "-->", "<?xml ", "?>", "\ufeff",
    "<time datetime='", "<ac:task><ac:task-status>", "<ac:adf-extension><ac:adf-node type='", "\x00", "\ud800",
    *PAYLOADS.values(), *map(escape, SCRIPTS),
])  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=25).map("".join))
def test_any_markup_is_read_or_is_one_documents_failure(body):
    try:
        document = document_from_page(make_page(body, title=body[:50]), {})
    except DocumentError:
        return
    document.markdown.encode()
    document.title.encode()
    assert not _RUNS.search(_UNSEEN.sub("", document.markdown))
