"""What our own rules take out of the index although the listing did not show it.

A rule is proof by itself: nothing is looked up, nothing is held, and the listing need not be complete.
"""

from collections.abc import Mapping, Sequence

from headwater.domain.content import DocumentKind
from headwater.domain.ids import ContentId
from headwater.domain.jobs import Job
from headwater.domain.sync import KnownDocument
from headwater.pipeline.selection import (
    SelectionRules,
    is_blacklisted_by_name,
    takes_files_along,
)
from headwater.ports import Ports
from headwater.services.sync.selecting import read_rules
from headwater.services.sync.survey import Survey


async def find_expelled(
    ports: Ports, job: Job, survey: Survey, missing: Sequence[KnownDocument]
) -> list[KnownDocument]:
    """Return what a rule leaves out by id or link, or with its page."""
    rules = await read_rules(ports, job)
    if rules == SelectionRules():
        return []
    holders = {item.page_id for item in missing if item.kind is DocumentKind.ATTACHMENT}
    pages = await ports.catalog.known(job.ref.tenant, survey.site, list(holders))
    return [item for item in missing if _is_expelled(item, pages, rules)]


def _is_expelled(
    item: KnownDocument, pages: Mapping[ContentId, KnownDocument], rules: SelectionRules
) -> bool:
    if is_blacklisted_by_name(item.page_id, item.source_url, rules):
        return True
    page = pages.get(item.page_id) if item.kind is DocumentKind.ATTACHMENT else None
    return page is not None and takes_files_along(page.skip_reason, rules)
