"""The composition root: settings in, open ports out. The only place that picks adapters.

An adapter is imported where it is opened: their SDKs take seconds to load, and neither a command that
calls a running server nor ``--help`` needs any of them.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from pydantic import SecretStr

from headwater.adapters.confluence.factory import ConfluenceSources
from headwater.adapters.confluence.patience import PATIENT, PROMPT, Patience, Timing
from headwater.adapters.confluence.sites import Governors
from headwater.adapters.disk import check_disk
from headwater.adapters.embedders.metered import MeteredEmbedder
from headwater.adapters.heap import bound_heap
from headwater.adapters.keys import load_or_create_key
from headwater.adapters.occupancy import occupy
from headwater.adapters.reader_filters import ReaderFilters
from headwater.adapters.secret_box import FernetSecretBox
from headwater.config import Settings
from headwater.domain.errors import ConfigError
from headwater.domain.ids import JobId
from headwater.domain.secrets import Secret
from headwater.ports import (
    CredentialStore,
    Embedder,
    Extractor,
    JobQueue,
    Ports,
    Probe,
    SecretBox,
    VectorStore,
)
from headwater.vectors import open_embedder, open_vector_store

if TYPE_CHECKING:
    from headwater.adapters.catalog.stores import CatalogStores
    from headwater.adapters.tokens.callers import Authenticator
    from headwater.adapters.tokens.verification import Trust
    from headwater.jobs.engine import JobEngine

PRIVATE: Final = 0o700


def prepare_settings(settings: Settings) -> Settings:
    """Make the data dir and fill in the keys that nobody set; ``ConfigError`` if that cannot be.

    With a database server nothing is filled in: each machine would invent its own, so that tokens and
    stored credentials of one would be worth nothing on the next.
    """
    make_data_dir(settings.data_dir)
    missing = _list_missing_keys(settings)
    if missing and _has_server(settings):
        raise ConfigError(
            f"{' and '.join(missing.values())}: needed with Postgres in HEADWATER_DATABASE_URL; give"
            " every process the same"
        )
    keys = {name: load_or_create_key(settings.data_dir / name) for name in missing}
    invented: dict[str, object] = {}
    if "jwt-secret" in keys:
        invented["jwt_secret"] = SecretStr(keys["jwt-secret"])
    if "secret-key" in keys:
        invented["secret_key"] = (SecretStr(keys["secret-key"]),)
    return settings.model_copy(update=invented)


def _list_missing_keys(settings: Settings) -> dict[str, str]:
    """Return the files of the keys that nobody set, and the variables that would set them."""
    missing = {}
    if not (settings.jwt_secret or settings.jwt_jwks_url or settings.jwt_public_key):
        missing["jwt-secret"] = (
            "one of HEADWATER_JWT_SECRET, HEADWATER_JWT_JWKS_URL, HEADWATER_JWT_PUBLIC_KEY"
        )
    if not settings.secret_key:
        missing["secret-key"] = "HEADWATER_SECRET_KEY"
    return missing


@asynccontextmanager
async def open_ports(
    settings: Settings,
    *,
    embedder: Embedder | None = None,
    store: VectorStore | None = None,
    executes: bool = True,
) -> AsyncGenerator[Ports, None]:
    """Open everything, execute stored jobs, and close it all again at the end.

    ``settings`` come from :func:`prepare_settings`. An ``embedder`` or ``store`` takes the place
    of the one they name, and stays the caller's to close. Without ``executes`` stored jobs are left
    to other processes. Raises ``ConfigError`` where something cannot be opened as configured.
    """
    from headwater.jobs.elsewhere import JobsElsewhere, share_sites  # noqa: PLC0415

    bound_heap()
    async with AsyncExitStack() as stack:
        ports, engine, governors = await _open_all(settings, stack, embedder, store)
        if not executes:
            folder = None if _has_server(settings) else _find_jobs(settings)
            await stack.enter_async_context(share_sites(governors, folder))
            yield replace(ports, queue=JobsElsewhere())
            return
        stack.push_async_callback(engine.stop)
        await engine.start(ports)
        yield ports


async def _open_all(
    settings: Settings,
    stack: AsyncExitStack,
    embedder: Embedder | None,
    store: VectorStore | None,
) -> "tuple[Ports, JobEngine, Governors]":
    from headwater.jobs.engine import JobEngine  # noqa: PLC0415
    from headwater.jobs.seats import read_watch  # noqa: PLC0415

    stack.enter_context(occupy(settings.data_dir))
    stores = await _open_catalog(settings, stack)
    embedder = embedder or await open_embedder(settings, stack)
    store = store or await open_vector_store(settings, stack, stores, embedder)
    extractor = _open_extractor(stack)
    embedder = MeteredEmbedder(embedder)
    database_url = _database_url(settings) if _has_server(settings) else None
    book = stores.seats if database_url else None
    governors = Governors(Timing(watch=read_watch), book=stores.paces)
    engine = JobEngine(_find_jobs(settings), database_url, book, sites=governors)
    ports = _assemble(
        settings,
        stores,
        governors,
        embedder=embedder,
        extractor=extractor,
        store=store,
        queue=engine,
    )
    return await _trace(settings, ports, stack), engine, governors


def _find_jobs(settings: Settings) -> Path:
    return settings.data_dir / "jobs"


async def _trace(settings: Settings, ports: Ports, stack: AsyncExitStack) -> Ports:
    """Return the ports with spans around what they do, if the settings want traces."""
    if settings.traces_url is None:
        return ports
    from headwater.adapters.tracing.opening import open_tracer  # noqa: PLC0415
    from headwater.adapters.tracing.watching import watch_ports  # noqa: PLC0415

    return watch_ports(ports, await stack.enter_async_context(open_tracer(settings.traces_url)))


@asynccontextmanager
async def open_vault(settings: Settings) -> AsyncGenerator[tuple[CredentialStore, SecretBox], None]:
    """Open the stored credentials and the keys that open them, and nothing else."""
    async with AsyncExitStack() as stack:
        stack.enter_context(occupy(settings.data_dir))
        stores = await _open_catalog(settings, stack)
        yield stores.credentials, _make_secret_box(settings)


@asynccontextmanager
async def open_filters(settings: Settings) -> AsyncGenerator[ReaderFilters, None]:
    """Open what hands filters to tools that read the vector store themselves, and nothing else."""
    async with AsyncExitStack() as stack:
        stores = await _open_catalog(settings, stack)
        yield ReaderFilters(stores.catalog, stores.generations)


def make_authenticator(settings: Settings) -> "Authenticator":
    """Return what tells who calls; ``ConfigError`` unless the settings name exactly one key."""
    from headwater.adapters.tokens.callers import Authenticator, ClaimNames  # noqa: PLC0415
    from headwater.adapters.tokens.verification import make_verifier  # noqa: PLC0415

    names = ClaimNames(settings.jwt_tenant_claim, settings.jwt_groups_claim)
    return Authenticator(make_verifier(_make_trust(settings)), names)


def make_probes(settings: Settings) -> Mapping[str, Probe]:
    """Return what has to work beside the stores, by name."""
    from headwater.adapters.tokens.probing import TokenProbe  # noqa: PLC0415

    return {
        "disk": partial(check_disk, settings.data_dir),
        "tokens": TokenProbe(_make_trust(settings)),
    }


def _make_trust(settings: Settings) -> "Trust":
    from headwater.adapters.tokens.verification import Trust  # noqa: PLC0415

    secret = settings.jwt_secret
    return Trust(
        secret=Secret(secret.get_secret_value()) if secret else None,
        jwks_url=settings.jwt_jwks_url,
        public_key=settings.jwt_public_key,
        algorithms=settings.jwt_algorithms,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )


def find_catalog_file(settings: Settings) -> Path | None:
    """Return the file of the catalog; ``None`` where a database server keeps it."""
    from headwater.adapters.catalog.engine import find_file, parse_url  # noqa: PLC0415

    return find_file(parse_url(_database_url(settings)))


def make_sources(
    settings: Settings, patience: Patience = PROMPT, governors: Governors | None = None
) -> ConfluenceSources:
    """Return what opens Confluence sites under these settings, paced by the given governors."""
    return ConfluenceSources(
        allowed_private_hosts=settings.allowed_private_hosts,
        patience=patience,
        governors=governors,
    )


def _assemble(
    settings: Settings,
    stores: "CatalogStores",
    governors: Governors,
    *,
    embedder: Embedder,
    extractor: Extractor,
    store: VectorStore,
    queue: JobQueue,
) -> Ports:
    return Ports(
        sources=make_sources(settings, governors=governors),
        patient_sources=make_sources(settings, PATIENT, governors),
        embedder=embedder,
        extractor=extractor,
        store=store,
        catalog=stores.catalog,
        jobs=stores.jobs,
        credentials=stores.credentials,
        work=stores.work,
        configurations=stores.configurations,
        blacklist=stores.blacklist,
        schedules=stores.schedules,
        inventory=stores.inventory,
        library=stores.library,
        deletions=stores.deletions,
        sessions=stores.sessions,
        secret_box=_make_secret_box(settings),
        queue=queue,
        now=_now,
        new_job_id=_new_job_id,
        probes=make_probes(settings),
        check_room=partial(check_disk, settings.data_dir),
        max_open_jobs=settings.max_open_jobs_per_tenant,
    )


def _make_secret_box(settings: Settings) -> FernetSecretBox:
    return FernetSecretBox([key.get_secret_value() for key in settings.secret_key])


async def _open_catalog(settings: Settings, stack: AsyncExitStack) -> "CatalogStores":
    from headwater.adapters.catalog.stores import open_catalog  # noqa: PLC0415

    stores = await open_catalog(_database_url(settings))
    stack.push_async_callback(stores.close)
    return stores


def _open_extractor(stack: AsyncExitStack) -> Extractor:
    from headwater.adapters.extraction.pool import ProcessExtractor  # noqa: PLC0415

    extractor = ProcessExtractor()
    stack.push_async_callback(extractor.close)
    return extractor


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        return f"sqlite:///{settings.data_dir / 'catalog.db'}"
    return settings.database_url.get_secret_value()


def _has_server(settings: Settings) -> bool:
    """Tell whether the catalog is on a server, which processes of several machines share."""
    return settings.database_url is not None and find_catalog_file(settings) is None


def make_data_dir(path: Path) -> None:
    """Make the data dir, readable by its owner only; ``ConfigError`` if that cannot be."""
    try:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"HEADWATER_DATA_DIR: cannot make {path}: {error.strerror}; choose a writable folder"
        ) from error


def _now() -> datetime:
    return datetime.now(UTC)


def _new_job_id() -> JobId:
    return JobId(f"job-{uuid4()}")
