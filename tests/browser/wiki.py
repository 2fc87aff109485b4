"""The Confluence of the browser's story: the sample wiki, and what the story needs beside it."""

import asyncio
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

from headwater.sandbox.loading import load_wiki
from headwater.sandbox.server import Sandbox
from headwater.sandbox.world import World

SPACE = "HR"
NOTES = 66
"""Pages that come in quickly, and vanish later on all at once."""

LAB = "LAB"
FILE = "Travel policy.docx"
HOSTILE_TITLE = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>{{ 7 * 7 }}"
LONG_WORD = "x" * 3_000

_HOSTILE_BODY = f"""
<h1>&lt;script&gt;window.ran = 3&lt;/script&gt; {"y" * 300}</h1>
<p>turnip <a href="javascript:window.ran=4">click me</a>
&lt;svg onload="window.ran = 5"&gt;&lt;/svg&gt; &lt;img src=x onerror=window.ran=6&gt;
&lt;iframe srcdoc="&lt;script&gt;parent.ran=7&lt;/script&gt;"&gt; \u202eright to left\u202c</p>
<p>{LONG_WORD}</p>
<table><tbody><tr><th>{"h" * 400}</th><td>&lt;style&gt;body{{display:none}}&lt;/style&gt;</td></tr></tbody></table>
<ac:structured-macro ac:name="html"><ac:plain-text-body><![CDATA[<script>window.ran = 8</script>]]></ac:plain-text-body></ac:structured-macro>
<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[</pre><script>window.ran = 9</script>]]></ac:plain-text-body></ac:structured-macro>
"""


def make_wiki(clock: Callable[[], datetime] | None = None) -> World:
    """Return the sample wiki with meeting notes, a file that cannot be read yet, and a hostile page."""
    world = load_wiki(clock=clock)
    minutes = world.create_page(SPACE, "Meeting notes", "<p>What was agreed, week by week.</p>")
    for week in range(1, NOTES):
        text = f"<p>Agreed in week {week}: the parking rota of row {week} stays.</p>"
        world.create_page(SPACE, f"Notes of week {week}", text, parent=minutes.id)
    world.attach(minutes.id, FILE, b"PK\x03\x04 this is no document")
    world.add_space(LAB, "Lab of odd pages")
    top = world.create_page(LAB, HOSTILE_TITLE, _HOSTILE_BODY)
    world.label(top.id, "<b onclick=window.ran=10>label</b>")
    world.create_page(LAB, "z" * 250, f"<p>turnip {LONG_WORD}</p>", parent=top.id)
    return world


def list_notes(world: World) -> list[str]:
    """Return the ids of the meeting notes."""
    contents = world.tree.contents.values()
    return [item.id for item in contents if item.title.startswith("Notes of week")]


def mend_file(world: World) -> None:
    """Put a readable version in place of the broken file."""
    page = next(item for item in world.tree.contents.values() if item.title == "Meeting notes")
    world.attach(page.id, FILE, _make_docx("Trips by train are booked in first class."))


def _make_docx(text: str) -> bytes:
    """Return the smallest file that a word processor would open."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    office = "http://schemas.openxmlformats.org"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{office}/package/2006/content-types">'
            '<Default Extension="rels"'
            ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        )
        package.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="a"'
            f' Type="{office}/officeDocument/2006/relationships/officeDocument"'
            ' Target="word/document.xml"/></Relationships>',
        )
        package.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:r>'
            f"<w:t>{text}</w:t></w:r></w:p></w:body></w:document>",
        )
    return target.getvalue()


class Gate:
    """A fault that holds downloads until it is opened: a job stands still meanwhile."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    @contextmanager
    def holding(self, site: Sandbox) -> Iterator[None]:
        """Hold the site's downloads until the gate is opened, at the latest when the block ends."""
        site.faults.append(self)
        try:
            yield
        finally:
            self.open()
            site.faults.remove(self)

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, _request, template, answer):
        if template.endswith("/download") and answer.status_code < HTTPStatus.BAD_REQUEST:
            await asyncio.to_thread(self._opened.wait)
        return answer
