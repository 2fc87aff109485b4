"""Small files of every kind, made here: honest ones, broken ones and bombs."""

import base64
import io
import struct
import zipfile
import zlib
from email.message import EmailMessage
from urllib.parse import quote

from PIL import Image, ImageDraw, ImageFont

CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>{}</Types>'
)
RELATIONSHIPS = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def make_zip(members, *, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def relate(target, kind, number=1):
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'


def make_docx(*paragraphs, body=None, doctype="", extra=None):
    written = body or "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{paragraph}</w:t></w:r></w:p>'
        for paragraph in paragraphs
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return make_zip(
        {
            "[Content_Types].xml": CONTENT_TYPES.format(
                f'<Override PartName="/word/document.xml" ContentType="{kind}"/>'
            ),
            "_rels/.rels": RELATIONSHIPS.format(relate("word/document.xml", "officeDocument")),
            "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<w:document xmlns:w="{WORD}">'
            f"<w:body>{written}</w:body></w:document>",
            **(extra or {}),
        }
    )


def make_xlsx(sheets, extra=None):
    """Return a workbook of ``{name: {cell: text}}``."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbered = list(enumerate(sheets.items(), 1))
    members = {
        "[Content_Types].xml": CONTENT_TYPES.format(
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            + "".join(
                f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
                for number, _ in numbered
            )
        ),
        "_rels/.rels": RELATIONSHIPS.format(relate("xl/workbook.xml", "officeDocument")),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(
            f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
            for number, (name, _) in numbered
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": RELATIONSHIPS.format(
            "".join(
                relate(f"worksheets/sheet{number}.xml", "worksheet", number)
                for number, _ in numbered
            )
        ),
    }
    for number, (_, cells) in numbered:
        rows = "".join(
            f'<row r="{place.lstrip("ABCDEFGH")}"><c r="{place}" t="inlineStr"><is><t>{text}</t></is></c></row>'
            for place, text in cells.items()
        )
        members[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return make_zip({**members, **(extra or {})})


def make_pdf(*contents, objects=(), kids=None, count=None, media="0 0 400 400"):
    """Return a PDF with one page for each content stream; ``objects`` follow the pages."""
    first = 4
    pages = [
        f"<</Type/Page/Parent 2 0 R/MediaBox[{media}]/Contents {first + 2 * n + 1} 0 R"
        f"/Resources<</Font<</F 3 0 R>>/XObject<</I {first + 2 * len(contents)} 0 R>>>>>>"
        for n in range(len(contents))
    ]
    listed = kids or " ".join(f"{first + 2 * n} 0 R" for n in range(len(contents)))
    written = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {count or len(contents)}/Kids[{listed}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for page, content in zip(pages, contents, strict=True):
        written += [page.encode(), make_stream(content)]
    return write_objects([*written, *objects])


def make_stream(content, entries=b""):
    data = content if isinstance(content, bytes) else content.encode("cp1252")
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def write_objects(objects):
    stream = io.BytesIO()
    stream.write(b"%PDF-1.7\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(stream.tell())
        stream.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = stream.tell()
    stream.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    stream.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    stream.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n" % (len(objects) + 1))
    stream.write(b"%d\n%%%%EOF" % start)
    return stream.getvalue()


def write_lines(*lines, size=12):
    moves = " ".join(f"({line}) Tj 0 -{size + 6} Td" for line in lines)
    return f"BT /F {size} Tf 30 360 Td {moves} ET"


def make_scanned_pdf(image, *, content="q 400 0 0 400 0 0 cm /I Do Q", more=()):
    """Return a PDF whose first page shows the image, before pages with the given contents."""
    grey = image.convert("L")
    entries = (
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        % grey.size
    )
    return make_pdf(content, *more, objects=[make_stream(grey.tobytes(), entries)])


def draw_text(*lines, size=(900, 500), font_size=30):
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=font_size)
    for number, line in enumerate(lines):
        pen.text((40, 40 + number * font_size * 1.8), line, fill="black", font=font)
    return image


def save_image(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def make_png_bomb(width=30_000, height=30_000):
    """Return a small file of 900 million black pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (width + 1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_encrypted_office():
    """Return what a password makes of any Office file, as far as anyone can see."""
    name = "EncryptedPackage".encode("utf-16-le") + b"\0\0"
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1024) + name + bytes(1024)


def make_drawio(labels, *, packed, name="Overview"):
    cells = "".join(f'<mxCell value="{label}"/>' for label in labels)
    model = f"<mxGraphModel><root>{cells}</root></mxGraphModel>"
    if packed:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        deflated = packer.compress(quote(model).encode()) + packer.flush()
        model = base64.b64encode(deflated).decode()
    return f'<mxfile host="x"><diagram name="{name}">{model}</diagram></mxfile>'.encode()


def make_mail(body, attachments=(), *, subject="Outage", subtype="plain"):
    """Return a mail with ``(name, media type, bytes)`` attachments."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        subject,
        "zoe@example.org",
        "ops@example.org",
    )
    message.set_content(body, subtype=subtype)
    for name, media_type, data in attachments:
        main, _, sub = media_type.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def make_presentation(slides):
    """Return slides of ``(title, text, notes)``."""
    from pptx import Presentation  # noqa: PLC0415  (slow to import, and few tests need it)

    deck = Presentation()
    for title, text, notes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    stream = io.BytesIO()
    deck.save(stream)
    return stream.getvalue()
