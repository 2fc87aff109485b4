"""Conditions that name work items by their key, some hundreds at a time."""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, and_

from headwater.adapters.catalog.schema import work_items
from headwater.adapters.catalog.statements import of_job, split_batches
from headwater.domain.ids import ContentId
from headwater.domain.jobs import JobRef


def name_items(ref: JobRef, content_ids: Iterable[ContentId]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together name these items of a job, whichever of them there are."""
    wanted = set(content_ids)
    for length in sorted({len(content_id) for content_id in wanted}):
        alike = sorted(content_id for content_id in wanted if len(content_id) == length)
        for batch in split_batches(alike):
            named = (work_items.c.id_length == length, work_items.c.content_id.in_(batch))
            yield and_(of_job(work_items, ref), *named)
