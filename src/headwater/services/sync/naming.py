"""The names of the people on fetched pages, asked for once per group of pages and never per page."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from headwater.domain.content import Comment, Page
from headwater.domain.errors import SourceUnreachableError
from headwater.domain.ids import ContentId
from headwater.pipeline.comments import find_people
from headwater.pipeline.markdown import find_mentions
from headwater.ports import FetchedPage, Source

PAGES_PER_GROUP: Final = 64
CHARACTERS_PER_GROUP: Final = 4_000_000
PEOPLE_PER_GROUP: Final = 2_000
"""Beyond this they keep their ids: no page of people has more, but a body made to cost us may."""

CommentsByPage = Mapping[ContentId, Sequence[Comment]]


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A fetched page, its comments, and the display names of those on both by account id."""

    fetched: FetchedPage
    comments: Sequence[Comment]
    people: Mapping[str, str]
    are_names_read: bool
    """False where Confluence broke down over the names: the page is to be read again."""


async def name_people(
    source: Source, pages: AsyncGenerator[FetchedPage, None], comments: CommentsByPage
) -> AsyncGenerator[NamedPage, None]:
    """Yield the pages in order, each with the names that Confluence tells of those on it."""
    async with aclosing(_gather_groups(pages)) as groups:
        async for group in groups:
            people = await _read_names(source, group, comments)
            are_read = people is not None
            for fetched in group:
                yield NamedPage(
                    fetched, comments.get(fetched.content_id, ()), people or {}, are_read
                )


async def _gather_groups(
    pages: AsyncGenerator[FetchedPage, None],
) -> AsyncGenerator[list[FetchedPage], None]:
    group: list[FetchedPage] = []
    async with aclosing(pages):
        async for fetched in pages:
            group.append(fetched)
            size = sum(len(_body_of(page)) for page in group)
            if len(group) >= PAGES_PER_GROUP or size >= CHARACTERS_PER_GROUP:
                yield group
                group = []
    if group:
        yield group


async def _read_names(
    source: Source, group: Sequence[FetchedPage], comments: CommentsByPage
) -> Mapping[str, str] | None:
    mentioned = [find_mentions(_body_of(page)) for page in group]
    writing = [find_people(comments.get(page.content_id, ())) for page in group]
    wanted = sorted(frozenset().union(*mentioned, *writing))[:PEOPLE_PER_GROUP]
    try:
        return await source.read_names(wanted) if wanted else {}
    except SourceUnreachableError:
        return None


def _body_of(fetched: FetchedPage) -> str:
    return fetched.outcome.body if isinstance(fetched.outcome, Page) else ""
