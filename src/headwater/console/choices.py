"""How a space is to be brought in: what a form says, as an upload, and back into the next form."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from headwater.console.forms import Form
from headwater.domain.errors import InvalidInputError
from headwater.domain.ids import SpaceKey
from headwater.domain.jobs import (
    ContentRestriction,
    Job,
    ProcessorMode,
    SiteAddress,
    UploadRequest,
)
from headwater.domain.settings import SyncConfigurationId
from headwater.pipeline.cron import is_cron

MAX_GROUPS: Final = 1_000
MAX_NAME: Final = 1_000
OWN: Final = "own"
SCHEDULES: Final[Mapping[str, str]] = {
    "": "Only when somebody asks",
    "0 * * * *": "Every hour",
    "0 3 * * *": "Every night at 03:00 UTC",
    "0 3 * * 1": "Every Monday at 03:00 UTC",
    OWN: "At times of my own",
}
RECORDED: Final = "console"
"""What is recorded as the domain of an upload that was asked for here."""

_OWN_CONFIGURATIONS: Final = "console:"
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose for a space. The defaults let nobody read more than in Confluence."""

    audience: tuple[str, ...] = ()
    source_restriction: bool = True
    blacklisted: bool = True
    use_ocr: bool = False
    incremental: bool = True
    settings: str = ""
    """The sync configuration to follow, its schedule included; empty leaves the settings to Headwater."""
    schedule: str = ""
    """Five cron fields; empty for none."""

    @property
    def chosen_schedule(self) -> str:
        """Which entry of :data:`SCHEDULES` this is."""
        return self.schedule if self.schedule in SCHEDULES else OWN

    @property
    def own_times(self) -> str:
        """What stands beside the choice of one's own times."""
        return self.schedule if self.chosen_schedule == OWN else ""

    def to_fields(self) -> Iterator[tuple[str, str]]:
        """Yield the form's fields that say the same again."""
        yield "audience", "\n".join(self.audience)
        yield "settings", self.settings
        yield "schedule", OWN
        yield "cron", self.schedule
        for name in ("source_restriction", "blacklisted", "use_ocr", "incremental"):
            if getattr(self, name):
                yield name, "yes"

    def to_upload(self, address: SiteAddress, space: SpaceKey) -> UploadRequest:
        """Return the upload that was chosen."""
        return UploadRequest(
            address=address,
            space=space,
            incremental=self.incremental,
            use_ocr=self.use_ocr,
            processor_mode=ProcessorMode.MANUAL if self.settings else ProcessorMode.AUTO,
            rezolve_domain=RECORDED,
            restriction=ContentRestriction(
                self.audience,
                blacklisted=self.blacklisted,
                source_restriction=self.source_restriction,
            ),
            sync_configuration_id=self.settings or name_configuration(address, space),
        )


def read_choices(form: Form) -> Choices:
    """Return what a form says, whether it can be used or not."""
    chosen = form.text("schedule")
    return Choices(
        audience=form.lines("audience"),
        source_restriction=form.has("source_restriction"),
        blacklisted=form.has("blacklisted"),
        use_ocr=form.has("use_ocr"),
        incremental=form.has("incremental"),
        settings=form.text("settings"),
        schedule=" ".join(form.text("cron").split()) if chosen == OWN else chosen,
    )


def check_choices(choices: Choices) -> None:
    """Raise ``InvalidInputError``, at its field, for what cannot be used."""
    if len(choices.audience) > MAX_GROUPS:
        raise InvalidInputError(("audience",), f"These are more than {MAX_GROUPS} groups.")
    if any(len(name) > MAX_NAME or not name.isprintable() for name in choices.audience):
        raise InvalidInputError(("audience",), "Give names of groups, one a line, in plain text.")
    if choices.schedule and not is_cron(choices.schedule):
        raise InvalidInputError(
            ("cron",),
            "Give five fields: minute, hour, day, month, weekday, in UTC. 30 6 * * 1-5 is half past six"
            " on working days.",
        )


def recall_choices(before: Job | None, schedule: str | None) -> Choices:
    """Return what was chosen last: by the space's latest job, and by its schedule."""
    if before is None:
        return Choices(schedule=schedule or "")
    request = before.request
    is_manual = request.processor_mode is ProcessorMode.MANUAL
    return Choices(
        audience=request.restriction.audience,
        source_restriction=request.restriction.source_restriction,
        blacklisted=request.restriction.blacklisted,
        use_ocr=request.use_ocr,
        settings=(request.sync_configuration_id or "") if is_manual else "",
        schedule=schedule or "",
    )


def list_settings(ids: Iterable[str]) -> list[str]:
    """Return the sync configurations that somebody may choose: not those that only keep a schedule."""
    return [name for name in ids if not name.startswith(_OWN_CONFIGURATIONS)]


def name_configuration(address: SiteAddress, space: SpaceKey) -> SyncConfigurationId:
    """Return the name under which the console keeps a space's schedule: one for each site and space."""
    site = hashlib.sha256(f"{address.web_url}\n{space}".encode()).hexdigest()[:8]
    return SyncConfigurationId(f"{_OWN_CONFIGURATIONS}{_NOT_IN_NAMES.sub('-', space)[:100]}:{site}")
