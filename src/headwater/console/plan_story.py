"""A plan as a page tells it: what would become of how many documents, and what it would take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from headwater.services.plans import PlannedDocument, UploadPlan

_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "added": ("Added", "New in the knowledge base."),
    "updated": ("Updated", "Read and embedded again, as far as their text has changed."),
    "metadata_only": ("Facts only", "Moved, relabelled or restricted anew; nothing is embedded."),
    "deleted": ("Removed", "Gone from Confluence, or kept out by your settings."),
    "held": ("Held", "Missing all at once: they stay until somebody approves."),
    "skipped": (
        "Skipped",
        "Formats that are not read, and what your settings leave out: that goes if it was in.",
    ),
    "unchanged": ("Unchanged", "As they are; nothing is read."),
}


class PlannedOutcome(NamedTuple):
    """What would become of some documents, and the first of them by name."""

    title: str
    meaning: str
    pages: int
    files: int
    samples: Sequence[PlannedDocument]


@dataclass(frozen=True, slots=True)
class PlanStory:
    """A plan as a page tells it; ``outcomes`` are those that occur."""

    plan: UploadPlan
    outcomes: tuple[PlannedOutcome, ...]

    @property
    def is_idle(self) -> bool:
        """Whether everything is in step already."""
        both = self.plan.documents + self.plan.attachments
        return not (both.added + both.updated + both.metadata_only + both.deleted + both.held)


def tell_plan(plan: UploadPlan) -> PlanStory:
    """Return what is told about a plan."""
    told = (
        PlannedOutcome(
            title,
            meaning,
            getattr(plan.documents, name),
            getattr(plan.attachments, name),
            plan.samples.get(name, ()),
        )
        for name, (title, meaning) in _OUTCOMES.items()
    )
    return PlanStory(plan, tuple(item for item in told if item.pages or item.files))
