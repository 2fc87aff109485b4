"""A page's open comments as a section of its own at the end of its document."""

from collections.abc import Sequence
from functools import reduce

from headwater.domain.content import Comment, Document, DocumentKind, ListedDocument, Page
from headwater.domain.ids import ContentId
from headwater.domain.jobs import sum_counts
from headwater.pipeline.markdown import document_from_page

HEADING = "Comments"


def add_comments(document: Document, comments: Sequence[Comment]) -> Document:
    """Return the document with its comments, replies behind what they answer, oldest first."""
    if not comments:
        return document
    ordered = order_by_thread(comments)
    converted = [_convert(comment) for comment in ordered]
    texts = [
        _introduce(comment) + found.markdown.strip()
        for comment, found in zip(ordered, converted, strict=True)
    ]
    section = "\n\n".join((document.markdown.rstrip(), f"# {HEADING}", *texts))
    losses = reduce(sum_counts, (found.losses for found in converted), document.losses)
    return Document(document.title, f"{section.lstrip()}\n", losses)


def order_by_thread(comments: Sequence[Comment]) -> list[Comment]:
    """Return every comment once; a reply whose thread has no beginning stands for itself."""
    by_age = sorted(comments, key=lambda comment: (comment.created_at, comment.comment_id))
    ids = {comment.comment_id for comment in by_age}
    ordered: dict[ContentId, Comment] = {}
    for start in [item for item in by_age if item.parent_id not in ids] + by_age:
        waiting = [start]
        while waiting:
            comment = waiting.pop()
            if comment.comment_id not in ordered:
                ordered[comment.comment_id] = comment
                waiting += [it for it in reversed(by_age) if it.parent_id == comment.comment_id]
    return list(ordered.values())


def _introduce(comment: Comment) -> str:
    author = f"@{comment.author_id}" if comment.author_id else "Somebody"
    verb = "replied" if comment.parent_id else "commented"
    return f"{author} {verb} on {comment.created_at:%Y-%m-%d}: "


def _convert(comment: Comment) -> Document:
    listed = ListedDocument(
        comment.comment_id, DocumentKind.PAGE, "", comment.version, comment.created_at
    )
    return document_from_page(Page(listed, comment.body))
