"""Stand-ins for the ports that a sync writes through, so that the same sync can run without a trace.

A rehearsal's job and work list live in memory, its catalog reads the real one and drops what is
written, and nothing reaches the vector store. Its memory grows with the space, by one work list.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from headwater.domain.access import Scope, ScopeRule
from headwater.domain.content import (
    Annotation,
    Comment,
    DocumentKind,
    ListedAttachment,
    ListedDocument,
    Restriction,
)
from headwater.domain.ids import ContentId, DocumentId, SiteId, SpaceKey, TenantId
from headwater.domain.jobs import Job, JobChange, JobRef
from headwater.domain.removal import Tombstone
from headwater.domain.sync import Decision, KnownDocument, WorkItem
from headwater.ports import Catalog, DeletionStore, KnownSpace, ListedCounts, Ports, StoreBatch


@dataclass(slots=True)
class ScratchWork:
    """A work list in memory."""

    items: dict[ContentId, WorkItem] = field(default_factory=dict)
    annotated: set[ContentId] = field(default_factory=set)
    kept: dict[ContentId, dict[ContentId, Comment]] = field(default_factory=dict)
    _order: list[ContentId] = field(default_factory=list)

    async def add(self, ref: JobRef, listed: Sequence[ListedDocument]) -> None:  # noqa: ARG002  (the port's shape)
        """Add listed documents."""
        for document in listed:
            self.items[document.content_id] = WorkItem(document)
            self.annotated.discard(document.content_id)

    async def add_attachments(self, ref: JobRef, listed: Sequence[ListedAttachment]) -> None:  # noqa: ARG002  (the port's shape)
        """Add listed attachments."""
        for file in listed:
            self.items[file.content_id] = WorkItem(_list_attachment(file), attachment=file)
            self.annotated.add(file.content_id)

    async def add_comments(self, ref: JobRef, comments: Sequence[Comment]) -> None:  # noqa: ARG002  (the port's shape)
        """Keep comments."""
        for comment in comments:
            self.kept.setdefault(comment.page_id, {})[comment.comment_id] = comment

    async def comments(
        self,
        ref: JobRef,  # noqa: ARG002  (the port's shape)
        page_ids: Sequence[ContentId],
    ) -> Mapping[ContentId, Sequence[Comment]]:
        """Return the kept comments of these pages."""
        return {key: list(self.kept[key].values()) for key in page_ids if key in self.kept}

    async def annotate(self, ref: JobRef, annotations: Sequence[Annotation]) -> None:  # noqa: ARG002  (the port's shape)
        """Add labels and restriction."""
        for found in annotations:
            self._change(found.content_id, labels=found.labels, restriction=found.restriction)
            self.annotated.add(found.content_id)

    async def unannotated(self, ref: JobRef, *, limit: int) -> Sequence[ListedDocument]:  # noqa: ARG002  (the port's shape)
        """Return listed documents that have no annotation yet."""
        missing = [item.listed for key, item in self.items.items() if key not in self.annotated]
        return missing[:limit]

    async def parents(self, ref: JobRef) -> Mapping[ContentId, ContentId | None]:  # noqa: ARG002  (the port's shape)
        """Return every listed document's parent."""
        return {key: item.listed.parent_id for key, item in self.items.items()}

    async def restricted(self, ref: JobRef) -> Mapping[ContentId, Restriction]:  # noqa: ARG002  (the port's shape)
        """Return the restrictions of those that have one."""
        found = {key: item.restriction for key, item in self.items.items()}
        return {key: restriction for key, restriction in found.items() if not restriction.is_open}

    async def assign_scopes(self, ref: JobRef, scopes: Mapping[ContentId, Scope]) -> None:  # noqa: ARG002  (the port's shape)
        """Set the scopes of listed documents."""
        for key, scope in scopes.items():
            self._change(key, scope=scope)

    async def read(
        self,
        ref: JobRef,  # noqa: ARG002  (the port's shape)
        *,
        after: ContentId | None,
        limit: int,
    ) -> Sequence[WorkItem]:
        """Return listed documents in the order of their ids."""
        keys = self._sort_keys()
        first = 0 if after is None else bisect_right(keys, _place(after), key=_place)
        return [self.items[key] for key in keys[first : first + limit]]

    async def decide(self, ref: JobRef, decisions: Sequence[Decision]) -> None:  # noqa: ARG002  (the port's shape)
        """Set what is to be done."""
        for decision in decisions:
            self._change(decision.content_id, action=decision.action, reason=decision.reason)

    async def count(self, ref: JobRef) -> ListedCounts:  # noqa: ARG002  (the port's shape)
        """Count what is listed."""
        files = sum(item.attachment is not None for item in self.items.values())
        return ListedCounts(len(self.items) - files, files)

    async def clear(self, ref: JobRef) -> None:  # noqa: ARG002  (the port's shape)
        """Forget everything."""
        self._order.clear()
        self.items.clear()
        self.annotated.clear()
        self.kept.clear()

    def _sort_keys(self) -> list[ContentId]:
        # A list is read to its end a page at a time; items are added before that, never taken away.
        if len(self._order) != len(self.items):
            self._order = sorted(self.items, key=_place)
        return self._order

    def _change(self, key: ContentId, **changes: Any) -> None:
        if key in self.items:
            self.items[key] = replace(self.items[key], **changes)


