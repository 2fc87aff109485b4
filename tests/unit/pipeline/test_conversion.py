"""What each construct of the storage format becomes."""

import pytest

from headwater.domain.errors import DocumentError, FailureType
from headwater.pipeline.markdown import CONVERSION_VERSION, document_from_page
from headwater.pipeline.storage_format import MAX_BODY_CHARACTERS
from tests.unit.pipeline.pages import convert, losses, macro, make_page

NAMES = {"u1": "Ann  Ode", "u2": "Bo [x]"}
CONSTRUCTS = {
    "heading": ("<h2>Set <em>up</em></h2><p>x</p>", "## Set *up*\n\nx"),
    "heading all bold": ("<h1><strong>Set up</strong></h1>", "# Set up"),
    "heading with a break": ("<h1>Set<br/>up</h1>", "# Set up"),
    "empty heading": ("<h1> </h1><p>x</p>", "x"),
    "entities": ("<p>caf&eacute; &lt;tag&gt; &amp; a&nbsp;b &#8230; &nosuch; R&D</p>", "café <tag> & a b … &nosuch; R&D"),
    "emphasis keeps blanks outside": ("<p>a<strong> b </strong>c</p>", "a **b** c"),
    "strikethrough": ("<p><del>old</del> <em>new</em></p>", "~~old~~ *new*"),
    "inline code with a backtick": ("<p><code>a`b</code></p>", "``a`b``"),
    "line break": ("<p>one<br/>two</p>", "one\ntwo"),
    "text that looks like structure": ("<p># no<br/>- no<br/>1. no<br/>&gt; no</p>", "\\# no\n\\- no\n1\\. no\n\\> no"),
    "bullets, nested": ("<ul><li>a<ol><li>b</li><li><p>c</p></li></ol></li><li>d</li></ul>", "- a\n  1. b\n  2. c\n- d"),
    "numbers start where they start": ('<ol start="4"><li>x</li></ol>', "4. x"),
    "item of two paragraphs": ("<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"),
    "heading in an item": ("<ul><li><h3>a</h3></li></ul>", "- **a**"),
    "list without items": ("<ul>a<ul><li>b</li></ul></ul>", "- - b\n- a"),
    "definition list": ("<dl><dt>Term</dt><dd>Meaning</dd></dl>", "**Term**\n\nMeaning"),
    "quotation": ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
    "rule": ("<p>a</p><hr/><p>b</p>", "a\n\n---\n\nb"),
    "preformatted": ("<pre>a  b\n c</pre>", "```\na  b\n c\n```"),
    "tasks": (
        ("<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
        "<ac:task-body>milk</ac:task-body></ac:task><ac:task><ac:task-id>2</ac:task-id>"
        "<ac:task-status>incomplete</ac:task-status><ac:task-body><span>tea</span></ac:task-body></ac:task></ac:task-list>"),
        "- [x] milk\n- [ ] tea",
    ),
    "layout": (
        ('<ac:layout><ac:layout-section ac:type="two_equal"><ac:layout-cell><p>left</p></ac:layout-cell>'
        "<ac:layout-cell><p>right</p></ac:layout-cell></ac:layout-section></ac:layout>"),
        "left\n\nright",
    ),
    "date": ('<p>due <time datetime="2026-01-31"/></p>', "due 2026-01-31"),
    "emoji": ('<p><ac:emoticon ac:name="x" ac:emoji-fallback="✅"/></p>', "✅"),
    "old emoticon": ('<p><ac:emoticon ac:name="tick"/></p>', "✅"),
    "emoji of the site": (
        '<p><ac:emoticon ac:name="blue-dot" ac:emoji-shortname=":party:" ac:emoji-fallback=":party:"/></p>',
        ":party:",
    ),
    "inline comment": ('<p>a <ac:inline-comment-marker ac:ref="1">b</ac:inline-comment-marker> c</p>', "a b c"),
    "placeholder": ("<p>a<ac:placeholder>Type here</ac:placeholder></p>", "a"),
    "formula": (
        '<p><math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi><annotation>x^2</annotation></math></p>',
        "`x^2`",
    ),
    "page link without body": ('<p><ac:link><ri:page ri:content-title="Other"/></ac:link></p>', "Other"),
    "page link with body": (
        ('<p><ac:link><ri:page ri:content-title="Other page" ri:space-key="OPS"/>'
        "<ac:plain-text-link-body><![CDATA[the <other>]]></ac:plain-text-link-body></ac:link></p>"),
        "[the <other>](<OPS:Other page>)",
    ),
    "blog post link": ('<p><ac:link><ri:blog-post ri:content-title="News" ri:posting-day="2026/01/02"/></ac:link></p>', "[News](2026/01/02/News)"),
    "attachment link": (
        '<p><ac:link><ri:attachment ri:filename="plan.xlsx"/><ac:link-body>the <b>plan</b></ac:link-body></ac:link></p>',
        "[the **plan**](plan.xlsx)",
    ),
    "anchor link": ('<p><ac:link ac:anchor="sec"><ac:link-body>there</ac:link-body></ac:link></p>', "there"),
    "anchor link without body": ('<p><ac:link ac:anchor="sec"/></p>', "sec"),
    "user mention": ('<p><ac:link><ri:user ri:account-id="u1"/></ac:link></p>', "@Ann Ode"),
    "mention by user key": ('<p><ac:link><ri:user ri:userkey="u2"/></ac:link></p>', "@Bo \\[x\\]"),
    "mention by username": ('<p><ac:link><ri:user ri:username="u1"/></ac:link></p>', "@Ann Ode"),
    "mention in words of its own": (
        '<p><ac:link><ri:user ri:account-id="u9"/><ac:link-body>our chief</ac:link-body></ac:link></p>',
        "our chief",
    ),
    "anchor on another page": (
        '<p><ac:link ac:anchor="%C3%9Cber-uns"><ri:page ri:content-title="Other"/></ac:link></p>',
        "[Other](Other#Über-uns)",
    ),
    "smart link to a heading": (
        ('<p><ac:link ac:card-appearance="inline" ac:anchor="Set-up"><ri:page ri:content-title="Other" ri:space-key="OPS"/>'
        "<ac:link-body>Other</ac:link-body></ac:link></p>"),
        "[Other | Set up](OPS:Other#Set-up)",
    ),
    "smart link to a page": (
        '<p><ac:link ac:card-appearance="inline"><ri:page ri:content-title="Other"/><ac:link-body>Other</ac:link-body></ac:link></p>',
        "Other",
    ),
    "attachment of another page": (
        '<p><ac:link><ri:attachment ri:filename="a.pdf"><ri:page ri:content-title="Other" ri:space-key="OPS"/></ri:attachment></ac:link></p>',
        "[a.pdf](OPS:Other/a.pdf)",
    ),
    "things that touch words": (
        f'<p>by<ac:link><ri:user ri:account-id="u1"/></ac:link>on<time datetime="2026-01-31"/>is{macro("status", title="OK")}now</p>',
        "by @Ann Ode on 2026-01-31 is OK now",
    ),
    "part of a word in another style": ("<p>un<strong>believ</strong>able <span>x</span>y</p>", "un**believ**able xy"),
    "space link": ('<p><ac:link><ri:space ri:space-key="OPS"/></ac:link></p>', "OPS"),
    "shortcut link": ('<p><ac:link><ri:shortcut ri:key="jira" ri:parameter="A-1"/></ac:link></p>', "[A-1](jira:A-1)"),
    "content id link": ('<p><ac:link><ri:content-entity ri:content-id="9"/></ac:link></p>', "9"),
    "web link": ('<p><a href="https://e.org/?a=1&amp;b=2">web</a></p>', "[web](https://e.org/?a=1&b=2)"),
    "smart link": ('<p><a data-card-appearance="inline" href="https://e.org">https://e.org</a></p>', "https://e.org"),
    "card": ('<a data-card-appearance="block" href="https://e.org">a</a><a data-card-appearance="embed" href="https://f.org">b</a>',
             "[a](https://e.org)\n\n[b](https://f.org)"),
    "script link": ('<p><a href="javascript:alert(1)">web</a></p>', "web"),
    "image with caption": (
        '<ac:image ac:alt="a.png"><ri:attachment ri:filename="a.png"/><ac:caption><p>The <b>plan</b></p></ac:caption></ac:image>',
        "![The **plan**](a.png)",
    ),
    "image with alt text": ('<p>x <ac:image ac:alt="Plan [2]"><ri:url ri:value="https://e.org/a b.png"/></ac:image></p>',
                            "x ![Plan \\[2\\]](<https://e.org/a b.png>)"),
    "html image": ('<p><img src="data:image/png;base64,AAAA" alt="Logo"/></p>', "Logo"),
    "code": (macro("code", "<![CDATA[a < b && c\n\n ```x]]]]><![CDATA[>]]>", language="Python", title="T & C"),
             "**T & C**\n\n````python\na < b && c\n\n ```x]]>\n````"),
    "noformat": (macro("noformat", "<![CDATA[# raw]]>"), "```\n# raw\n```"),
    "doctype in code": (macro("code", "<![CDATA[<!DOCTYPE html>&nbsp;]]>"), "```\n<!DOCTYPE html>&nbsp;\n```"),
    "code inside a paragraph": (f"<p>a{macro('code', '<![CDATA[b]]>')}c</p>", "a\n\n```\nb\n```\n\nc"),
    "code inside bold": (f"<strong>a{macro('code', '<![CDATA[b]]>')}</strong>", "a\n\n```\nb\n```"),
    "mermaid": (macro("mermaid-cloud", "<![CDATA[graph TD]]>"), "```mermaid\ngraph TD\n```"),
    "info": (macro("info", rich="<p>a</p><p>b</p>"), "**Info:** a\n\nb"),
    "warning with title": (macro("warning", rich="<p>a</p>", title="Hot"), "**Warning: Hot**\n\na"),
    "note that starts with a list": (macro("note", rich="<ul><li>a</li></ul>"), "**Note:**\n\n- a"),
    "panel": (macro("panel", rich="<p>a</p>", title="T", bgColor="#fff"), "**T**\n\na"),
    "expand": (macro("expand", rich="<p>a</p>", title="More"), "**More**\n\na"),
    "excerpt": (macro("excerpt", rich="<p>a</p>", hidden="true"), "a"),
    "columns": (macro("section", rich=macro("column", rich="<p>a</p>")), "a"),
    "status": (f"<p>is {macro('status', colour='Green', title='DONE')}.</p>", "is DONE."),
    "jira issue": (f"<p>{macro('jira', server='J', key='A-1')}</p>", "A-1"),
    "view-file": (macro("view-file", name='<ri:attachment ri:filename="a b.pdf"/>', height="250"), "a b.pdf"),
    "profile": (macro("profile", user='<ri:user ri:account-id="u1"/>'), "@Ann Ode"),
    "widget": (macro("widget", url='<ri:url ri:value="https://e.org"/>', width="3"), "https://e.org"),
    "equation": (macro("mathinline", body="x^2"), "`x^2`"),
    "toc": (macro("toc", maxLevel="3") + "<p>x</p>", "x"),
    "anchor": ('<p>a<ac:structured-macro ac:name="anchor"><ac:parameter ac:name="">top</ac:parameter></ac:structured-macro></p>', "a"),
    "custom panel": (
        ('<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">note</ac:adf-attribute>'
        "<ac:adf-content><p>a</p></ac:adf-content></ac:adf-node><ac:adf-fallback><p>a</p></ac:adf-fallback></ac:adf-extension>"),
        "**Note:** a",
    ),
    "decisions": (
        ('<ac:adf-extension><ac:adf-node type="decision-list"><ac:adf-node type="decision-item">'
        '<ac:adf-attribute key="state">DECIDED</ac:adf-attribute><ac:adf-content>go</ac:adf-content></ac:adf-node></ac:adf-node>'
        "<ac:adf-fallback><ul><li>go</li></ul></ac:adf-fallback></ac:adf-extension>"),
        "- **Decision:** go",
    ),
    "fallback where there is no content": (
        '<ac:adf-extension><ac:adf-node type="extension"/><ac:adf-fallback><p>a</p></ac:adf-fallback></ac:adf-extension>',
        "a",
    ),
    "other namespaces": ('<p xmlns="http://www.w3.org/1999/xhtml">a <b>b</b></p>', "a **b**"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), CONSTRUCTS.values(), ids=CONSTRUCTS.keys())
