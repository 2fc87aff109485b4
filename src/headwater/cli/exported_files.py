"""Where an export goes: JSON lines in a file or on standard output, or a folder of Markdown files.

A file or folder appears under its name only once it is whole, readable by its owner only.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, mkdtemp
from typing import Any, Final

from headwater.cli.output import CommandFailedError
from headwater.pipeline.file_names import name_file
from headwater.services.exporting import Exported

Write = Callable[[Exported], None]

_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON may hold as it is, but YAML, or who splits at every kind of line break, may not."""


@contextmanager
def writing_lines(target: Path | None) -> Iterator[Write]:
    """Give what writes a document as a line of JSON: to a new file, or to standard output."""
    if target is None:
        yield lambda document: _write_line(sys.stdout.write, document)
        return
    _refuse_existing(target)
    with _explaining(target), _making_file(target) as file:
        yield lambda document: _write_line(file.write, document)


@contextmanager
def writing_folder(target: Path) -> Iterator[Write]:
    """Give what writes a document as a Markdown file with front matter into a new folder."""
    _refuse_existing(target)
    with _explaining(target), _making_folder(target) as folder:
        yield lambda document: _write_file(folder, document)


def write_markdown(document: Exported) -> str:
    """Return a document as Markdown, what is known of it before it as YAML."""
    lines = [f"{name}: {_write_json(value)}" for name, value in document.describe().items()]
    return "\n".join(["---", *lines, "---", "", document.document.markdown, ""])


def _write_line(write: Callable[[str], object], document: Exported) -> None:
    row = {**document.describe(), "markdown": document.document.markdown}
    write(f"{_write_json(row)}\n")


def _write_file(folder: Path, document: Exported) -> None:
    entry = document.entry
    name = name_file(entry.site, entry.space, entry.known.content_id, entry.known.title)
    path = folder / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(write_markdown(document))


def _write_json(value: Any) -> str:
    """Return JSON that is a value in YAML too."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@contextmanager
def _making_file(target: Path) -> Iterator[Any]:
    # A temporary file of this module has mode 0600 from the start.
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        part = Path(file.name)
        try:
            yield file
            file.flush()
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _making_folder(target: Path) -> Iterator[Path]:
    part = Path(mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield part
        part.replace(target)
    finally:
        if part.exists():
            shutil.rmtree(part)


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise CommandFailedError(f"{target} exists", hint="name another, or remove it")


@contextmanager
def _explaining(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandFailedError(
            f"cannot write {target}: {error.strerror}",
            hint="choose a place with enough space that you may write",
        ) from error
