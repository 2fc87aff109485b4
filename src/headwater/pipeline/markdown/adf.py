"""Rules for what the new editor stores beside the old format: ``ac:adf-extension``."""

from headwater.pipeline.markdown.blocks import make_label, make_list, render_contents
from headwater.pipeline.markdown.visitor import Rule, Visitor, drop
from headwater.pipeline.storage_names import AC, Element, read_text

_NODE = f"{AC}adf-node"
_FALLBACK = f"{AC}adf-fallback"

_PANELS = {
    "info": "Info",
    "note": "Note",
    "tip": "Tip",
    "success": "Success",
    "warning": "Warning",
    "error": "Error",
}
_CONTAINERS = frozenset({"decision-list", "task-list", "extension", "bodied-extension", "expand"})


def _render_extension(element: Element, visitor: Visitor) -> list[str]:
    """Render the content; the fallback repeats it and is taken only where there is none."""
    blocks = visitor.render_blocks(element, skip=(_FALLBACK,)) or [
        block
        for fallback in element.iterchildren(_FALLBACK)
        for block in visitor.render_blocks(fallback)
    ]
    if not blocks:
        visitor.lose(_name_app(element))
    return blocks


def _name_app(element: Element) -> str:
    """Return what tells an app's node best: the last part of its key, such as ``static/my-macro``."""
    nodes = element.iterchildren(_NODE)
    keys = (_read_attribute(node, "extension-key") for node in nodes)
    return f"adf:{next(filter(None, keys), 'extension').rpartition('/')[2]}"


def _render_node(node: Element, visitor: Visitor) -> list[str]:
    kind = node.get("type", "")
    blocks = visitor.render_blocks(node)
    if kind == "panel":
        label = _PANELS.get(_read_attribute(node, "panel-type"))
        return make_label(label, "", blocks) if label else blocks
    if kind == "decision-item":
        return make_list([("-", make_label("Decision", "", blocks))])
    if kind == "task-item":
        is_done = _read_attribute(node, "state") == "DONE"
        return make_list([(f"- [{'x' if is_done else ' '}]", blocks)])
    if kind not in _CONTAINERS:
        visitor.lose(f"adf:{kind}")
    return blocks


def _read_attribute(node: Element, key: str) -> str:
    found = (
        read_text(child)
        for child in node.iterchildren(f"{AC}adf-attribute")
        if child.get("key") == key
    )
    return next(found, "").strip()


ADF_RULES: dict[str, Rule] = {
    f"{AC}adf-extension": _render_extension,
    _NODE: _render_node,
    **dict.fromkeys((f"{AC}adf-content", _FALLBACK), render_contents),
    **dict.fromkeys(
        (
            f"{AC}adf-{name}"
            for name in ("attribute", "mark", "fragment-mark", "fragment-mark-detail", "parameter")
        ),
        drop,
    ),
}
