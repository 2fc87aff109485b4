"""Worlds read from files: the packaged sample wiki, and folders of pages in storage format."""

import json
import mimetypes
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path
from typing import Any

from headwater.domain.errors import ConfigError
from headwater.sandbox.clock import SteppingClock
from headwater.sandbox.entities import Kind, Status
from headwater.sandbox.people import ADMIN_ACCOUNT, EVERYBODY
from headwater.sandbox.world import World

Row = dict[str, Any]


def load_wiki(
    root: Traversable | None = None, *, clock: Callable[[], datetime] | None = None
) -> World:
    """Read a wiki in our own format, by default the one packaged with Headwater.

    ``wiki.json`` names spaces, users, groups and permissions; ``KEY/pages.jsonl`` has one page,
    blog post or folder per line, with bodies in ``KEY/pages`` and files in ``KEY/attachments``.
    A user's token is ``token-`` and his account id. Without ``clock``, time goes on from the
    latest page. Raises ``ConfigError`` for what is missing.
    """
    folder = root or files("headwater.sandbox").joinpath("wiki")
    site = _read_json(folder / "wiki.json")
    rows = {space["key"]: _read_rows(folder, space["key"]) for space in site["spaces"]}
    world = World(clock or _start_clock(rows))
    _load_people(world, site)
    for space in site["spaces"]:
        _load_space(world, space, site.get("permissions", {}))
        for row in rows[space["key"]]:
            _load_content(world, space["key"], row, folder / space["key"])
            _load_remarks(world, row, folder / space["key"])
        if space.get("status") == "archived":
            world.archive_space(space["key"])
    return world


def _read_rows(folder: Traversable, key: str) -> list[Row]:
    rows = list(_read_lines(folder / key / "pages.jsonl"))
    known = {row["id"] for row in rows}
    for row in rows:
        if row.get("parent_id") and row["parent_id"] not in known:
            raise ConfigError(
                f"{key}/pages.jsonl: {row['id']} has a parent that is not in the file"
            )
    return rows


def _start_clock(rows: dict[str, list[Row]]) -> SteppingClock:
    moments = [datetime.fromisoformat(row["modified"]) for part in rows.values() for row in part]
    return SteppingClock(max(moments)) if moments else SteppingClock()


def _load_people(world: World, site: Row) -> None:
    for user in site.get("users", ()):
        account = user["account_id"]
        world.people.add_user(account, user["email"], user["name"], token=f"token-{account}")
    for group in site.get("groups", ()):
        world.people.add_group(group["name"], members=group["members"], group_id=group["id"])


def _load_space(world: World, space: Row, permissions: Row) -> None:
    key, description = space["key"], space.get("description", "")
    world.add_space(key, space["name"], kind=space.get("type"), description=description)
    viewers = permissions.get(key, {"groups": [EVERYBODY]})
    world.permit(key, users=viewers.get("users", ()), groups=viewers.get("groups", ()))


def _load_content(world: World, key: str, row: Row, folder: Traversable) -> None:
    content = world.add_content(
        key,
        row["title"],
        _read_text(folder / "pages" / row["file"]) if row.get("file") else "",
        kind=Kind(row["type"]),
        parent=row.get("parent_id"),
        content_id=row["id"],
        author=row.get("author") or ADMIN_ACCOUNT,
        at=datetime.fromisoformat(row["modified"]),
        version=row.get("version", 1),
        status=Status(row.get("status", "current")),
        labels=row.get("labels", ()),
    )
    limits = row.get("restrictions")
    if limits:
        world.restrict(content.id, users=limits.get("users", ()), groups=limits.get("groups", ()))


def _load_remarks(world: World, row: Row, folder: Traversable) -> None:
    for comment in row.get("comments", ()):
        _load_comment(world, row["id"], comment)
    for item in row.get("attachments", ()):
        data = _read_bytes(folder / "attachments" / item["file"])
        world.attach(row["id"], item["title"], data, media_type=item["media_type"])


