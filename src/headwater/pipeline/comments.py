"""A page's open comments as a section of its own at the end of its document."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

from headwater.domain.content import Comment, Document, DocumentKind, ListedDocument, Page
from headwater.domain.ids import ContentId
from headwater.domain.jobs import sum_counts
from headwater.pipeline.markdown import document_from_page, find_mentions
from headwater.pipeline.markdown.people import UNNAMED, find_name
from headwater.pipeline.markdown.text import escape_brackets

HEADING = "Comments"


def find_people(comments: Sequence[Comment]) -> frozenset[str]:
    """Return the ids of those who wrote the comments, and of those whom they mention."""
    mentioned = (find_mentions(comment.body) for comment in comments)
    authors = (comment.author_id for comment in comments)
    return frozenset(filter(None, authors)).union(*mentioned)


def add_comments(
    document: Document, comments: Sequence[Comment], people: Mapping[str, str]
) -> Document:
    """Return the document with its comments, replies behind what they answer, oldest first.

    ``people`` are display names by account id.
    """
    if not comments:
        return document
    ordered = order_by_thread(comments)
    converted = [_convert(comment, people) for comment in ordered]
    texts = [
        _introduce(comment, people) + found.markdown.strip()
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


def _introduce(comment: Comment, people: Mapping[str, str]) -> str:
    author = _name_author(comment.author_id, people)
    verb = "replied" if comment.parent_id else "commented"
    return f"{author} {verb} on {comment.created_at:%Y-%m-%d}: "


def _name_author(author_id: str | None, people: Mapping[str, str]) -> str:
    if not author_id:
        return "Somebody"
    return f"@{escape_brackets(find_name(author_id, people) or author_id)}"


def _convert(comment: Comment, people: Mapping[str, str]) -> Document:
    listed = ListedDocument(
        comment.comment_id, DocumentKind.PAGE, "", comment.version, comment.created_at
    )
    document = document_from_page(Page(listed, comment.body), people)
    unnamed = comment.author_id and not find_name(comment.author_id, people)
    losses = sum_counts(document.losses, {UNNAMED: 1}) if unnamed else document.losses
    return replace(document, losses=losses)