def test_a_construct_is_kept_whole(body, expected):
    assert convert(body, NAMES) == expected
    assert losses(body, NAMES) == {}


LOSSES = {
    "unknown macro with a body": (
        macro("acme-box", rich="<p>a</p>", title="T"),
        "**T**\n\na",
        {"acme-box": 1},
    ),
    "unknown macro with plain text": (
        macro("sql", "<![CDATA[select 1]]>"),
        "```\nselect 1\n```",
        {"sql": 1},
    ),
    "unknown macro with parameters": (
        macro(
            "acme-plan", source="Plan for May", width="300", bgColor="red", on="true", macroId="x"
        ),
        "Plan for May",
        {"acme-plan": 1},
    ),
    "nobody's name": (
        '<p><ac:link><ri:user ri:account-id="557:abc"/></ac:link></p>',
        "@557:abc",
        {"mention": 1},
    ),
    "unknown element": ("<p>a <ac:figure>b</ac:figure></p>", "a b", {"ac:figure": 1}),
    "unknown node": (
        '<ac:adf-extension><ac:adf-node type="poll"><ac:adf-content>a</ac:adf-content></ac:adf-node></ac:adf-extension>',
        "a",
        {"adf:poll": 1},
    ),
    "generated list": (macro("children", depth="2") + "<p>x</p>", "x", {"children": 1}),
    "included page": (
        macro(
            "include",
            **{"": '<ac:link><ri:page ri:content-title="Src" ri:space-key="S"/></ac:link>'},
        ),
        "→ [Src](S:Src)",
        {"include": 1},
    ),
    "included excerpt": (macro("excerpt-include", **{"": "Src"}), "→ Src", {"excerpt-include": 1}),
    "issue list": (macro("jira", jqlQuery="project = A"), "project = A", {"jira": 1}),
    "diagram": (macro("drawio", diagramName="flow", zoom="1"), "flow", {"drawio": 1}),
}


