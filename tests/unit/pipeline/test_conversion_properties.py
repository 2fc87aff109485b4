"""Whatever people put into a page, its words come out, and always the same way."""

from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.pipeline.pages import convert, count_words, losses, macro

_words = st.lists(st.text("abcdefXYZ019äß한中_", min_size=2, max_size=8), min_size=1, max_size=6)
_text = st.tuples(
    _words.map(" ".join), st.sampled_from(["", " &amp;", " &lt;x", " #", " *", " |"])
).map(" ".join)


def _wrap(tag):
    return lambda inner: f"<{tag}>{inner}</{tag}>"


def _inline(children):
    return st.one_of(
        *(
            children.map(_wrap(tag))
            for tag in ("strong", "em", "u", "span", "del", "ac:inline-comment-marker")
        ),
        children.map(lambda inner: f'<a href="https://e.org">{inner}</a>'),
        children.map(
            lambda inner: (
                f'<ac:link><ri:page ri:content-title="T"/><ac:link-body>{inner}</ac:link-body></ac:link>'
            )
        ),
        st.lists(children, min_size=1, max_size=3).map(" ".join),
    )


_flow = st.recursive(_text, _inline, max_leaves=5)


def _containers(children):
    several = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda items: f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"),
        several.map(lambda items: f"<ol>{''.join(f'<li>{item}</li>' for item in items)}</ol>"),
        several.map(
            lambda cells: f"<table><tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr></table>"
        ),
        several.map(
            lambda cells: (
                f"<table>{''.join(f'<tr><th>{cell}</th><td>x1</td></tr>' for cell in cells)}</table>"
            )
        ),
        children.map(_wrap("blockquote")),
        children.map(_wrap("div")),
        children.map(_wrap("strong")),
        *(
            children.map(lambda inner, name=name: macro(name, rich=inner))
            for name in ("info", "expand", "some-app")
        ),
        children.map(
            lambda inner: (
                f"<ac:layout><ac:layout-section><ac:layout-cell>{inner}</ac:layout-cell></ac:layout-section></ac:layout>"
            )
        ),
        several.map("".join),
    )


_leaf = st.one_of(
    _flow.map(_wrap("p")),
    _flow.map(_wrap("h2")),
    _text.map(lambda text: macro("code", f"<![CDATA[{text}]]>")),
    _text.map(lambda text: f"<pre>{text}</pre>"),
)
_bodies = st.recursive(_leaf, _containers, max_leaves=8)


def _visible(body):
    """Return the words between tags; the escapes of code and text do not matter for words."""
    bare, inside = [], False
    for character in body.replace("<![CDATA[", " ").replace("]]>", " "):
        inside = (inside or character == "<") and character != ">"
        bare.append(" " if inside or character == ">" else character)
    return "".join(bare).replace("&amp;", " ").replace("&lt;", " ")


@settings(max_examples=120, deadline=None)
@given(_bodies)
def test_every_visible_word_is_in_the_markdown(body):
    markdown = convert(body)
    assert not count_words(_visible(body).replace("amp", " ").replace("lt", " ")) - count_words(
        markdown.replace("amp", " ").replace("lt", " ")
    )
    assert markdown == convert(body)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_survives_as_text(text):
    assert "".join(convert(f"<p>{escape(text)} end</p>").split())[-3:] == "end"


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from([
    "<p>", "</p>", "<", ">", "&", "<![CDATA[", "]]>", "<ac:link>", "</ac:link>", '<ri:page ri:content-title="', '"',
    "<table>", "<td>", "</tr>", "<ac:parameter>", "<li>", "word ", "<!--", "<ac:", "<time/>", "\x00", "<ac:image>",
    '<ac:structured-macro ac:name="code">', "</ac:structured-macro>", "<ac:plain-text-body>", "<h1>", "<svg:x>",
]), max_size=30).map("".join))  # fmt: skip
def test_no_markup_however_broken_raises(body):
    assert convert(body) == convert(body)
    assert all(count > 0 for count in losses(body).values())