def _list_attachment(file: ListedAttachment) -> ListedDocument:
    return ListedDocument(
        content_id=file.content_id,
        kind=DocumentKind.ATTACHMENT,
        title=file.title,
        version=file.version,
        last_modified=file.last_modified,
        parent_id=file.page_id,
        author_id=file.author_id,
        web_path=file.web_path,
    )


def _place(key: ContentId) -> tuple[int, str]:
    return len(key), key


@dataclass(slots=True)
class ScratchJobs:
    """The one job of a rehearsal."""

    job: Job

    async def find(self, ref: JobRef) -> Job | None:
        """Return the job."""
        return self.job if ref == self.job.ref else None

    async def change(self, ref: JobRef, change: JobChange) -> None:  # noqa: ARG002  (the port's shape)
        """Count."""
        self.job = replace(self.job, progress=self.job.progress + change.progress)


@dataclass(frozen=True, slots=True)
class ScratchCredentials:
    """The one credential of a rehearsal."""

    sealed: bytes

    async def read(self, *_: object) -> bytes | None:
        """Return it."""
        return self.sealed


@dataclass(slots=True)
class ScratchStore:
    """A store that nothing reaches."""

    async def apply(self, namespace: object, batch: StoreBatch) -> None:
        """Write nothing."""


@dataclass(frozen=True, slots=True)
class ScratchDeletions:
    """The real tombstones, none of which is removed."""

    real: DeletionStore

    async def tombstones(self, tenant: TenantId, site: SiteId) -> Sequence[Tombstone]:
        """Read."""
        return await self.real.tombstones(tenant, site)

    async def lift(self, *_: object) -> None:
        """Write nothing."""


@dataclass(slots=True)
class ScratchCatalog:
    """The real catalog for reading; what would be deleted or held is noted."""

    real: Catalog
    work: ScratchWork
    jobs: ScratchJobs
    deleted: list[DocumentId] = field(default_factory=list)
    held: list[DocumentId] = field(default_factory=list)
    missed: dict[DocumentId, KnownDocument] = field(default_factory=dict)

    async def find_space(
        self, tenant: TenantId, site: SiteId, space: SpaceKey
    ) -> KnownSpace | None:
        """Read."""
        return await self.real.find_space(tenant, site, space)

    async def known(
        self, tenant: TenantId, site: SiteId, content_ids: Sequence[ContentId]
    ) -> Mapping[ContentId, KnownDocument]:
        """Read."""
        return await self.real.known(tenant, site, content_ids)

    async def count_indexed(self, tenant: TenantId, site: SiteId, space: SpaceKey) -> int:
        """Read."""
        return await self.real.count_indexed(tenant, site, space)

    async def scope_rules(self, tenant: TenantId) -> Mapping[Scope, ScopeRule]:
        """Read."""
        return await self.real.scope_rules(tenant)

    async def missing(self, ref: JobRef, site: SiteId, space: SpaceKey) -> Sequence[KnownDocument]:
        """Return the space's remembered documents that the rehearsal did not list."""
        # The real catalog knows no work of this job, so everything in the space is missing there.
        remembered = await self.real.missing(ref, site, space)
        missing = [item for item in remembered if item.content_id not in self.work.items]
        self.missed |= {item.document_id: item for item in missing}
        return missing

    async def forget(
        self,
        ref: JobRef,
        space: SpaceKey,  # noqa: ARG002  (the port's shape)
        document_ids: Sequence[DocumentId],
        tally: Callable[[Sequence[KnownDocument]], JobChange],
    ) -> None:
        """Note what would be deleted."""
        self.deleted.extend(document_ids)
        await self.jobs.change(ref, tally([self.missed[key] for key in document_ids]))

    async def hold(
        self, ref: JobRef, document_ids: Sequence[DocumentId], change: JobChange
    ) -> None:
        """Note what would be held."""
        self.held.extend(document_ids)
        await self.jobs.change(ref, change)

    async def put_space(self, *_: object) -> None:
        """Write nothing."""

    async def put_scope_rules(self, *_: object) -> None:
        """Write nothing."""

    async def write_access(self, *_: object, prune: bool) -> None:
        """Write nothing."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A job that leaves no trace: its ports, and what to read its outcome from."""

    ports: Ports
    work: ScratchWork
    jobs: ScratchJobs
    catalog: ScratchCatalog


def prepare_rehearsal(ports: Ports, job: Job, sealed: bytes) -> Rehearsal:
    """Return the ports for a rehearsal of this job, which is not stored anywhere."""
    work, jobs = ScratchWork(), ScratchJobs(job)
    catalog = ScratchCatalog(ports.catalog, work, jobs)
    dry: dict[str, Any] = {
        "work": work,
        "jobs": jobs,
        "catalog": catalog,
        "credentials": ScratchCredentials(sealed),
        "store": ScratchStore(),
        "deletions": ScratchDeletions(ports.deletions),
        "patient_sources": ports.sources,
    }
    return Rehearsal(replace(cast("Any", ports), **dry), work, jobs, catalog)
