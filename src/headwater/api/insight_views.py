"""What clients read of one page's whereabouts and access."""

from datetime import datetime
from typing import Self

from pydantic import Field

from headwater.api.views import Time, View
from headwater.ports import CatalogEntry
from headwater.services.whereabouts import AccessReport, Link, Verdict, Whereabouts


class EntryErrorView(View):
    """Why the last attempt at a document failed."""

    error_type: str
    error_message: str
    attempts: int
    failed_at: Time


class EntryView(View):
    """What the catalog holds of a document."""

    document_id: str
    kind: str
    title: str
    source_url: str
    space: str
    version: int
    last_modified: Time
    since: Time | None = Field(description="When this version came in; null while nothing is in.")
    chunk_count: int
    skip_reason: str | None
    error: EntryErrorView | None

    @classmethod
    def of(cls, entry: CatalogEntry) -> Self:
        """Show an entry."""
        known = entry.known
        return cls(
            document_id=known.document_id,
            kind=known.kind,
            title=known.title,
            source_url=known.source_url,
            space=entry.space,
            version=known.version,
            last_modified=entry.last_modified,
            since=entry.indexed_at,
            chunk_count=len(known.chunk_hashes),
            skip_reason=known.skip_reason,
            error=_show_error(entry),
        )


def _show_error(entry: CatalogEntry) -> EntryErrorView | None:
    if entry.error_type is None or entry.failed_at is None:
        return None
    return EntryErrorView(
        error_type=entry.error_type,
        error_message=entry.error_message or "",
        attempts=entry.known.attempts,
        failed_at=entry.failed_at,
    )


class ClauseView(View):
    """One set of principals of which a reader needs one; an empty set admits nobody."""

    kind: str = Field(description="`audience`, `space_permission` or `restriction`.")
    admits: list[str]


class ScopeView(View):
    """One step of the chain: a restricted page, or the space at its end."""

    scope: str
    title: str | None
    clauses: list[ClauseView]

    @classmethod
    def of(cls, link: Link) -> Self:
        """Show a step."""
        clauses = zip(link.names, link.rule.clauses, strict=True)
        return cls(
            scope=link.rule.scope,
            title=link.title,
            clauses=[ClauseView(kind=name, admits=sorted(clause)) for name, clause in clauses],
        )


class WhyDataView(View):
    """Where a page stands."""

    source_url: str
    status: str = Field(
        description="`here`, `stale`, `held`, `failed`, `skipped` or `not_known`; where Confluence was"
        " asked `not_synced`, `archived`, `trashed` or `not_visible`."
    )
    message: str
    restricted: bool = Field(description="Whether more than the whole tenant's token is needed.")
    document: EntryView | None
    access: list[ScopeView] = Field(description="Every step a reader must pass, nearest first.")


class WhyView(View):
    """Answer of ``why``."""

    success: bool
    data: WhyDataView
    timestamp: Time

    @classmethod
    def of(cls, source_url: str, found: Whereabouts, now: datetime) -> Self:
        """Show what is known."""
        data = WhyDataView(
            source_url=source_url,
            status=found.presence,
            message=found.message,
            restricted=found.restricted,
            document=EntryView.of(found.entry) if found.entry else None,
            access=[ScopeView.of(link) for link in found.chain],
        )
        return cls(success=True, data=data, timestamp=now)


class VerdictStepView(View):
    """How a reader fares at one step; one value per clause of the step."""

    scope: str
    clauses: list[bool]


class VerdictView(View):
    """Whether a reader may read the page. Every clause of every step must admit one principal."""

    principals: list[str]
    admitted: bool
    steps: list[VerdictStepView]

    @classmethod
    def of(cls, verdict: Verdict, chain: tuple[Link, ...]) -> Self:
        """Show a verdict."""
        steps = zip(chain, verdict.passes, strict=True)
        return cls(
            principals=list(verdict.principals),
            admitted=verdict.admitted,
            steps=[
                VerdictStepView(scope=link.rule.scope, clauses=list(passed))
                for link, passed in steps
            ],
        )


class AccessDataView(View):
    """Who of those asked about may read a page, and what blocks the others."""

    source_url: str
    document: EntryView
    access: list[ScopeView] = Field(description="Every step a reader must pass, nearest first.")
    each: list[VerdictView] = Field(description="Every principal as a reader of its own.")
    together: VerdictView = Field(description="One reader who is all of them.")


class AccessView(View):
    """Answer of ``access/explain``."""

    success: bool
    data: AccessDataView
    timestamp: Time

    @classmethod
    def of(cls, source_url: str, report: AccessReport, now: datetime) -> Self:
        """Show a report."""
        data = AccessDataView(
            source_url=source_url,
            document=EntryView.of(report.entry),
            access=[ScopeView.of(link) for link in report.chain],
            each=[VerdictView.of(verdict, report.chain) for verdict in report.each],
            together=VerdictView.of(report.together, report.chain),
        )
        return cls(success=True, data=data, timestamp=now)
