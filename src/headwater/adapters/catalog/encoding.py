"""Values to and from JSON and rows: field by field, so that a file never decides what is made of it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from headwater.domain.access import Clause, Principal
from headwater.domain.content import DocumentKind, Restriction
from headwater.domain.ids import ContentId, SpaceKey
from headwater.domain.jobs import (
    ChunkCounts,
    ContentRestriction,
    DocumentCounts,
    LossyDocument,
    ProcessorMode,
    Progress,
    SiteAddress,
    UploadRequest,
)
from headwater.domain.settings import SyncSettings

Json = dict[str, Any]


def request_to_json(request: UploadRequest) -> Json:
    """Return the request as JSON; it holds no secret by its type."""
    last_sync = request.last_sync
    return {
        "instance_url": request.address.instance_url,
        "web_url": request.address.web_url,
        "space": request.space,
        "incremental": request.incremental,
        "use_ocr": request.use_ocr,
        "processor_mode": request.processor_mode.value,
        "rezolve_domain": request.rezolve_domain,
        "restriction": content_restriction_to_json(request.restriction),
        "last_sync": last_sync.isoformat() if last_sync else None,
        "sync_configuration_id": request.sync_configuration_id,
        "retry_of": request.retry_of,
        "settings": settings_to_json(request.settings),
        "site": request.site,
    }


def request_from_json(stored: Mapping[str, Any]) -> UploadRequest:
    """Return the request that :func:`request_to_json` wrote; older ones know no retries, settings or site."""
    last_sync = stored["last_sync"]
    return UploadRequest(
        address=SiteAddress(stored["instance_url"], stored["web_url"]),
        space=SpaceKey(stored["space"]),
        incremental=stored["incremental"],
        use_ocr=stored["use_ocr"],
        processor_mode=ProcessorMode(stored["processor_mode"]),
        rezolve_domain=stored["rezolve_domain"],
        restriction=content_restriction_from_json(stored["restriction"]),
        last_sync=datetime.fromisoformat(last_sync) if last_sync else None,
        sync_configuration_id=stored["sync_configuration_id"],
        retry_of=stored.get("retry_of"),
        settings=settings_from_json(stored.get("settings", {})),
        site=stored.get("site"),
    )


def settings_to_json(settings: SyncSettings) -> Json:
    """Return what was set, by name; what was left open is absent."""
    left_open = asdict(SyncSettings())
    return {
        name: _plain(value) for name, value in asdict(settings).items() if value != left_open[name]
    }


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def settings_from_json(stored: Mapping[str, Any]) -> SyncSettings:
    """Return the settings that :func:`settings_to_json` wrote."""
    return SyncSettings(
        content_types=frozenset(DocumentKind(kind) for kind in stored.get("content_types", ())),
        include_labels=frozenset(stored.get("include_labels", ())),
        exclude_labels=frozenset(stored.get("exclude_labels", ())),
        root_pages=frozenset(ContentId(page) for page in stored.get("root_pages", ())),
        chunk_tokens=stored.get("chunk_tokens"),
        chunk_overlap=stored.get("chunk_overlap"),
        attachment_types=frozenset(stored.get("attachment_types", ())),
        max_attachment_bytes=stored.get("max_attachment_bytes"),
        ocr_languages=tuple(stored.get("ocr_languages", ())),
        concurrency=stored.get("concurrency"),
        include_archived=stored.get("include_archived", False),
        schedule=stored.get("schedule"),
    )


def content_restriction_to_json(restriction: ContentRestriction) -> Json:
    """Return who may retrieve a space's content, as JSON."""
    return {
        "audience": list(restriction.audience),
        "blacklisted": restriction.blacklisted,
        "source_restriction": restriction.source_restriction,
    }


def content_restriction_from_json(stored: Mapping[str, Any]) -> ContentRestriction:
    """Return what :func:`content_restriction_to_json` wrote."""
    return ContentRestriction(
        audience=tuple(stored["audience"]),
        blacklisted=stored["blacklisted"],
        source_restriction=stored["source_restriction"],
    )


def progress_to_json(progress: Progress) -> Json:
    """Return the counters as JSON, by their names."""
    return {
        "documents": asdict(progress.documents),
        "attachments": asdict(progress.attachments),
        "chunks": asdict(progress.chunks),
        "ocr_pages": progress.ocr_pages,
        "bytes_fetched": progress.bytes_fetched,
        "requests": progress.requests,
        "skipped": dict(progress.skipped),
        "losses": dict(progress.losses),
        "lossiest": [[item.title, item.lost] for item in progress.lossiest],
    }


def progress_from_json(stored: Mapping[str, Any]) -> Progress:
    """Return the counters that :func:`progress_to_json` wrote; one added since counts from zero."""
    return Progress(
        documents=DocumentCounts(**stored["documents"]),
        attachments=DocumentCounts(**stored["attachments"]),
        chunks=ChunkCounts(**stored["chunks"]),
        ocr_pages=stored["ocr_pages"],
        bytes_fetched=stored["bytes_fetched"],
        requests=stored["requests"],
        skipped=dict(stored["skipped"]),
        losses=dict(stored["losses"]),
        lossiest=tuple(LossyDocument(*item) for item in stored.get("lossiest", ())),
    )


def restriction_to_json(restriction: Restriction) -> Json | None:
    """Return a page's own restriction as JSON; ``None`` for one that restricts nobody."""
    if restriction.is_open:
        return None
    return {
        "account_ids": sorted(restriction.account_ids),
        "emails": sorted(restriction.emails),
        "groups": sorted(restriction.groups),
        "readable": restriction.readable,
    }


def restriction_from_json(stored: Mapping[str, Any] | None) -> Restriction:
    """Return the restriction that :func:`restriction_to_json` wrote."""
    if stored is None:
        return Restriction()
    return Restriction(
        account_ids=frozenset(stored["account_ids"]),
        emails=frozenset(stored["emails"]),
        groups=frozenset(stored["groups"]),
        readable=stored["readable"],
    )


def clauses_to_json(clauses: Iterable[Clause]) -> list[list[str]]:
    """Return clauses as lists of principals; the empty list, which admits nobody, stays one."""
    return [sorted(clause) for clause in clauses]


def clauses_from_json(stored: Iterable[Iterable[str]]) -> tuple[Clause, ...]:
    """Return the clauses that :func:`clauses_to_json` wrote."""
    return tuple(frozenset(Principal(name) for name in clause) for clause in stored)
