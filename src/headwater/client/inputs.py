"""What callers give: a Confluence account, an upload, and the settings of a sync configuration."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Login:
    """A Confluence and the account that reads it; an empty ``username`` sends the token as a bearer.

    ``web_url_instance``, the base of every link, is derived where it is empty.
    """

    instance_url: str
    username: str
    api_token: str = field(repr=False)
    web_url_instance: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the contract's authorization object."""
        return {
            "instance_url": self.instance_url,
            "web_url_instance": self.web_url_instance or derive_web_url(self.instance_url),
            "username": self.username,
            "api_token": self.api_token,
        }


def derive_web_url(instance_url: str) -> str:
    """Return the web base that belongs to a REST URL: the same without ``/rest/api``."""
    base = instance_url.rstrip("/").removesuffix("/rest/api").removesuffix("/api/v2")
    is_bare_cloud = base.endswith(".atlassian.net")
    return f"{base}/wiki" if is_bare_cloud else base


def new_job_id() -> str:
    """Return a name that no job has yet."""
    return f"job-{uuid4()}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A space to bring in, or up to date, and who may retrieve it.

    ``source_restriction`` has no default: whether Confluence's own read restrictions apply is for
    the caller to say. ``audience`` names the groups who may retrieve. ``configuration`` is the id of
    the sync configuration to follow. ``job_id`` names the job; one is made up where none is given, so
    that an upload whose answer was lost can be repeated without starting a second job.
    """

    login: Login
    space: str
    source_restriction: bool = field(kw_only=True)
    incremental: bool = True
    audience: Sequence[str] = ("all",)
    blacklisted: bool = False
    use_ocr: bool = False
    configuration: str = ""
    last_sync: datetime | None = None
    job_id: str = field(default_factory=new_job_id)

    def to_json(self) -> dict[str, Any]:
        """Return the contract's upload body, but for the tenant."""
        return {
            "authorization": self.login.to_json(),
            "content_restriction": {
                "audience": list(self.audience),
                "blacklisted": self.blacklisted,
                "source_restriction": self.source_restriction,
            },
            "sync_config": {
                "sync_configuration_id": self.configuration,
                "incremental": self.incremental,
                "last_sync": self.last_sync.isoformat() if self.last_sync else "",
                "processor_mode": "manual" if self.configuration else "auto",
                "use_ocr": self.use_ocr,
            },
            "space": self.space,
            "job_id": self.job_id,
        }


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a sync configuration; an empty list and ``None`` leave a choice to the server."""

    content_types: Sequence[str] = ()
    include_labels: Sequence[str] = ()
    exclude_labels: Sequence[str] = ()
    root_pages: Sequence[str] = ()
    chunk_tokens: int | None = None
    chunk_overlap: int | None = None
    attachment_types: Sequence[str] = ()
    max_attachment_bytes: int | None = None
    ocr_languages: Sequence[str] = ()
    concurrency: int | None = None
    include_archived: bool = False
    schedule: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's settings object."""
        return {name: _as_list(value) for name, value in asdict(self).items()}


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else value
