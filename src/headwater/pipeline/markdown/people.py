"""People in storage format: who is mentioned, and putting names in the place of account ids."""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Final

from headwater.pipeline.markdown.text import normalise_space
from headwater.pipeline.storage_names import RI, Element, read_text

UNNAMED: Final = "mention"
"""The loss of a mention that shows an account id, since nobody told the name."""

_MAX_NAME: Final = 100
_IDS: Final = ("account-id", "userkey", "username")
_ATTRIBUTE: Final = re.compile(rf"""\bri:(?:{"|".join(_IDS)})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NAME: Final = f"{RI}display-name"
"""Ours: where a mention's name waits to be written."""


def find_mentions(body: str) -> frozenset[str]:
    """Return the ids of everybody whom a body in storage format mentions."""
    found = (unescape(first or second) for first, second in _ATTRIBUTE.findall(body))
    return frozenset(filter(None, found))


def write_names(root: Element, people: Mapping[str, str]) -> int:
    """Note each mention's name from ``people`` (account id to display name); return how many have none."""
    unnamed = 0
    for mention in _list_shown(root):
        name = find_name(_read_id(mention), people)
        if name:
            mention.set(_NAME, name)
        else:
            unnamed += 1
    return unnamed


def find_name(account_id: str, people: Mapping[str, str]) -> str:
    """Return somebody's display name as it may stand in a line, cut where it is no name; else nothing."""
    return normalise_space(people.get(account_id, "")).strip()[:_MAX_NAME]


def read_name(mention: Element) -> str:
    """Return how a mention reads: the name noted for it, else its id; empty where it has neither."""
    return mention.get(_NAME, "") or _read_id(mention)


def _read_id(mention: Element) -> str:
    return next(filter(None, (mention.get(f"{RI}{name}", "") for name in _IDS)), "")


def _list_shown(root: Element) -> Iterator[Element]:
    """Yield the mentions that are written: the first of a link or parameter without words of its own."""
    before: Element | None = None
    for mention in root.iter(f"{RI}user"):
        parent = mention.getparent()
        if parent is not None and parent is not before and not read_text(parent).strip():
            yield mention
        before = parent
