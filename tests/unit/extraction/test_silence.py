"""No file makes its reader call anybody, read where a connection would succeed: outside of a worker."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Callable

from tests.unit.extraction.files import (
    OFFICE,
    make_docx,
    make_drawio,
    make_mail,
    make_pdf,
    make_stream,
    make_xlsx,
    make_zip,
    write_lines,
)

XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
ODF = "urn:oasis:names:tc:opendocument:xmlns"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
READ_ALL = """
import base64, json, os, socket, sys
from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.ocr.scanning import read_scans
from headwater.adapters.extraction.readers.dispatch import Source, read_source
from headwater.domain.errors import DocumentError
outcomes = {}
for name, encoded in json.load(sys.stdin).items():
    data = base64.b64decode(encoded)
    try:
        outcomes[name] = len(read_source(Source(name, "", data), Limits()).sections)
        if name == "a.pdf":
            read_scans(data, [(0, None), (1, None)])
    except DocumentError as error:
        outcomes[name] = error.error_type.value
socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
print(json.dumps(outcomes), flush=True)
os._exit(0)
"""
"""Reads everything, and connects at the end itself, as the proof that a connection counts."""


def make_svg(url):
    doctype = f'<!DOCTYPE svg SYSTEM "{url}/a.dtd" [<!ENTITY x SYSTEM "{url}/x"><!ENTITY % p SYSTEM "{url}/p"> %p;]>'
    body = f'<image href="{url}/i.png"/><image xlink:href="{url}/j.png"/><use href="{url}/k.svg#a"/><style>@import url({url}/s.css);</style><text>&x; words</text>'
    return f'<?xml version="1.0"?>{doctype}<svg xmlns="http://www.w3.org/2000/svg" {XLINK}>{body}</svg>'.encode()


def make_linked_docx(url):
    parts = ("image", "attachedTemplate", "oleObject", "hyperlink", "subDocument")
    linked = "".join(
        f'<Relationship Id="r{number}" Type="{OFFICE}/{part}" Target="{url}/{part}" TargetMode="External"/>'
        for number, part in enumerate(parts)
    )
    relations = f'<Relationships xmlns="{RELATIONS}">{linked}</Relationships>'
    extra = {"word/_rels/document.xml.rels": relations}
    return make_docx("words", doctype=f'<!DOCTYPE r SYSTEM "{url}/a.dtd">', extra=extra)


def make_linked_odt(url):
    picture = f'<draw:frame><draw:image xlink:href="{url}/i.png"/></draw:frame><draw:object xlink:href="{url}/o"/>'
    names = " ".join(f'xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "text", "draw"))
    content = f'<!DOCTYPE d SYSTEM "{url}/a.dtd"><office:document-content {names} {XLINK}><office:body><office:text><text:p>words {picture}</text:p></office:text></office:body></office:document-content>'
    return make_zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def make_linked_pdf(url):
    action = f"<</S/URI/URI({url}/u)>>".encode()
    external = make_stream("", f"/F<</FS/URL/F({url}/f)>>".encode())
    form = make_stream("", f"/Subtype/Form/BBox[0 0 9 9]/Ref<</F({url}/r)/Page 0>>".encode())
    data = make_pdf(write_lines("words"), "/I Do", objects=[form, external, action])
    return data.replace(
        b"/Type/Catalog", f"/Type/Catalog/URI<</Base({url})>>/OpenAction 10 0 R".encode()
    )


def make_html(url):
    return f'<html><head><base href="{url}/"><link rel=stylesheet href="{url}/c"><meta http-equiv=refresh content="0;url={url}/m"></head><body><img src="{url}/i.png"><iframe src="{url}/f"></iframe><script src="{url}/s"></script><object data="{url}/o"></object>words</body></html>'.encode()


def make_external_mail(url):
    html = make_html(url).decode()
    body = f'From: a@b.c\nSubject: x\nContent-Type: message/external-body; access-type="URL"; URL="{url}/e"\n\n'
    files = [("a.svg", "image/svg+xml", make_svg(url)), ("b.eml", "", body.encode())]
    return make_mail(html, files, subtype="html")


FILES: dict[str, Callable[[str], bytes]] = {
    "a.svg": make_svg,
    "a.docx": make_linked_docx,
    "a.odt": make_linked_odt,
    "a.pdf": make_linked_pdf,
    "a.html": make_html,
    "a.eml": make_external_mail,
    "a.xlsx": lambda url: make_xlsx({"S": {"A1": f"=WEBSERVICE({url}/w)"}}, {"xl/externalLinks/externalLink1.xml": f'<externalLink href="{url}/l"/>'}),
    "a.drawio": lambda url: make_drawio([f"&lt;img src=&quot;{url}/i.png&quot;&gt; words"], packed=True),
    "a.md": lambda url: f"![words]({url}/i.png)\n\n<img src='{url}/j.png'>".encode(),
    "a.rtf": lambda url: f'{{\\rtf1 words {{\\field{{\\*\\fldinst INCLUDEPICTURE "{url}/i.png" \\\\d}}}}{{\\*\\template {url}/t}}}}'.encode(),
    "a.xml": lambda url: f'<?xml version="1.0"?><?xml-stylesheet href="{url}/s.xsl"?><!DOCTYPE a [<!ENTITY x SYSTEM "{url}/x">]><a>&x;</a>'.encode(),
}  # fmt: skip


async def test_no_reader_follows_a_link():
    visits = []

    async def note(_reader, writer):
        visits.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcomes = await read_all(f"http://127.0.0.1:{port}", port)
    assert set(outcomes) == set(FILES)
    assert list(outcomes.values()).count("PARSE_ERROR") <= 2, outcomes
    assert len(visits) == 1


async def read_all(url, port):
    """Read every file in a process that has a network; return what became of each."""
    files = {name: base64.b64encode(make(url)).decode() for name, make in FILES.items()}
    command = (sys.executable, "-c", READ_ALL, str(port))
    sent = json.dumps(files).encode()
    done = await asyncio.to_thread(
        subprocess.run, command, input=sent, capture_output=True, check=True
    )
    return json.loads(done.stdout)