@pytest.mark.parametrize(("body", "expected", "lost"), LOSSES.values(), ids=LOSSES.keys())
def test_what_cannot_be_kept_is_named_as_a_loss_and_its_text_stays(body, expected, lost):
    assert convert(body) == expected
    assert losses(body) == lost


TABLES = {
    "header row": (
        "<table><tbody><tr><th>K</th><th><p>V</p></th></tr><tr><td>a | b</td><td><p>1</p><p>2</p></td></tr></tbody></table>",
        "| K | V |\n| --- | --- |\n| a \\| b | 1 2 |",
    ),
    "header column": (
        "<table><tr><th>K</th><td>1</td></tr><tr><th>L</th><td>2</td></tr></table>",
        "|  |  |\n| --- | --- |\n| **K** | 1 |\n| **L** | 2 |",
    ),
    "merged cells": (
        (
            '<table><tr><th>A</th><th>B</th></tr><tr><td colspan="2">x</td></tr><tr><td rowspan="2">y</td><td>1</td></tr>'
            "<tr><td>2</td></tr></table>"
        ),
        "| A | B |\n| --- | --- |\n| x | x |\n| y | 1 |\n| y | 2 |",
    ),
    "two header rows": (
        (
            '<table><thead><tr><th rowspan="2">N</th><th colspan="2">Q1</th></tr><tr><th>in</th><th>out</th></tr></thead>'
            "<tbody><tr><td>a</td><td>1</td><td>2</td></tr></tbody></table>"
        ),
        "| N | Q1 / in | Q1 / out |\n| --- | --- | --- |\n| a | 1 | 2 |",
    ),
    "lists and code in cells": (
        f"<table><tr><td><ul><li>i</li><li>j</li></ul></td><td>{macro('code', '<![CDATA[a|b' + chr(10) + '  c]]>')}</td></tr></table>",
        "|  |  |\n| --- | --- |\n| • i • j | `a\\|b` `c` |",
    ),
    "table in a cell": (
        "<table><tr><td>o</td><td><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></td></tr></table>",
        "|  |  |\n| --- | --- |\n| o | A, B; 1, 2; |",
    ),
    "one cell": ("<table><tr><td><h2>T</h2><p>a</p></td></tr></table>", "## T\n\na"),
    "blank rows": (
        "<table><tr><th>A</th><th>B</th></tr><tr><td/><td/></tr></table>",
        "| A | B |\n| --- | --- |",
    ),
    "no cells": ("<table><tr/></table><p>x</p>", "x"),
    "numbered rows": (
        '<table><tr><td class="numberingColumn"/><th>A</th></tr><tr><td class="numberingColumn">1</td><td>x</td></tr></table>',
        "|  | A |\n| --- | --- |\n| 1 | x |",
    ),
}


