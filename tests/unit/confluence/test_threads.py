from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from headwater.adapters.confluence.threads import Remark, Threads
from headwater.domain.ids import ContentId

NOW = datetime(2026, 3, 26, 15, 0, tzinfo=UTC)


def remark(number, parent=None, *, page="10", closed=False):
    answered = ContentId(str(parent)) if parent else None
    return Remark(ContentId(str(number)), answered, page, closed, "a:1", NOW, 1, f"<p>{number}")


def admit(*remarks):
    threads = Threads()
    return [(item.comment_id, item.parent_id) for item in threads.admit(remarks)], threads


def test_a_thread_passes_in_its_own_order():
    assert admit(remark(1), remark(2, 1), remark(3, 2))[0] == [("1", None), ("2", "1"), ("3", "2")]


def test_a_closed_thread_is_left_out_with_all_its_replies():
    assert admit(remark(1, closed=True), remark(2, 1), remark(3, 2), remark(4))[0] == [("4", None)]


def test_a_closed_reply_takes_what_answers_it_along():
    passed, _ = admit(remark(1), remark(2, 1, closed=True), remark(3, 2), remark(4, 1))
    assert passed == [("1", None), ("4", "1")]


def test_a_reply_waits_for_what_it_answers():
    passed, threads = admit(remark(3, 2), remark(2, 1))
    assert passed == []
    assert [item.comment_id for item in threads.admit([remark(1)])] == ["1", "2", "3"]
    assert threads.release() == []


def test_a_reply_takes_the_page_of_what_it_answers():
    _, threads = admit(remark(1, page="10"))
    assert threads.admit([remark(2, 1, page=None)])[0].page_id == "10"


def test_a_comment_on_something_that_is_no_document_is_left_out_with_its_replies():
    assert admit(remark(1, page=None), remark(2, 1))[0] == []


def test_the_same_comment_passes_once():
    assert admit(remark(1), remark(1))[0] == [("1", None)]


def test_replies_to_a_comment_that_was_never_listed_are_judged_by_themselves():
    _, threads = admit(
        remark(2, 1), remark(3, 1, closed=True), remark(4, 3), remark(5, 2), remark(6, 9, page=None)
    )
    assert [item.comment_id for item in threads.release()] == ["2", "5"]


@st.composite
def forests(draw):
    """Threads in an order of their own: a comment answers one with a smaller number, or none."""
    remarks = []
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        remarks.append((number, parent, draw(st.booleans())))
    return remarks


def is_open(number, remarks):
    _, parent, closed = remarks[number]
    return not closed and (parent is None or is_open(parent, remarks))


@given(forests(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_what_passes_depends_neither_on_order_nor_on_pages(remarks, random, size):
    listed = [
        remark(f"c{number}", None if parent is None else f"c{parent}", closed=closed)
        for number, parent, closed in remarks
    ]
    random.shuffle(listed)
    threads = Threads()
    pages = [listed[start : start + size] for start in range(0, len(listed), size)]
    passed = [item.comment_id for page in pages for item in threads.admit(page)]
    assert threads.release() == []
    wanted = {f"c{number}" for number, _, _ in remarks if is_open(number, remarks)}
    assert set(passed) == wanted
    assert len(passed) == len(wanted)
    above = {item.comment_id: item.parent_id for item in listed}
    for place, comment_id in enumerate(passed):
        assert above[comment_id] is None or above[comment_id] in passed[:place]
