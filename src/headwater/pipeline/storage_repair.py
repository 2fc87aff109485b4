"""After the HTML parser: Confluence's own names put back, and leaves emptied of what they swallowed.

An HTML parser knows no empty elements but HTML's own. Where a closing tag is missing, everything up
to the end of the parent lands inside the open element; in an element that holds no text of its own,
such as a parameter, it would be lost.
"""

import re
from collections.abc import Iterator

from lxml import etree

from headwater.pipeline.storage_names import AC, RI, Element

_PREFIXED = re.compile(r"(ac|ri|at):([A-Za-z_][A-Za-z0-9_.-]*)")

_MAX_MOVED = 200_000
"""Elements; leaves inside leaves inside leaves would make this grow with the square of the page."""

_LEAVES: dict[str, tuple[str, ...]] = {
    f"{AC}parameter": (RI, f"{AC}link"),
    f"{AC}default-parameter": (RI, f"{AC}link"),
    f"{AC}task-id": (),
    f"{AC}task-uuid": (),
    f"{AC}task-status": (),
    f"{AC}adf-attribute": (),
    f"{AC}image": (RI, f"{AC}caption", f"{AC}adf-mark", f"{AC}alt"),
    "time": (),
}
"""Elements that hold no running text, and the beginnings of the names they may hold."""


def repair_tree(root: Element) -> bool:
    """Restore prefixed names, then move what does not belong into a leaf to where it follows the leaf.

    Returns false, with the work left undone, where the tree is more damage than page.
    """
    for element in root.iter(etree.Element):
        _restore_names(element)
    left = _MAX_MOVED
    for element in list(root.iter(*_LEAVES)):
        left -= _empty_leaf(element, _LEAVES[str(element.tag)])
        if left < 0:
            return False
    return True


def _restore_names(element: Element) -> None:
    tag = _restore_name(str(element.tag))
    if tag != element.tag:
        element.tag = tag
    for name, value in element.attrib.items():
        restored = _restore_name(str(name))
        if restored != name:
            element.attrib[restored] = value


def _restore_name(name: str) -> str:
    prefixed = _PREFIXED.fullmatch(name)
    return f"{{urn:{prefixed[1]}}}{prefixed[2]}" if prefixed else name


def _empty_leaf(leaf: Element, allowed: tuple[str, ...]) -> int:
    """Move a leaf's strays behind it; return how many elements that touched."""
    strays = list(_find_strays(leaf, allowed))
    if not strays:
        return 0
    touched = sum(1 for stray in strays for _ in stray.iter())
    after, leaf.tail = leaf.tail, None
    previous = leaf
    for stray in strays:
        previous.addnext(stray)
        previous = stray
    previous.tail = (previous.tail or "") + (after or "")
    return touched


def _find_strays(leaf: Element, allowed: tuple[str, ...]) -> Iterator[Element]:
    found = False
    for child in leaf:
        found = found or not (allowed and str(child.tag).startswith(allowed))
        if found:
            yield child