@pytest.mark.parametrize(("body", "expected"), TABLES.values(), ids=TABLES.keys())
def test_a_table_becomes_a_pipe_table(body, expected):
    assert convert(body) == expected


def test_ids_versions_and_white_space_do_not_change_the_markdown():
    body = '<p local-id="{0}">a  b</p>{1}<ac:structured-macro ac:name="info" ac:macro-id="{0}" ac:schema-version="1"><ac:rich-text-body>{1}<p>c</p></ac:rich-text-body></ac:structured-macro>'
    assert convert(body.format("1", "")) == convert(body.format("2", "\n  "))


def test_a_document_has_the_title_of_its_page():
    assert document_from_page(make_page("<p>x</p>", title="Plan"), {}).title == "Plan"
    assert CONVERSION_VERSION


def test_a_body_too_large_fails_alone_and_says_what_to_do():
    with pytest.raises(DocumentError, match="Split the page") as caught:
        convert("x" * (MAX_BODY_CHARACTERS + 1))
    assert caught.value.error_type is FailureType.FILE_TOO_LARGE


@pytest.mark.parametrize("body", ["", " \n", "\x00", "<p/>", "<!-- nothing -->"])
def test_a_page_without_text_gives_an_empty_document(body):
    assert convert(body) == ""
    assert losses(body) == {}
