"""What clients read of a plan."""

from datetime import datetime
from typing import Self

from pydantic import Field

from headwater.api.views import Time, View
from headwater.services.plans import UploadPlan


class PlannedCountsView(View):
    """Documents by what would become of them."""

    added: int
    updated: int
    metadata_only: int
    deleted: int
    held: int
    unchanged: int
    skipped: int


class PlannedDocumentView(View):
    """One document that would be acted on."""

    document_id: str
    title: str
    source_url: str


class PlanDataView(View):
    """What an upload would do, and about what it would cost."""

    documents: PlannedCountsView = Field(description="Pages and blog posts.")
    attachments: PlannedCountsView
    chunks_to_embed: int = Field(description="Estimated from a sample of the changed pages.")
    tokens: int
    requests: int
    ocr_pages: int = Field(description="Images; scans inside files show when they are read.")
    estimated_seconds: float
    samples: dict[str, list[PlannedDocumentView]] = Field(description="The first twenty of each.")
    notes: list[str] = Field(description="What the job would say beside its counts.")


class PlanView(View):
    """Answer of ``plan``."""

    success: bool
    data: PlanDataView
    timestamp: Time

    @classmethod
    def of(cls, plan: UploadPlan, now: datetime) -> Self:
        """Show a plan."""
        data = PlanDataView(
            documents=PlannedCountsView.model_validate(plan.documents),
            attachments=PlannedCountsView.model_validate(plan.attachments),
            chunks_to_embed=plan.cost.chunks,
            tokens=plan.cost.tokens,
            requests=plan.cost.requests,
            ocr_pages=plan.cost.ocr_pages,
            estimated_seconds=round(plan.cost.seconds, 1),
            samples={
                name: [PlannedDocumentView.model_validate(item) for item in items]
                for name, items in plan.samples.items()
            },
            notes=list(plan.notes),
        )
        return cls(success=True, data=data, timestamp=now)
