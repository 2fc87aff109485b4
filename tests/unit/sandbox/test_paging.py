import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.sandbox.ordering import Orders, by_id, by_title, order
from headwater.sandbox.paging import cut_slice, decode_cursor, encode_cursor
from headwater.sandbox.rendering import render_document, render_text, render_view
from headwater.sandbox.world import World


def make_world(titles):
    world = World()
    world.add_space("ENG", "Engineering")
    for title in titles:
        world.create_page("ENG", title)
    return world


@given(
    titles=st.lists(st.sampled_from(["a", "B", "c"]), max_size=12),
    limit=st.integers(1, 5),
    descending=st.booleans(),
)
def test_slices_are_a_partition_of_the_listing(titles, limit, descending):
    ordered = order(make_world(titles).tree.contents.values(), by_title)
    cursor: str | None = ""
    collected = []
    while cursor is not None:
        part = cut_slice(
            ordered,
            lambda page: page.title != "c",
            cursor=cursor,
            limit=limit,
            descending=descending,
        )
        assert len(part.items) <= limit
        collected += part.items
        cursor = part.cursor
    wanted = [page for page in ordered.items if page.title != "c"]
    assert collected == (wanted[::-1] if descending else wanted)


@given(st.tuples(st.one_of(st.text(), st.integers()), st.integers()))
def test_a_cursor_leads_back_to_its_key(key):
    assert decode_cursor(encode_cursor(key)) == key


@pytest.mark.parametrize("cursor", ["x", "%%%", "bnVsbA==", "WzEsICIyIl0=", "W251bGwsIDFd", "WzFd"])
def test_a_foreign_cursor_is_refused(cursor):
    with pytest.raises(ValueError, match=r".+"):
        decode_cursor(cursor)


def test_a_cursor_of_another_order_is_refused():
    ordered = order(make_world("ab").tree.contents.values(), by_title)
    with pytest.raises(ValueError, match="another order"):
        cut_slice(ordered, bool, cursor=encode_cursor((0, 1)), limit=1)


def test_an_order_is_kept_until_the_world_changes():
    world, orders = make_world("ab"), Orders()
    first = orders.list_contents(world, None, by_id)
    assert orders.list_contents(world, None, by_id) is first
    world.create_page("ENG", "c")
    assert len(orders.list_contents(world, None, by_id).items) == 3


BODY = (
    '<p>A &amp; b</p><ac:structured-macro ac:name="code"><ac:parameter ac:name="language">py'
    "</ac:parameter><ac:plain-text-body><![CDATA[if a < b: pass]]></ac:plain-text-body>"
    '</ac:structured-macro><ac:link><ri:page ri:content-title="Other" /></ac:link>'
)


def test_a_view_has_no_elements_of_confluence():
    assert render_view(BODY) == "<p>A &amp; b</p><pre>if a &lt; b: pass</pre>Other"


def test_text_is_words_on_one_line():
    assert render_text(BODY) == "A & b if a < b: pass Other"


@pytest.mark.parametrize(("body", "size"), [(BODY, 1), ("", 0)])
def test_a_document_holds_the_text(body, size):
    document = json.loads(render_document(body))
    assert document["type"] == "doc"
    assert len(document["content"][0]["content"]) == size
