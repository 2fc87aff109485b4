"""Which of the listed documents the tenant's settings and blacklist leave out.

A page is judged by what was listed of it. An attachment follows its page: the listed one, else what
an earlier sync made of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.domain.content import DocumentMetadata, Space
from headwater.domain.ids import ContentId
from headwater.domain.jobs import Job
from headwater.domain.sync import KnownDocument, WorkItem
from headwater.pipeline.selection import (
    BLACKLISTED,
    PAGE_NOT_LISTED,
    REASONS,
    PageFacts,
    SelectionRules,
    is_blacklisted_by_name,
    make_rules,
    reason_against_file,
    reason_against_page,
    trace_lineage,
)
from headwater.ports import Ports
from headwater.services.sync.ancestry import Ancestry
from headwater.services.sync.run import SyncRun, describe_item

READ_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules of one job, and which listed pages and posts they leave out."""

    rules: SelectionRules
    ancestry: Ancestry
    reasons: Mapping[ContentId, str]

    async def judge(
        self, run: SyncRun, seen: Sequence[tuple[WorkItem, DocumentMetadata]]
    ) -> list[str | None]:
        """Return, for each listed document, why it is left out; ``None`` if it is not."""
        if self.rules == SelectionRules():
            return [None] * len(seen)
        holders = {item.attachment.page_id for item, _ in seen if item.attachment}
        unlisted = [page for page in holders if not self.ancestry.is_listed(page)]
        known = await run.ports.catalog.known(run.ref.tenant, run.site, unlisted)
        return [self._judge(item, metadata, known) for item, metadata in seen]

    def _judge(
        self,
        item: WorkItem,
        metadata: DocumentMetadata,
        known: Mapping[ContentId, KnownDocument],
    ) -> str | None:
        if item.attachment is None:
            return self.reasons.get(metadata.content_id)
        page_reason = self._judge_page(metadata.page_id, known.get(metadata.page_id))
        return reason_against_file(
            item.attachment, metadata.source_url, self.rules, page_reason=page_reason
        )

    def _judge_page(self, page_id: ContentId, known: KnownDocument | None) -> str | None:
        if self.ancestry.is_listed(page_id):
            return self.reasons.get(page_id)
        if known is None:
            return PAGE_NOT_LISTED if self.rules.judges_pages else None
        if is_blacklisted_by_name(page_id, known.source_url, self.rules):
            return BLACKLISTED
        return known.skip_reason if known.skip_reason in REASONS else None


async def read_rules(ports: Ports, job: Job) -> SelectionRules:
    """Return the rules under which a job runs: its settings and, if it minds it, the blacklist."""
    minds = job.request.restriction.blacklisted
    entries = await ports.blacklist.list(job.ref.tenant) if minds else []
    return make_rules(job.request.settings, entries)


async def read_selection(
    run: SyncRun, space: Space, rules: SelectionRules, ancestry: Ancestry
) -> Selection:
    """Judge every listed page and post."""
    reasons = await _judge_pages(run, space, rules, ancestry) if rules.judges_pages else {}
    return Selection(rules, ancestry, reasons)


async def _judge_pages(
    run: SyncRun, space: Space, rules: SelectionRules, ancestry: Ancestry
) -> dict[ContentId, str]:
    unseen = ancestry.unseen
    reasons: dict[ContentId, str] = {}
    after: ContentId | None = None
    while items := await run.ports.work.read(run.ref, after=after, limit=READ_AT_ONCE):
        for item in items:
            if item.attachment is None:
                facts = _make_facts(describe_item(run, space, item), ancestry.parents, unseen)
                reason = reason_against_page(facts, rules)
                reasons |= {facts.content_id: reason} if reason else {}
        after = items[-1].listed.content_id
    return reasons


def _make_facts(
    metadata: DocumentMetadata,
    parents: Mapping[ContentId, ContentId | None],
    unseen: frozenset[ContentId],
) -> PageFacts:
    return PageFacts(
        metadata.content_id,
        metadata.kind,
        metadata.labels,
        metadata.source_url,
        trace_lineage(parents, metadata.content_id, unseen),
    )
