"""From attachments to chunks: downloaded, read in a process of their own, cut like pages."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from headwater.domain.content import Document, DocumentMetadata, ListedAttachment, Space
from headwater.domain.errors import DocumentError, FailureType
from headwater.domain.ids import ContentId
from headwater.domain.jobs import UploadRequest
from headwater.domain.sync import KnownDocument, Provenance, WorkItem
from headwater.pipeline.confidence import rate_chunks
from headwater.pipeline.planning import (
    OCR_MISSING,
    OCR_OFF,
    OCR_UNNEEDED,
    UNSUPPORTED_FORMAT,
    FileRecipes,
    is_same_file,
    is_searchable,
)
from headwater.pipeline.selection import MAX_ATTACHMENT_BYTES
from headwater.ports import AttachmentFile, Extraction, ExtractionPolicy
from headwater.services.sync.batches import call_store
from headwater.services.sync.preparing import (
    Broken,
    LeftOut,
    Prepared,
    Readied,
    Unchanged,
    cut_document,
)
from headwater.services.sync.run import SyncRun, describe_item
from headwater.services.sync.streams import map_ahead

MOST_BYTES: Final = 100 << 20
"""Of one attachment, where no stored setting says otherwise."""

FILES_AT_ONCE: Final = 3
"""Under way together: one download waits for Confluence while another file is read. Each takes its size
in memory."""

_READ_IN_VAIN: Final = frozenset({OCR_OFF, UNSUPPORTED_FORMAT})
"""Why a file that was read left nothing."""


@dataclass(frozen=True, slots=True)
class AttachmentRules:
    """How an upload wants its attachments.

    A larger file than ``max_bytes`` is left out if that is a setting, and fails as too large if not.
    """

    max_bytes: int
    policy: ExtractionPolicy


def attachment_rules(request: UploadRequest) -> AttachmentRules:
    """Return what an upload and the settings stored with it say of attachments."""
    settings = request.settings
    return AttachmentRules(
        max_bytes=min(settings.max_attachment_bytes or MOST_BYTES, MOST_BYTES),
        policy=ExtractionPolicy(request.use_ocr, settings.ocr_languages),
    )


async def prepare_attachments(
    run: SyncRun, space: Space, items: Mapping[ContentId, WorkItem], rules: AttachmentRules
) -> AsyncGenerator[Readied, None]:
    """Fetch attachments, a few at a time, and yield what they hold, in order."""
    known = await run.ports.catalog.known(run.ref.tenant, run.site, list(items))

    async def read(item: WorkItem) -> Readied:
        metadata = describe_item(run, space, item)
        return await _FileReader(run, rules, metadata, known.get(metadata.content_id)).read(item)

    async with aclosing(map_ahead(read, items.values(), limit=FILES_AT_ONCE)) as documents:
        async for document in documents:
            yield document


@dataclass(frozen=True, slots=True)
class _FileReader:
    """Reads one attachment, beside what is known of it."""

    run: SyncRun
    rules: AttachmentRules
    metadata: DocumentMetadata
    known: KnownDocument | None

    async def read(self, item: WorkItem) -> Readied:
        """Return what the attachment holds, or what went wrong with it."""
        if item.attachment is None:
            raise TypeError(f"{item.listed.content_id} is no attachment")
        try:
            return await self._read(item.attachment)
        except DocumentError as error:
            return Broken(self.metadata, error)

    async def _read(self, listed: ListedAttachment) -> Readied:
        """Download the file, and extract its text unless its bytes are known."""
        data = await self._download(listed)
        if data is None:
            recipe = self.run.file_recipes.name(OCR_UNNEEDED)
            return LeftOut(self.metadata, MAX_ATTACHMENT_BYTES, Provenance(recipe))
        digest = hashlib.sha256(data).hexdigest()
        return await self._recall(digest) or await self._extract(listed, data, digest)

    async def _download(self, listed: ListedAttachment) -> bytes | None:
        """Return the bytes; ``None`` where they are more than a setting wants, whatever was listed."""
        most = self.rules.max_bytes
        try:
            return await self.run.source.fetch_attachment(listed, max_bytes=most)
        except DocumentError as error:
            if error.error_type is FailureType.FILE_TOO_LARGE and most < MOST_BYTES:
                return None
            raise

    async def _recall(self, digest: str) -> Readied | None:
        """Return what the same bytes gave when they were read before, if that is still there."""
        run, known = self.run, self.known
        if known is None or not is_same_file(known, self.metadata, digest, run.file_recipes):
            return None
        if known.skip_reason in _READ_IN_VAIN:
            return LeftOut(self.metadata, known.skip_reason, known.provenance)
        return Unchanged(self.metadata, known) if await self._is_stored(known) else None

    async def _is_stored(self, known: KnownDocument) -> bool:
        run = self.run
        stored = await call_store(
            lambda: run.ports.store.read_vectors(run.namespace, [known.document_id])
        )
        return is_searchable(known) and stored.keys() >= set(known.chunk_hashes)

    async def _extract(self, listed: ListedAttachment, data: bytes, digest: str) -> Readied:
        run = self.run
        file = AttachmentFile(listed.title, listed.media_type, data)
        found = await run.ports.extractor.extract(file, self.rules.policy)
        recipe = run.file_recipes.name(_mark_ocr(found, run.file_recipes))
        provenance = Provenance(recipe, body_digest=digest)
        reason = _reason_to_leave_out(found)
        if reason:
            return LeftOut(self.metadata, reason, provenance)
        return await asyncio.to_thread(_cut, run, self.metadata, found, provenance)


def _mark_ocr(found: Extraction, recipes: FileRecipes) -> str:
    """Say for the recipe what OCR did in a file, or would have done."""
    if found.ocr_wanted:
        return OCR_MISSING
    return recipes.ocr_done if found.ocr_pages else OCR_UNNEEDED


def _reason_to_leave_out(found: Extraction) -> str | None:
    if not found.supported:
        return UNSUPPORTED_FORMAT
    return OCR_OFF if found.ocr_wanted and not found.markdown.strip() else None


def _cut(
    run: SyncRun, metadata: DocumentMetadata, found: Extraction, provenance: Provenance
) -> Prepared:
    document = Document(metadata.title, found.markdown, _losses(found))
    # A page, slide or sheet is what a result points to: small ones are not joined.
    policy = replace(run.chunk_policy, join_below=1 if found.paged else 0)
    cut = cut_document(run, metadata, document, provenance, policy)
    chunks = rate_chunks(cut.chunks, found.page_confidences)
    return replace(cut, chunks=chunks, ocr_pages=found.ocr_pages)


def _losses(found: Extraction) -> dict[str, int]:
    """Return what was lost by name; a cut-off end and unread scans are losses too."""
    losses = dict(found.losses)
    if found.truncated:
        losses["truncated-attachment"] = 1
    if found.ocr_wanted:
        losses["page-without-ocr"] = found.ocr_wanted
    return losses
