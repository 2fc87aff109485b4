"""Which comments belong to open threads, told while they stream by in any order. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headwater.domain.content import Comment
from headwater.domain.ids import ContentId


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment as listed, before its thread is known."""

    comment_id: ContentId
    parent_id: ContentId | None
    page_id: ContentId | None
    """``None`` where the listing does not say, and for comments on something that is no document."""
    is_closed: bool
    author_id: str | None
    created_at: datetime
    version: int
    body: str


class Threads:
    """Lets comments of open threads pass, once each; a reply waits for what it answers.

    Remembers ids only, besides the bodies of replies that came too early.
    """

    def __init__(self) -> None:
        self._pages: dict[ContentId, ContentId | None] = {}
        """Of every comment placed, its page; ``None`` for one that is left out."""
        self._waiting: dict[ContentId, list[Remark]] = {}

    def admit(self, remarks: Iterable[Remark]) -> list[Comment]:
        """Return the open comments among these, and among the waiting ones that they answer for."""
        admitted: list[Comment] = []
        stack = list(remarks)[::-1]
        while stack:
            remark = stack.pop()
            if self._must_wait(remark):
                continue
            comment = self._place(remark)
            admitted.extend([] if comment is None else [comment])
            stack.extend(self._waiting.pop(remark.comment_id, []))
        return admitted

    def release(self) -> list[Comment]:
        """Return the open replies to comments that were never listed: they are judged by themselves."""
        early = {remark.comment_id for group in self._waiting.values() for remark in group}
        absent = [parent_id for parent_id in self._waiting if parent_id not in early]
        groups = [(parent_id, self._waiting.pop(parent_id)) for parent_id in absent]
        for parent_id, group in groups:
            self._pages[parent_id] = group[0].page_id
        return self.admit(remark for _, group in groups for remark in group)

    def _must_wait(self, remark: Remark) -> bool:
        parent_id = remark.parent_id
        if parent_id is None or parent_id in self._pages:
            return False
        self._waiting.setdefault(parent_id, []).append(remark)
        return True

    def _place(self, remark: Remark) -> Comment | None:
        if remark.comment_id in self._pages:
            return None
        parent_id = remark.parent_id
        page_id = remark.page_id if parent_id is None else self._pages[parent_id]
        self._pages[remark.comment_id] = None if remark.is_closed else page_id
        if remark.is_closed or page_id is None:
            return None
        return Comment(
            comment_id=remark.comment_id,
            page_id=page_id,
            parent_id=parent_id,
            author_id=remark.author_id,
            created_at=remark.created_at,
            version=remark.version,
            body=remark.body,
        )
