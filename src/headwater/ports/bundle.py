"""What is left, and everything a service may use in one value."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from headwater.domain.ids import (
    JobId,
)
from headwater.domain.jobs import (
    JobRef,
)
from headwater.ports.catalog import Catalog, CredentialStore, JobStore, WorkList
from headwater.ports.confluence import SourceFactory
from headwater.ports.extraction import Extractor
from headwater.ports.index import Embedder, VectorStore
from headwater.ports.library import Library
from headwater.ports.removal import DeletionStore, Inventory
from headwater.ports.schedules import ScheduleStore
from headwater.ports.sessions import SessionStore
from headwater.ports.settings import BlacklistStore, SyncConfigurationStore
from headwater.ports.tracing import NO_TRACES, Tracer

Probe = Callable[[], Awaitable[str | None]]
"""Tries something: returns what is worth saying of it, or raises a ``HeadwaterError`` that says what to do."""


class SecretBox(Protocol):
    """Authenticated encryption with keys that can be rotated."""

    def seal(self, plain: bytes) -> bytes: ...

    def open(self, sealed: bytes) -> bytes:
        """Raise ``ConfigError`` when no present key opens it."""

    def reseal(self, sealed: bytes) -> bytes:
        """Return the same content sealed with the first key; ``ConfigError`` as :meth:`open`."""


class JobQueue(Protocol):
    """Durable execution. Enqueuing the same job twice starts it once."""

    async def enqueue(self, ref: JobRef) -> None:
        """See that a stored job is executed when its turn comes."""

    async def check(self) -> None:
        """Raise unless jobs can be stored."""


async def _find_room() -> None:
    """Find room, as where nothing is kept."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a service may use."""

    sources: SourceFactory
    """For calls that somebody waits for: gives up soon."""
    patient_sources: SourceFactory
    """For jobs: waits as long as Confluence asks for, within reason."""
    embedder: Embedder
    extractor: Extractor
    store: VectorStore
    catalog: Catalog
    jobs: JobStore
    credentials: CredentialStore
    work: WorkList
    configurations: SyncConfigurationStore
    blacklist: BlacklistStore
    schedules: ScheduleStore
    inventory: Inventory
    library: Library
    deletions: DeletionStore
    sessions: SessionStore
    secret_box: SecretBox
    queue: JobQueue
    now: Callable[[], datetime]
    new_job_id: Callable[[], JobId]
    tracer: Tracer = NO_TRACES
    probes: Mapping[str, Probe] = field(default_factory=dict)
    """What else has to work for this process, by name."""
    check_room: Probe = _find_room
    """Raises ``BackendAwayError`` while there is too little room for jobs to go on."""
    max_open_jobs: int = 1000
    """Of one tenant."""
