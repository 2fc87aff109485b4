"""Storage format written at random: markup with blanks in it, the words it shows, and none it hides."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

NAMES = {"u1": "Annika Óde"}
HIDDEN = "hiddenword"
"""Stands where nobody reads it: in ids, placeholders, and fallbacks beside their content."""

BLANK, GAP, NOISE = "\ue000", "\ue001", "\ue002"
"""Places for white space in text, for white space between blocks, and for attributes."""

_CHOICES = {
    BLANK: (" ", "  ", "\n", " \n\t ", "&nbsp;", "&#32;"),
    GAP: ("", " ", "\n\n    ", "<!-- note -->"),
    NOISE: ("", ' local-id="{}"', ' ac:local-id="{}" ac:macro-id="{}"', ' data-x="{}" style="color: red"'),
}  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """Markup with places in it, and the words that it shows."""

    markup: str
    words: tuple[str, ...] = ()

    def wrap(self, before: str, after: str) -> "Piece":
        return Piece(f"{before}{self.markup}{after}", self.words)


def join(pieces: list[Piece], joint: str = "") -> Piece:
    return Piece(
        joint.join(piece.markup for piece in pieces),
        tuple(word for piece in pieces for word in piece.words),
    )


def fill_places(markup: str, seed: int) -> str:
    """Return the markup with each place filled; other seeds fill them otherwise."""
    written = []
    for place, character in enumerate(markup):
        choices = _CHOICES.get(character)
        if choices:
            seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            written.append(choices[(seed >> 33) % len(choices)].replace("{}", f"{seed:x}-{place}"))
        else:
            written.append(character)
    return "".join(written)


def _element(tag: str, attributes: str = "") -> Callable[[Piece], Piece]:
    return lambda inner: inner.wrap(f"<{tag}{NOISE}{attributes}>", f"</{tag}>")


def _macro(name: str, inner: Piece, title: Piece | None = None) -> Piece:
    written = (
        title.wrap('<ac:parameter ac:name="title">', "</ac:parameter>") if title else Piece("")
    )
    body = inner.wrap(f"<ac:rich-text-body>{GAP}", f"{GAP}</ac:rich-text-body>")
    return join([written, body]).wrap(
        f'<ac:structured-macro ac:name="{name}"{NOISE}>{GAP}', "</ac:structured-macro>"
    )


_words = st.lists(
    st.text("abcdefXYZ019äß한中_", min_size=2, max_size=8), min_size=1, max_size=6
).map(tuple)
_text = st.tuples(_words, st.sampled_from(["", "&amp;", "&lt;x", "#", "*", "|"])).map(
    lambda pair: Piece(BLANK.join([*pair[0], *filter(None, [pair[1]])]), pair[0])
)
_title = _words.map(lambda words: Piece(" ".join(words), words))
_status = _title.map(
    lambda title: title.wrap(
        f'<ac:structured-macro ac:name="status"{NOISE}><ac:parameter ac:name="title">',
        "</ac:parameter></ac:structured-macro>",
    )
)
_leaves = st.sampled_from(
    [
        Piece(f'<time datetime="2026-01-31"{NOISE}/>', ("2026", "01", "31")),
        Piece(f'<ac:link{NOISE}><ri:user ri:account-id="u1"/></ac:link>', ("Annika", "Óde")),
        Piece('<ac:emoticon ac:name="tick"/>'),
        Piece(f"<ac:placeholder>{HIDDEN}</ac:placeholder>"),
        Piece(f'<ac:image{NOISE} ac:inline="true"><ri:attachment ri:filename="p.png"/></ac:image>', ("p", "png")),
    ]
)  # fmt: skip


def _inline(children: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    link = ('<ac:link><ri:page ri:content-title="T"/><ac:link-body>', "</ac:link-body></ac:link>")
    return st.one_of(
        *(
            children.map(_element(tag))
            for tag in ("strong", "em", "u", "span", "del", "ac:inline-comment-marker")
        ),
        children.map(lambda inner: inner.wrap('<a href="https://e.org">', "</a>")),
        children.map(lambda inner: inner.wrap(*link)),
        st.lists(children, min_size=1, max_size=3).map(lambda pieces: join(pieces, BLANK)),
    )


_flow = st.recursive(st.one_of(_text, _status, _leaves), _inline, max_leaves=5)


def _list_of(tag: str, item: Callable[[Piece], Piece]) -> Callable[[list[Piece]], Piece]:
    return lambda items: join([item(piece) for piece in items], GAP).wrap(
        f"<{tag}{NOISE}>{GAP}", f"{GAP}</{tag}>"
    )


def _task(body: Piece) -> Piece:
    return body.wrap(
        f"<ac:task>{GAP}<ac:task-id>{HIDDEN}</ac:task-id><ac:task-status>complete</ac:task-status>"
        f"{GAP}<ac:task-body>",
        f"</ac:task-body>{GAP}</ac:task>",
    )


def _row(cells: list[Piece]) -> Piece:
    return join([_element("td")(cell) for cell in cells], GAP).wrap(f"<tr{NOISE}>{GAP}", "</tr>")


def _header_column(cell: Piece) -> Piece:
    return cell.wrap("<tr><th>", f"</th>{GAP}<td>x1</td></tr>")


def _extension(inner: Piece) -> Piece:
    if not inner.words:
        return inner  # without content the fallback would be shown
    return inner.wrap(
        f'<ac:adf-extension><ac:adf-node type="panel"{NOISE}><ac:adf-attribute key="panel-type">note'
        "</ac:adf-attribute><ac:adf-content>",
        f"</ac:adf-content></ac:adf-node><ac:adf-fallback><p>{HIDDEN}</p></ac:adf-fallback></ac:adf-extension>",
    )


def _containers(children: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    several = st.lists(children, min_size=1, max_size=3)
    layout = (
        f"<ac:layout>{GAP}<ac:layout-section>{GAP}<ac:layout-cell>",
        f"</ac:layout-cell>{GAP}</ac:layout-section></ac:layout>",
    )
    return st.one_of(
        several.map(_list_of("ul", _element("li"))),
        several.map(_list_of("ol", _element("li"))),
        several.map(_list_of("dl", _element("dd"))),
        several.map(_list_of("ac:task-list", _task)),
        st.lists(several, min_size=1, max_size=3).map(
            lambda rows: join([_row(cells) for cells in rows], GAP).wrap("<table><tbody>", "</tbody></table>")
        ),
        several.map(_list_of("table", _header_column)),
        *(children.map(_element(tag)) for tag in ("blockquote", "div", "strong")),
        *(
            st.builds(_macro, st.just(name), children, st.none() | _title)
            for name in ("info", "expand", "ui-tab", "some-app")
        ),
        *(
            st.builds(_macro, st.just(name), children)
            for name in ("details", "excerpt", "column")
        ),
        children.map(_extension),
        children.map(lambda inner: inner.wrap(*layout)),
        several.map(lambda pieces: join(pieces, GAP)),
    )  # fmt: skip


_blocks = st.one_of(
    _flow.map(_element("p")),
    _flow.map(_element("h2")),
    _title.map(
        lambda text: text.wrap(
            f'<ac:structured-macro ac:name="code"{NOISE}><ac:plain-text-body><![CDATA[',
            "]]></ac:plain-text-body></ac:structured-macro>",
        )
    ),
    _title.map(lambda text: text.wrap("<pre>", "</pre>")),
    _title.map(
        lambda text: text.wrap(
            f'<ac:image{NOISE}><ri:attachment ri:filename="q.png"/><ac:caption>',
            "</ac:caption></ac:image>",
        )
    ),
)
bodies = st.recursive(_blocks, _containers, max_leaves=8)
