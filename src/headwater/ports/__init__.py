"""What the services need from the outside, in our words. Adapters implement these; nothing here does I/O.

Every call that touches stored data takes a :class:`~headwater.domain.ids.TenantId`,
a :class:`~headwater.domain.jobs.JobRef` or a :class:`~headwater.domain.ids.Namespace`, each of which
holds the tenant; no call has a default for it.
"""

from headwater.ports.bundle import (
    JobQueue,
    Ports,
    SecretBox,
)
from headwater.ports.catalog import (
    Catalog,
    CatalogEntry,
    CredentialStore,
    FailurePage,
    JobPage,
    JobStore,
    KnownSpace,
    ListedCounts,
    OpenJob,
    SealedCredential,
    WorkList,
)
from headwater.ports.confluence import (
    Ancestor,
    Capability,
    ContentPage,
    ContentStatus,
    FetchedPage,
    LookedUp,
    Source,
    SourceFactory,
    SourceOptions,
    SpaceReaders,
    Traffic,
)
from headwater.ports.extraction import (
    AttachmentFile,
    Extraction,
    ExtractionPolicy,
    Extractor,
)
from headwater.ports.index import (
    Embedder,
    EmbeddingKind,
    HybridQuery,
    Record,
    StoreBatch,
    StoreCounts,
    StoredDocument,
    StoreFilter,
    StoreLedger,
    Vector,
    VectorStore,
)
from headwater.ports.library import (
    ChildCount,
    Holding,
    Lag,
    Leaf,
    Library,
    LossCount,
    Position,
)
from headwater.ports.removal import DeletionStore, FailedDocument, HeldDocument, Inventory
from headwater.ports.schedules import ScheduleStore
from headwater.ports.sessions import SessionStore, StoredSession
from headwater.ports.settings import BlacklistStore, SyncConfigurationStore

__all__ = [
    "Ancestor",
    "AttachmentFile",
    "BlacklistStore",
    "Capability",
    "Catalog",
from headwater.ports.workers import SeatBook, SitePace, SitePaceBook
    "CatalogEntry",
    "ChildCount",
    "ContentPage",
    "ContentStatus",
    "CredentialStore",
    "DeletionStore",
    "Embedder",
    "EmbeddingKind",
    "Extraction",
    "ExtractionPolicy",
    "Extractor",
    "FailedDocument",
    "FailurePage",
    "FetchedPage",
    "HeldDocument",
    "Holding",
    "HybridQuery",
    "Inventory",
    "JobPage",
    "JobQueue",
    "JobStore",
    "KnownSpace",
    "Lag",
    "Leaf",
    "Library",
    "ListedCounts",
    "LookedUp",
    "LossCount",
    "OpenJob",
    "Ports",
    "Position",
    "Record",
    "ScheduleStore",
    "SealedCredential",
    "SecretBox",
    "SessionStore",
    "Source",
    "SourceFactory",
    "SourceOptions",
    "SpaceReaders",
    "StoreBatch",
    "StoreCounts",
    "StoreFilter",
    "StoreLedger",
    "StoredDocument",
    "StoredSession",
    "SyncConfigurationStore",
    "Traffic",
    "Vector",
    "VectorStore",
    "SeatBook",
    "WorkList",
]
    "SitePace",
    "SitePaceBook",
