"""What each macro becomes, by the catalogue of those that Confluence and its common apps bring."""

import zlib
from base64 import b64encode
from urllib.parse import quote

import pytest

from headwater.pipeline.markdown.drawings import MAX_INFLATED
from headwater.pipeline.markdown.macros import MACROS
from tests.unit.pipeline.pages import convert, losses, macro


def pack(text):
    """Return text as the cloud's diagram macros keep it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b64encode(deflate.compress(quote(text).encode()) + deflate.flush()).decode()


def source_page(name, key=""):
    link = '<ac:link><ri:page ri:content-title="Plan" ri:space-key="OPS"/></ac:link>'
    return macro(name, **{key: link})


ROADMAP = quote(
    '{"title":"2026","lanes":[{"title":"Web","bars":[{"title":"Search","description":"by May"}]},'
    '{"title":"App"}],"markers":[{"title":"Fair"}]}'
)
TABLE = "<table><tr><th>Owner</th><td>Ann</td></tr><tr><th>Due</th><td>May</td></tr></table>"
PROPERTIES = "|  |  |\n| --- | --- |\n| **Owner** | Ann |\n| **Due** | May |"

KEPT = {
    "code without a language": (macro("code", "<![CDATA[x]]>", language="none"), "```\nx\n```"),
    "code with odd options": (
        macro("code", "<![CDATA[x]]>", language="C#", linenumbers="true", theme="Midnight", collapse="true"),
        "```c#\nx\n```",
    ),
    "noformat with a title": (macro("noformat", "<![CDATA[x]]>", title="Log"), "**Log**\n\n```\nx\n```"),
    "info": (macro("info", rich="<p>a</p>", title="T"), "**Info: T**\n\na"),
    "note": (macro("note", rich="<p>a</p>"), "**Note:** a"),
    "tip": (macro("tip", rich="<p>a</p>"), "**Tip:** a"),
    "warning": (macro("warning", rich="<p>a</p>"), "**Warning:** a"),
    "panel without a title": (macro("panel", rich="<p>a</p>", panelIconText="✅"), "a"),
    "expand": (macro("expand", rich="<p>a</p>", title="More"), "**More**\n\na"),
    "excerpt, hidden": (macro("excerpt", rich="<p>a</p>", hidden="true", name="e"), "a"),
    "page properties": (macro("details", rich=TABLE, id="p1", hidden="true"), PROPERTIES),
    "section and columns": (
        macro("section", rich=macro("column", rich="<p>a</p>", width="30%") + macro("column", rich="<p>b</p>")),
        "a\n\nb",
    ),
    "tabs of one app": (
        macro("ui-tabs", rich=macro("ui-tab", rich="<p>a</p>", title="One") + macro("ui-tab", rich="<p>b</p>", title="Two")),
        "**One**\n\na\n\n**Two**\n\nb",
    ),
    "tabs of another": (macro("deck", rich=macro("card", rich="<p>a</p>", label="One")), "**One**\n\na"),
    "table filter": (macro("table-filter", rich=TABLE, labels="Owner"), PROPERTIES),
    "chart": (macro("chart", rich=TABLE, title="Load", type="pie"), f"**Load**\n\n{PROPERTIES}"),
    "status": (f"<p>{macro('status', title='In progress', colour='Blue')}</p>", "In progress"),
    "status without words": (f"<p>{macro('status', colour='Green')}</p>", "Green"),
    "status inside a word": (f"<p>Build{macro('status', title='OK')}since May</p>", "Build OK since May"),
    "two macros side by side": (f"<p>{macro('status', title='A')}{macro('status', title='B')}</p>", "A B"),
    "table of contents": (macro("toc", maxLevel="2"), ""),
    "anchor": (f"<p>a{macro('anchor', **{'': 'top'})}</p>", "a"),
    "search box": (macro("livesearch", spaceKey="OPS", placeholder="Find"), ""),
    "button": (macro("create-from-template", buttonLabel="New request", templateId="9"), "New request"),
    "jira issue": (macro("jira", server="System", serverId="f0", key="OPS-12"), "OPS-12"),
    "view-file": (macro("view-file", name='<ri:attachment ri:filename="a.pdf"/>'), "a.pdf"),
    "office file": (macro("viewxls", name='<ri:attachment ri:filename="a.xlsx"/>', sheet="0"), "a.xlsx"),
    "widget": (macro("widget", url='<ri:url ri:value="https://e.org/v"/>'), "https://e.org/v"),
    "profile": (macro("profile", user='<ri:user ri:account-id="u1"/>'), "@Ann \\[x\\]"),
    "profile by username": (macro("profile", user="ann"), "@ann"),
    "formula": (f"<p>so {macro('mathinline', body='x^2')}</p>", "so `x^2`"),
    "formula as a block": (macro("mathblock", "<![CDATA[x^2]]>"), "`x^2`"),
    "latex": (macro("latex", "<![CDATA[\\frac{a}{b}]]>"), "`\\frac{a}{b}`"),
    "plantuml": (macro("plantuml", "<![CDATA[a -> b]]>", title="Flow"), "**Flow**\n\n```plantuml\na -> b\n```"),
    "plantuml, packed": (
        macro("plantumlcloud", data=pack("a -> ü"), compressed="true", revision="1"),
        "```plantuml\na -> ü\n```",
    ),
    "plantuml, not packed": (macro("plantumlcloud", data="a -> b", compressed="false"), "```plantuml\na -> b\n```"),
    "mermaid": (macro("mermaid-macro", "<![CDATA[graph TD]]>"), "```mermaid\ngraph TD\n```"),
    "markdown": (macro("markdown", "<![CDATA[\n## T\n\n* a\n]]>"), "## T\n\n* a"),
    "markdown with an open fence": (
        macro("markdown", "<![CDATA[a\n````sh\n\n# b]]>") + "<p>c</p>",
        "a\n````sh\n\n# b\n````\n\nc",
    ),
    "markdown in an item": (
        f"<ul><li>{macro('markdown', '<![CDATA[## T' + chr(10) * 2 + 'a]]>')}</li></ul>",
        "- **T**\n\n  a",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), KEPT.values(), ids=KEPT.keys())
def test_a_macro_is_kept_whole(body, expected):
    assert convert(body, {"u1": "Ann [x]"}) == expected
    assert losses(body, {"u1": "Ann [x]"}) == {}


LOST = {
    "include": (source_page("include"), "→ [Plan](OPS:Plan)", "include"),
    "excerpt-include": (source_page("excerpt-include"), "→ [Plan](OPS:Plan)", "excerpt-include"),
    "multiexcerpt-include": (
        source_page("multiexcerpt-include", "page"),
        "→ [Plan](OPS:Plan)",
        "multiexcerpt-include",
    ),
    "include-shared-block": (
        source_page("include-shared-block", "page"),
        "→ [Plan](OPS:Plan)",
        "include-shared-block",
    ),
    "page properties report": (
        macro("detailssummary", cql="label = x", headings="A"),
        "",
        "detailssummary",
    ),
    "children": (macro("children", depth="2"), "", "children"),
    "content by label": (macro("contentbylabel", cql="label = x"), "", "contentbylabel"),
    "recently updated": (macro("recently-updated", max="5"), "", "recently-updated"),
    "contributors": (macro("contributors", mode="list"), "", "contributors"),
    "attachments": (macro("attachments", upload="true"), "", "attachments"),
    "task report": (macro("tasks-report-macro", spaces="OPS"), "", "tasks-report-macro"),
    "jira query": (macro("jira", jqlQuery="project = OPS"), "project = OPS", "jira"),
    "drawio": (macro("drawio", diagramName="Flow", zoom="1"), "Flow", "drawio"),
    "drawio, two": (
        macro("drawio", diagramName="Flow") + macro("drawio", diagramName="Net"),
        "Flow\n\nNet",
        "drawio",
    ),
    "gliffy": (macro("gliffy", name="Net", pagePin="1"), "Net", "gliffy"),
    "mermaid in a file": (
        macro("mermaid-cloud", filename="a.mmd", toolbar="bottom"),
        "a.mmd",
        "mermaid-cloud",
    ),
    "plantuml that cannot be unpacked": (
        macro("plantumlcloud", data="@@", compressed="true", filename="a.puml"),
        "a.puml",
        "plantumlcloud",
    ),
    "roadmap": (
        macro("roadmap", title="Plans", source=ROADMAP, hash="1f"),
        "**Plans**\n\n- 2026\n- Web\n- Search\n- by May\n- App\n- Fair",
        "roadmap",
    ),
    "roadmap that is none": (
        macro("roadmap", source="no plan %", title="P"),
        "**P**\n\n- no plan %",
        "roadmap",
    ),
    "html": (
        macro("html", "<![CDATA[<b>bold</b><script>x()</script> &amp; so]]>"),
        "bold & so",
        "html",
    ),
}


@pytest.mark.parametrize(("body", "expected", "lost"), LOST.values(), ids=LOST.keys())
def test_what_a_macro_shows_from_elsewhere_is_linked_or_named_and_counted(body, expected, lost):
    assert convert(body) == expected
    assert losses(body).keys() == {lost}


@pytest.mark.parametrize("name", sorted({*MACROS, "no-such-macro"}))
def test_no_macro_loses_a_body(name):
    rich = macro(name, rich="<p>one <b>two</b></p><p>three</p>", title="Heading")
    assert all(word in convert(rich) for word in ("one", "two", "three"))
    assert "plainword" in convert(macro(name, "<![CDATA[plainword & more]]>"))
    assert "inside" in convert(f"<p>{macro(name, rich='<p>inside</p>')} after</p>")


def test_a_packed_diagram_is_unpacked_to_a_bounded_size():
    body = macro("plantumlcloud", data=pack("a" * 5 * MAX_INFLATED), compressed="true")
    assert len(convert(body)) < MAX_INFLATED + 100


def test_a_roadmap_of_any_depth_and_length_ends():
    deep = '{"lanes":' * 20_000 + "1" + "}" * 20_000
    wide = '{"lanes":[' + ",".join(['{"title":"a"}'] * 20_000) + "]}"
    assert losses(macro("roadmap", source=quote(deep))) == {"roadmap": 1}
    assert convert(macro("roadmap", source=quote(wide))) == "- a"


ADF = {
    "content before fallback": (
        (
            '<ac:adf-node type="panel"><ac:adf-attribute key="panel-type">success</ac:adf-attribute>'
            "<ac:adf-content><p>a</p></ac:adf-content></ac:adf-node><ac:adf-fallback><p>b</p></ac:adf-fallback>"
        ),
        "**Success:** a",
        {},
    ),
    "tasks": (
        (
            '<ac:adf-node type="task-list"><ac:adf-node type="task-item"><ac:adf-attribute key="state">DONE'
            "</ac:adf-attribute><ac:adf-content>a</ac:adf-content></ac:adf-node></ac:adf-node>"
        ),
        "- [x] a",
        {},
    ),
    "an app without a word": (
        (
            '<ac:adf-node type="extension"><ac:adf-attribute key="extension-key">f0/static/poll'
            '</ac:adf-attribute><ac:adf-attribute key="text">Poll</ac:adf-attribute></ac:adf-node>'
        ),
        "",
        {"adf:poll": 1},
    ),
    "an app with a body": (
        '<ac:adf-node type="bodied-extension"><ac:adf-content><p>a</p></ac:adf-content></ac:adf-node>',
        "a",
        {},
    ),
    "nothing at all": ("", "", {"adf:extension": 1}),
}


@pytest.mark.parametrize(("inside", "expected", "lost"), ADF.values(), ids=ADF.keys())
def test_an_extension_is_its_content_or_else_its_fallback(inside, expected, lost):
    body = f"<ac:adf-extension>{inside}</ac:adf-extension>"
    assert (convert(body), losses(body)) == (expected, lost)
