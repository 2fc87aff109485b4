"""What the gathering step hands to the later steps of its job, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from headwater.domain.content import Space, SpaceStatus, SpaceType
from headwater.domain.ids import SiteId, SpaceId, SpaceKey


@dataclass(frozen=True, slots=True)
class Survey:
    """Which space was read, whether its listing is proven complete, and what is worth saying."""

    site: SiteId
    space: Space
    complete: bool
    attachments_complete: bool = True
    comments_complete: bool = True
    notes: tuple[str, ...] = ()
    is_retry: bool = False
    """Whether only what failed before is processed: then nothing is deleted, nothing proven complete."""

    @property
    def is_whole(self) -> bool:
        """Whether every listing reached its own last page."""
        return self.complete and self.attachments_complete and self.comments_complete

    def to_plain(self) -> dict[str, object]:
        """Return the survey as JSON values."""
        return {
            "site": self.site,
            "space": asdict(self.space),
            "complete": self.complete,
            "attachments_complete": self.attachments_complete,
            "comments_complete": self.comments_complete,
            "notes": list(self.notes),
            "is_retry": self.is_retry,
        }


def survey_from_plain(plain: Mapping[str, object]) -> Survey:
    """Return the survey that ``to_plain`` wrote."""
    space = plain["space"]
    notes = plain["notes"]
    if not isinstance(space, Mapping) or not isinstance(notes, list):
        raise TypeError("not a survey")
    return Survey(
        site=SiteId(str(plain["site"])),
        space=Space(
            id=SpaceId(space["id"]),
            key=SpaceKey(space["key"]),
            name=space["name"],
            type=SpaceType(space["type"]),
            status=SpaceStatus(space["status"]),
        ),
        complete=bool(plain["complete"]),
        attachments_complete=bool(plain["attachments_complete"]),
        comments_complete=bool(plain["comments_complete"]),
        notes=tuple(str(note) for note in notes),
        is_retry=bool(plain.get("is_retry", False)),
    )