def _load_comment(world: World, content_id: str, row: Row, above: str | None = None) -> None:
    comment = world.comment(
        content_id,
        row["body"],
        author=row["author"],
        reply_to=above,
        inline=row.get("inline", False),
        resolved=row.get("resolved", False),
    )
    for reply in row.get("replies", ()):
        _load_comment(world, content_id, reply, comment.id)


def load_folder(
    path: Path,
    *,
    key: str = "DOCS",
    name: str | None = None,
    listing: str | None = None,
    world: World | None = None,
) -> World:
    """Read a space from a folder with ``X.pages.jsonl`` and the bodies in its folder ``X``.

    Each line has ``id``, ``parent_id``, ``title`` and ``storage`` (a file, or null). A page
    without a title is named after its file; ids already taken in ``world`` are replaced. Files
    under ``attachments`` hang on the first page. With several listings, ``listing`` says which.
    """
    world = World() if world is None else world
    index = path / (listing or _find_listing(path))
    world.add_space(key, name or path.name)
    bodies = path / index.name.removesuffix(".pages.jsonl")
    numbers = _load_rows(world, key, name or path.name, bodies, list(_read_lines(index)))
    _attach_folder(world, next(iter(numbers.values())), path / "attachments")
    return world


def _load_rows(world: World, key: str, name: str, bodies: Path, rows: list[Row]) -> dict[str, str]:
    numbers: dict[str, str] = {}
    titles: set[str] = set()
    for row in rows:
        title = _choose_title(row, titles, name)
        titles.add(title)
        numbers[row["id"]] = world.add_content(
            key,
            title,
            _read_body(bodies, row),
            parent=numbers.get(row["parent_id"] or ""),
            content_id=None if row["id"] in world.tree.contents else row["id"],
        ).id
    return numbers


def load_recorded(path: Path, *, key: str = "REAL", world: World | None = None) -> World:
    """Read pages recorded from a real site: ``{id}/page.v1.json`` and ``{id}/page.xhtml``.

    Ancestors that were not recorded themselves become empty pages.
    """
    world = World() if world is None else world
    world.add_space(key, path.name)
    pages = [_read_json(file) for file in sorted(path.glob("*/page.v1.json"))]
    recorded = {page["id"] for page in pages}
    for page in sorted(pages, key=lambda item: len(item.get("ancestors", ()))):
        parent = None
        for node in (*page.get("ancestors", ()), page):
            if node["id"] not in world.tree.contents:
                text = (
                    _read_text(path / node["id"] / "page.xhtml") if node["id"] in recorded else ""
                )
                world.add_content(key, node["title"], text, parent=parent, content_id=node["id"])
            parent = node["id"]
    return world


def _find_listing(path: Path) -> str:
    listings = sorted(item.name for item in path.glob("*.pages.jsonl"))
    if len(listings) != 1:
        found = ", ".join(listings) or "none"
        raise ConfigError(f"{path} needs one *.pages.jsonl, has {found}: name one with listing=")
    return listings[0]


def _choose_title(row: Row, taken: set[str], space: str) -> str:
    file = Path(row["storage"] or row["id"])
    stem = file.parent.name if file.stem == "index" else file.stem
    title = row["title"] or stem.replace("-", " ").replace("_", " ").strip().capitalize() or space
    return title if title not in taken else f"{title} ({row['id']})"


def _read_body(bodies: Path, row: Row) -> str:
    file = bodies / row["storage"] if row["storage"] else None
    return file.read_text(encoding="utf-8") if file and file.is_file() else ""


def _attach_folder(world: World, page: str, folder: Path) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            title = "-".join(file.relative_to(folder).parts)
            world.attach(page, title, file.read_bytes, media_type=media_type)


def _read_bytes(file: Traversable) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"The wiki names {file.name}, which is missing: add the file") from error


def _read_text(file: Traversable) -> str:
    return _read_bytes(file).decode("utf-8")


def _read_json(file: Traversable) -> Any:
    return json.loads(_read_text(file))


def _read_lines(file: Traversable) -> Iterator[Row]:
    return (json.loads(line) for line in _read_text(file).splitlines() if line.strip())
