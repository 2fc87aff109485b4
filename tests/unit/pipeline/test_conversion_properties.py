"""Whatever people put into a page, its words come out, and always the same way."""

from collections import Counter
from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.pipeline.chunking import ChunkPolicy, split_document
from headwater.pipeline.markdown import document_from_page
from tests.unit.pipeline.pages import convert, count_words, losses, make_page
from tests.unit.pipeline.written_pages import HIDDEN, NAMES, bodies, fill_places

_seeds = st.integers(0, 2**32)


@settings(max_examples=150, deadline=None)
@given(bodies, _seeds)
def test_every_word_that_a_page_shows_is_in_the_markdown_and_none_that_it_hides(piece, seed):
    body = fill_places(piece.markup, seed)
    markdown = convert(body, NAMES)
    assert not Counter(piece.words) - count_words(markdown)
    assert HIDDEN not in markdown
    assert markdown == convert(body, NAMES)


@settings(max_examples=150, deadline=None)
@given(bodies, _seeds, _seeds)
def test_an_edit_of_ids_white_space_and_layout_alone_changes_nothing(piece, before, after):
    pages = [make_page(fill_places(piece.markup, seed)) for seed in (before, after)]
    first, second = (document_from_page(page, NAMES) for page in pages)
    assert first == second


@settings(max_examples=100, deadline=None)
@given(bodies, _seeds, st.integers(16, 200))
def test_the_chunks_of_a_page_hold_all_that_it_shows(piece, seed, window):
    document = document_from_page(make_page(fill_places(piece.markup, seed)), NAMES)
    chunks = split_document(document, ChunkPolicy(window), lambda text: len(text.split()) + 2)
    shown = count_words(
        " ".join(f"{' '.join(chunk.heading_path)} {chunk.text}" for chunk in chunks)
    )
    assert not set(piece.words) - set(shown)
    assert all(len(chunk.embedded_text.split()) + 2 <= window for chunk in chunks)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_survives_as_text(text):
    assert "".join(convert(f"<p>{escape(text)} end</p>").split())[-3:] == "end"


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from([
    "<p>", "</p>", "<", ">", "&", "<![CDATA[", "]]>", "<ac:link>", "</ac:link>", '<ri:page ri:content-title="', '"',
    "<table>", "<td>", "</tr>", "<ac:parameter>", "<li>", "word ", "<!--", "<ac:", "<time/>", "\x00", "<ac:image>",
    '<ac:structured-macro ac:name="code">', "</ac:structured-macro>", "<ac:plain-text-body>", "<h1>", "<svg:x>",
    '<ri:user ri:account-id="', '<ac:structured-macro ac:name="roadmap">', "<ac:adf-extension>", "<ac:adf-node>",
]), max_size=30).map("".join))  # fmt: skip
def test_no_markup_however_broken_raises(body):
    assert convert(body) == convert(body)
    assert all(count > 0 for count in losses(body).values())
