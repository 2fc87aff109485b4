"""Pages for the tests of conversion and chunking, and where real ones may lie."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from headwater.domain.content import DocumentKind, ListedDocument, Page
from headwater.domain.ids import ContentId
from headwater.pipeline.markdown import document_from_page

DATA = Path(__file__).parents[3] / "../shared/data"
REAL_PAGES = sorted(DATA.glob("storage/querypie/*/page.xhtml"))

_WORD = re.compile(r"\w+")


def make_page(body, *, title="Title"):
    listed = ListedDocument(
        ContentId("1"), DocumentKind.PAGE, title, 1, datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Page(listed, body)


def convert(body, people=None):
    return document_from_page(make_page(body), people or {}).markdown


def losses(body, people=None):
    return document_from_page(make_page(body), people or {}).losses


def macro(name, plain="", /, *, rich="", **parameters):
    """Return a structured macro with these parameters, given as markup."""
    written = "".join(
        f'<ac:parameter ac:name="{key}">{_escape(value)}</ac:parameter>'
        for key, value in parameters.items()
    )
    body = f"<ac:plain-text-body>{plain}</ac:plain-text-body>" if plain else ""
    body += f"<ac:rich-text-body>{rich}</ac:rich-text-body>" if rich else ""
    return f'<ac:structured-macro ac:name="{name}" ac:schema-version="1">{written}{body}</ac:structured-macro>'


def _escape(value):
    return value.replace("& ", "&amp; ")


def count_words(text):
    return Counter(_WORD.findall(text))


def recall(expected, found):
    """Return the share of the expected words that were found, each as often as expected."""
    wanted = count_words(expected)
    return (wanted & count_words(found)).total() / max(1, wanted.total())
