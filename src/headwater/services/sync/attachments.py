"""From attachments to chunks: downloaded, read in a process of their own, cut like pages."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Final

from headwater.domain.content import Document, DocumentMetadata, ListedAttachment, Space
from headwater.domain.errors import DocumentError
from headwater.domain.ids import ContentId
from headwater.domain.sync import Provenance, WorkItem
from headwater.pipeline.planning import OCR_OFF, UNSUPPORTED_FORMAT
from headwater.ports import AttachmentFile, Extraction, ExtractionPolicy
from headwater.services.sync.preparing import Broken, LeftOut, Prepared, Readied, cut_document
from headwater.services.sync.run import SyncRun, describe_item

MAX_BYTES: Final = 100 << 20
"""A larger attachment fails as ``FILE_TOO_LARGE``."""


async def prepare_attachments(
    run: SyncRun, space: Space, items: Mapping[ContentId, WorkItem]
) -> AsyncGenerator[Readied, None]:
    """Fetch attachments one by one and yield what they hold."""
    for item in items.values():
        if item.attachment is None:
            raise TypeError(f"{item.listed.content_id} is no attachment")
        metadata = describe_item(run, space, item)
        try:
            yield await _read(run, metadata, item.attachment)
        except DocumentError as error:
            yield Broken(metadata, error)


async def _read(run: SyncRun, metadata: DocumentMetadata, listed: ListedAttachment) -> Readied:
    data = await run.source.fetch_attachment(listed, max_bytes=MAX_BYTES)
    policy = ExtractionPolicy(use_ocr=run.job.request.use_ocr)
    file = AttachmentFile(listed.title, listed.media_type, data)
    found = await run.ports.extractor.extract(file, policy)
    recipe = run.attachment_recipe(ocr_missing=found.ocr_wanted > 0)
    provenance = Provenance(str(recipe), body_digest=hashlib.sha256(data).hexdigest())
    reason = _reason_to_leave_out(found)
    if reason:
        return LeftOut(metadata, reason, provenance)
    return await asyncio.to_thread(_cut, run, metadata, found, provenance)


def _reason_to_leave_out(found: Extraction) -> str | None:
    if not found.supported:
        return UNSUPPORTED_FORMAT
    return OCR_OFF if found.ocr_wanted and not found.markdown.strip() else None


def _cut(
    run: SyncRun, metadata: DocumentMetadata, found: Extraction, provenance: Provenance
) -> Prepared:
    document = Document(metadata.title, found.markdown, _losses(found))
    return replace(cut_document(run, metadata, document, provenance), ocr_pages=found.ocr_pages)


def _losses(found: Extraction) -> dict[str, int]:
    """Return what was lost by name; a cut-off end and unread scans are losses too."""
    losses = dict(found.losses)
    if found.truncated:
        losses["truncated-attachment"] = 1
    if found.ocr_wanted:
        losses["page-without-ocr"] = found.ocr_wanted
    return losses
