from datetime import UTC, datetime, timedelta

from headwater.domain.content import Comment, Document
from headwater.domain.ids import ContentId
from headwater.pipeline.comments import add_comments, find_people

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
NAMES = {"a1": "Ann Ode", "b2": "Bo [x]"}
PAGE = Document("VPN", "Use the client.\n", {"toc": 1})


def comment(
    number: int, body: str, *, parent: int | None = None, author: str | None = "a1", at: int = 0
) -> Comment:
    return Comment(
        ContentId(str(number)),
        ContentId("7"),
        None if parent is None else ContentId(str(parent)),
        author,
        NOW + timedelta(minutes=at or number),
        1,
        body,
    )


def test_a_page_without_comments_stays_as_it_is() -> None:
    assert add_comments(PAGE, [], NAMES) is PAGE


def test_comments_follow_in_a_section_of_their_own_with_replies_under_them() -> None:
    document = add_comments(
        PAGE,
        [
            comment(3, "<p>A reply</p>", parent=1, author="b2"),
            comment(2, "<p>Second</p>"),
            comment(1, "<p>First <strong>word</strong></p>"),
        ],
        NAMES,
    )
    assert document.markdown.splitlines() == [
        "Use the client.",
        "",
        "# Comments",
        "",
        "@Ann Ode commented on 2026-05-04: First **word**",
        "",
        "@Bo \\[x\\] replied on 2026-05-04: A reply",
        "",
        "@Ann Ode commented on 2026-05-04: Second",
    ]


def test_a_reply_whose_parent_is_missing_is_kept() -> None:
    document = add_comments(PAGE, [comment(3, "<p>Orphan</p>", parent=99)], {})
    assert "Orphan" in document.markdown


def test_comments_that_answer_each_other_are_kept_once_each() -> None:
    loop = [comment(1, "<p>one</p>", parent=2), comment(2, "<p>two</p>", parent=1)]
    markdown = add_comments(PAGE, loop, {}).markdown
    assert (markdown.count("one"), markdown.count("two")) == (1, 1)


def test_what_a_comment_loses_is_counted_with_the_page() -> None:
    macro = '<ac:structured-macro ac:name="acme"><ac:parameter ac:name="x">1</ac:parameter></ac:structured-macro>'
    document = add_comments(PAGE, [comment(1, macro), comment(2, macro)], NAMES)
    assert document.losses == {"toc": 1, "acme": 2}


def test_an_author_whose_name_nobody_told_is_shown_by_id_and_counted() -> None:
    document = add_comments(PAGE, [comment(1, "<p>x</p>", author="c3")], NAMES)
    assert "@c3 commented on 2026-05-04: x" in document.markdown
    assert document.losses == {"toc": 1, "mention": 1}


def test_everybody_in_the_comments_is_found_authors_and_mentioned() -> None:
    mention = '<p><ac:link><ri:user ri:account-id="b2"/></ac:link></p>'
    comments = [comment(1, mention), comment(2, "<p>x</p>", author=None)]
    assert find_people(comments) == {"a1", "b2"}
    assert "@Bo \\[x\\]" in add_comments(PAGE, comments, NAMES).markdown


def test_an_empty_page_with_a_comment_has_the_comment() -> None:
    document = add_comments(Document("VPN", "", {}), [comment(1, "<p>hello</p>", author=None)], {})
    assert document.markdown.startswith("# Comments")
    assert "Somebody commented" in document.markdown
