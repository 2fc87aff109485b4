"""What clients read of deletions and of what is in."""

from datetime import datetime
from typing import Self

from pydantic import Field

from headwater.api.views import Time, View
from headwater.services.deletion import ListReceipt, Receipt


class ReceiptDataView(View):
    """What was removed."""

    source_url: str
    documents_deleted: int = Field(description="Searchable pages, posts and attachments.")
    vectors_removed: int
    deleted_at: Time


class ReceiptView(View):
    """Answer of ``delete``: a receipt."""

    success: bool
    message: str
    data: ReceiptDataView
    timestamp: Time

    @classmethod
    def of(cls, source_url: str, receipt: Receipt, now: datetime) -> Self:
        """Show a receipt."""
        return cls(
            success=True,
            message=f"{receipt.documents} document(s) with {receipt.vectors} vector(s) deleted",
            data=ReceiptDataView(
                source_url=source_url,
                documents_deleted=receipt.documents,
                vectors_removed=receipt.vectors,
                deleted_at=receipt.deleted_at,
            ),
            timestamp=now,
        )


class RefusedView(View):
    """A vector id or link that named nothing."""

    id: str
    error: str


class ListReceiptView(View):
    """Answer of the platform's ``delete``."""

    successful: list[str] = Field(description="The ids of all vectors that were removed.")
    failed: list[RefusedView]

    @classmethod
    def of(cls, receipt: ListReceipt) -> Self:
        """Show what became of a list."""
        return cls(
            successful=list(receipt.successful),
            failed=[RefusedView.model_validate(item) for item in receipt.failed],
        )


class VectorMetadataView(View):
    """What is known of a document beside its text."""

    author: str | None = Field(description="Confluence's id of who wrote it.")
    created_at: Time | None
    modified_at: Time
    file_type: str | None = Field(description="`page`, `blogpost`, or a file's media type.")
    file_size: int | None = Field(description="Bytes of a file; null for pages and posts.")


class VectorDocumentView(View):
    """A document that is in."""

    id: str
    title: str
    source_url: str
    platform_type: str
    chunk_count: int
    metadata: VectorMetadataView
    ingested_at: Time | None


class VectorsDataView(View):
    """What is in."""

    documents: list[VectorDocumentView]
    total: int
    platform_type: str


class VectorsView(View):
    """Answer of ``get-vectors``."""

    success: bool
    message: str
    data: VectorsDataView
    timestamp: Time


class FailedFileView(View):
    """A document whose last attempt failed."""

    file_id: str
    file_name: str
    source_url: str
    error_type: str
    error_message: str
    failed_at: Time
    retry_count: int


class FailedFilesDataView(View):
    """What failed and has not come in since."""

    failed_files: list[FailedFileView]
    total: int
    platform_type: str


class FailedFilesView(View):
    """Answer of ``failed-files``."""

    success: bool
    message: str
    data: FailedFilesDataView
    timestamp: Time
