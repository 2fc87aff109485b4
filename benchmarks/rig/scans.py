"""Pages as scanners, cameras and screens give them, drawn here, with the words they show.

Pages of text are set by pdfium in the fonts that every PDF reader has, so they look the same everywhere;
tables and screenshots are drawn by Pillow in its own font, which has no accents.
"""

import ctypes
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

POINTS_PER_INCH = 72
PAGE_POINTS = (420, 220)
MARGIN_POINTS = 36
TEXT_POINTS = 11
DPI = 200
FONT = "Helvetica"
FONTS = (FONT, "Helvetica-Bold", "Helvetica-Oblique", "Times-Roman", "Times-Italic", "Courier")

ENGLISH = (
    "The failover on Tuesday took four minutes and",
    "twenty seconds, because the replica in region",
    "eu-west-2 was still replaying its journal. Two",
    "requests in a thousand were answered with 503.",
    "Please rotate the signing key before 14 March,",
    "and tell the on-call engineer (ext. 4471) first.",
    "Backups are kept for 35 days; see OPS-3381.",
)
GERMAN = (
    "Für die Prüfung müssen alle Schlüssel getauscht",
    "werden. Größere Änderungen an der Straßenkarte",
    "überprüft das Büro in Köln, spätestens am Übertag.",
    "Die Höhe der Gebühr beträgt 1.250,00 € je Gerät,",
    "außer bei Verträgen, die vor dem Jahr 2019 über",
    "den Händler geschlossen wurden. Rückfragen bitte",
    "an Herrn Jürgen Weiß, Äußere Ringstraße 12.",
)
FRENCH = (
    "L'hôtel a été rénové à Noël : les chambres sont",
    "équipées d'un réfrigérateur et d'une fenêtre où",
    "l'on aperçoit la forêt. Le reçu doit être signé",
    "par le maître d'œuvre, même après la clôture.",
    "Où étiez-vous l'été dernier ? Le garçon a mangé",
    "dès huit heures, grâce à l'aide de sa sœur aînée.",
    "Montant réglé : 89,50 € — numéro de dossier 7702.",
)
TEXTS = {"English": ENGLISH, "German": GERMAN, "French": FRENCH}
TABLE = (
    ("Region", "Nodes", "Requests", "Errors"),
    ("Frankfurt", "12", "482113", "0.02"),
    ("Dublin", "8", "310477", "0.11"),
    ("Singapore", "16", "771205", "0.07"),
    ("Montreal", "4", "98023", "0.00"),
    ("Bengaluru", "10", "402916", "0.05"),
)
MENU = (
    ("File", "Edit", "View", "History", "Window", "Help"),
    ("Deployments", "payments-api", "Running", "3 of 3 ready"),
    ("Settings", "Access tokens", "Webhooks", "Audit log"),
    ("Search results for certificate expiry",),
    ("Cancel", "Save changes"),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """An image of a page and the words on it."""

    group: str
    name: str
    image: Image.Image
    words: str

    def save(self) -> tuple[str, bytes]:
        """Return a file name and the bytes of a lossless file."""
        stream = io.BytesIO()
        self.image.save(stream, "PNG", dpi=(DPI, DPI))
        return f"{self.name}.png".replace(" ", "-"), stream.getvalue()


def make_scans() -> Iterator[Scan]:
    """Yield every kind of page: by resolution, font, damage and layout."""
    for language, lines in TEXTS.items():
        for dpi in (100, 150, 200, 300):
            page = draw_page(lines, dpi=dpi)
            yield Scan(f"clean {dpi} dpi", f"{language} {dpi}", page, " ".join(lines))
        for font in FONTS[1:]:
            page = draw_page(lines, font=font)
            yield Scan("fonts, 200 dpi", f"{language} {font}", page, " ".join(lines))
        for damage, spoil in DAMAGES.items():
            page = spoil(draw_page(lines))
            yield Scan(damage, f"{language} {damage}", page, " ".join(lines))
    yield Scan("table", "table with lines", draw_table(), " ".join(map(" ".join, TABLE)))
    yield Scan("table", "table without", draw_table(ruled=False), " ".join(map(" ".join, TABLE)))
    for theme in ("light", "dark"):
        screen = draw_screenshot(dark=theme == "dark")
        yield Scan("screenshot", f"screenshot {theme}", screen, " ".join(map(" ".join, MENU)))


def measure_words(expected: str, found: str) -> float:
    """Return the share of the expected words, as often as they stand there, that were found."""
    wanted, seen = (Counter(re.findall(r"\w+", text.casefold())) for text in (expected, found))
    return (wanted & seen).total() / wanted.total()


def draw_page(lines: Sequence[str], *, dpi: int = DPI, font: str = FONT) -> Image.Image:
    """Return black text of 11 points on a white page of 6 by 3 inches."""
    document = pdfium.PdfDocument.new()
    try:
        page = document.new_page(*PAGE_POINTS)
        face = pdfium_c.FPDFText_LoadStandardFont(document, font.encode())
        for number, line in enumerate(lines):
            text = pdfium_c.FPDFPageObj_CreateTextObj(document, face, TEXT_POINTS)
            pdfium_c.FPDFText_SetText(text, _widen(line))
            top = PAGE_POINTS[1] - MARGIN_POINTS - number * TEXT_POINTS * 1.5
            pdfium_c.FPDFPageObj_Transform(text, 1, 0, 0, 1, MARGIN_POINTS, top)
            pdfium_c.FPDFPage_InsertObject(page, text)
        page.gen_content()
        drawn: Image.Image = page.render(scale=dpi / POINTS_PER_INCH).to_pil()
        return drawn.convert("L")
    finally:
        document.close()


def draw_table(*, ruled: bool = True) -> Image.Image:
    """Return a table of numbers, with or without lines between its cells."""
    page = Image.new("L", (1200, 560), "white")
    pen, face = ImageDraw.Draw(page), _load(30)
    for row, cells in enumerate(TABLE):
        for column, cell in enumerate(cells):
            corner = (60 + column * 270, 50 + row * 75)
            pen.text((corner[0] + 15, corner[1] + 18), cell, fill="black", font=face)
            if ruled:
                pen.rectangle((*corner, corner[0] + 270, corner[1] + 75), outline="black", width=2)
    return page


def draw_screenshot(*, dark: bool) -> Image.Image:
    """Return a window with menus and buttons, in the small letters of a screen."""
    back, front, button = (
        ("#1e1f22", "#d5d7da", "#2e5bd8") if dark else ("white", "#222", "#dbe6ff")
    )
    page = Image.new("RGB", (1100, 420), back)
    pen, face = ImageDraw.Draw(page), _load(17)
    for row, labels in enumerate(MENU):
        for column, label in enumerate(labels):
            corner = (30 + column * 175, 30 + row * 75)
            if row in {0, len(MENU) - 1}:
                box = (corner[0] - 8, corner[1] - 6, corner[0] + 150, corner[1] + 28)
                pen.rounded_rectangle(box, 6, fill=button)
            pen.text(corner, label, fill=front, font=face)
    return page


def _widen(text: str) -> ctypes.Array[ctypes.c_ushort]:
    """Return UTF-16 with a zero at its end, as pdfium takes it."""
    encoded = f"{text}\0".encode("utf-16-le")
    return (ctypes.c_ushort * (len(encoded) // 2)).from_buffer_copy(encoded)


def _load(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _skew(degrees: float) -> Callable[[Image.Image], Image.Image]:
    return lambda page: page.rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white"
    )


def _add_noise(page: Image.Image) -> Image.Image:
    noise = Image.effect_noise(page.size, 90).point(lambda shade: min(255, shade + 60))
    return ImageChops.multiply(page, noise).point(lambda shade: min(255, shade + 40))


def _compress(page: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=15)
    return Image.open(io.BytesIO(stream.getvalue()))


def _fade(page: Image.Image) -> Image.Image:
    return page.point(lambda shade: 140 + shade * 80 // 255)


DAMAGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "noise": _add_noise,
    "skew 2 degrees": _skew(2),
    "skew -4 degrees": _skew(-4),
    "turned 90": lambda page: page.transpose(Image.Transpose.ROTATE_90),
    "turned 180": lambda page: page.transpose(Image.Transpose.ROTATE_180),
    "turned 270": lambda page: page.transpose(Image.Transpose.ROTATE_270),
    "blur": lambda page: page.filter(ImageFilter.GaussianBlur(1.6)),
    "jpeg quality 15": _compress,
    "faded": _fade,
}
