"""``headwater backup`` and ``headwater restore``: the data dir as one file, and back."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from headwater.bootstrap import find_catalog_file, make_data_dir
from headwater.cli.options import Json
from headwater.cli.output import console, ending_on_errors, print_json, stderr
from headwater.config import Settings, VectorStoreKind, load_settings

if TYPE_CHECKING:
    from headwater.adapters.backup.manifest import Manifest

NO_CATALOG: Final = (
    "the catalog and the jobs are in Postgres and not in this archive: run pg_dump first, then this"
)
NO_VECTORS: Final = "the vectors are in Pinecone and not in this archive"
NO_KEYS: Final = (
    "the generated keys are not in this archive: without them a restore elsewhere cannot open stored"
    " Confluence credentials; --keys takes them along"
)
HAS_KEYS: Final = "the archive holds the keys that open stored Confluence credentials: guard it as you would those"
GO_ON: Final = (
    "start the service and sync each space: until then rights and content are those of the backup"
)
NO_STORED_KEYS: Final = (
    "no keys were in the archive: unless the settings name the old ones, open jobs and schedules need"
    " their credentials again"
)


def backup(
    target: Annotated[
        Path | None,
        typer.Argument(help="The new archive; default: headwater-TIME.tar in this folder."),
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Take the generated keys along: guard the archive.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Write the data dir's state of this moment into one file; the service may be running."""
    from headwater.adapters.backup.taking import BackupSource, take_backup  # noqa: PLC0415

    path = target or Path(f"headwater-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar")
    with ending_on_errors():
        settings = load_settings()
        source = BackupSource(settings.data_dir, find_catalog_file(settings), with_keys=keys)
        manifest = take_backup(source, path, headwater=version("headwater"), now=_now)
    notes = _describe_gaps(settings, source.catalog, manifest.holdings)
    report = {"archive": str(path), **_describe(manifest)}
    _print(report, notes, f"{path} holds {', '.join(manifest.holdings)}", json_output=json_output)


def restore(
    archive: Annotated[Path, typer.Argument(help="What headwater backup wrote.", exists=True)],
    force: Annotated[
        bool, typer.Option("--force", help="Replace what the data dir holds.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Put a backup in place of the data dir, while nothing uses it."""
    from headwater.adapters.backup.restoring import RestoreTarget, restore_backup  # noqa: PLC0415
    from headwater.adapters.catalog.revisions import list_revisions  # noqa: PLC0415

    with ending_on_errors():
        settings = load_settings()
        make_data_dir(settings.data_dir)
        target = RestoreTarget(settings.data_dir, find_catalog_file(settings), replace=force)
        manifest = restore_backup(
            archive, target, headwater=version("headwater"), schemas=list_revisions()
        )
    notes = [GO_ON] if "keys" in manifest.holdings else [GO_ON, NO_STORED_KEYS]
    report = {"data_dir": str(settings.data_dir), **_describe(manifest)}
    text = f"{settings.data_dir} is as it was at {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC"
    _print(report, notes, text, json_output=json_output)


def _describe(manifest: "Manifest") -> dict[str, Any]:
    return {
        "created_at": manifest.created_at.isoformat(),
        "headwater": manifest.headwater,
        "holds": list(manifest.holdings),
        "files": len(manifest.files),
        "bytes": manifest.size,
    }


def _describe_gaps(
    settings: Settings, catalog: Path | None, holdings: tuple[str, ...]
) -> list[str]:
    has_generated = (settings.data_dir / "secret-key").exists()
    gaps = {
        NO_CATALOG: catalog is None,
        NO_VECTORS: settings.vector_store is VectorStoreKind.PINECONE,
        NO_KEYS: has_generated and "keys" not in holdings,
        HAS_KEYS: "keys" in holdings,
    }
    return [text for text, is_so in gaps.items() if is_so]


def _print(report: dict[str, Any], notes: list[str], text: str, *, json_output: bool) -> None:
    if json_output:
        print_json({**report, "notes": notes})
        return
    console.print(f"{text} ({report['files']} files, {report['bytes']} bytes)", markup=False)
    for note in notes:
        stderr.print(note, markup=False, soft_wrap=True)


def _now() -> datetime:
    return datetime.now(UTC)
