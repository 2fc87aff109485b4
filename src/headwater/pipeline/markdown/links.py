"""Rules for links and images: where they lead is text, since titles resolve to pages elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

from headwater.pipeline.markdown.text import (
    escape_brackets,
    make_image,
    make_link,
    normalise_space,
)
from headwater.pipeline.markdown.visitor import Made, Rule, Visitor
from headwater.pipeline.storage_names import AC, RI, Element

_FLOWING = frozenset({"p", "span", "a", "strong", "em", "u", "code", f"{AC}link-body"})
_LINK_BODIES = (f"{AC}link-body", f"{AC}plain-text-link-body")


@dataclass(frozen=True, slots=True)
class Target:
    """What a resource identifier names: how it reads, and the destination a link would show."""

    label: str
    destination: str = ""


def _page(resource: Element) -> Target:
    title = resource.get(f"{RI}content-title", "")
    space = resource.get(f"{RI}space-key", "")
    return Target(title or space, f"{space}:{title}" if space and title else title or space)


def _attachment(resource: Element) -> Target:
    name = resource.get(f"{RI}filename", "")
    return Target(name, name)


def _url(resource: Element) -> Target:
    address = resource.get(f"{RI}value", "")
    return Target(address, address)


def _user(resource: Element) -> Target:
    ids = (resource.get(f"{RI}{name}", "") for name in ("account-id", "userkey", "username"))
    found = next(filter(None, ids), "")
    return Target(f"@{found}" if found else "")


def _space(resource: Element) -> Target:
    key = resource.get(f"{RI}space-key", "")
    return Target(key, key)


def _shortcut(resource: Element) -> Target:
    key, parameter = resource.get(f"{RI}key", ""), resource.get(f"{RI}parameter", "")
    return Target(parameter or key, f"{key}:{parameter}" if key and parameter else "")


def _content_entity(resource: Element) -> Target:
    content_id = resource.get(f"{RI}content-id", "")
    return Target(content_id, content_id)


RESOURCES: dict[str, Callable[[Element], Target]] = {
    f"{RI}page": _page,
    f"{RI}blog-post": _page,
    f"{RI}attachment": _attachment,
    f"{RI}url": _url,
    f"{RI}user": _user,
    f"{RI}space": _space,
    f"{RI}shortcut": _shortcut,
    f"{RI}content-entity": _content_entity,
}


def find_target(element: Element) -> Target | None:
    """Return what the first resource identifier below an element names."""
    for resource in element.iterdescendants(f"{RI}*"):
        read = RESOURCES.get(str(resource.tag))
        if read:
            return read(resource)
    return None


def render_reference(element: Element) -> str:
    """Return the link to what an element's resource identifier names; empty if there is none."""
    target = find_target(element)
    if target is None:
        return ""
    return make_link(escape_brackets(normalise_space(target.label)), target.destination)


def _render_link(element: Element, visitor: Visitor) -> str:
    target = find_target(element) or Target("")
    label = escape_brackets(normalise_space(target.label or element.get(f"{AC}anchor", "")))
    bodies = (visitor.render_inline(part) for part in element.iterchildren(*_LINK_BODIES))
    body = "".join(bodies)
    if not body.strip():
        body = visitor.render_inline(element)
    return _link_text(body if body.strip() else label, label, target)


def _link_text(text: str, label: str, target: Target) -> str:
    says_all = text.strip() == label and target.destination == target.label
    return make_link(text, "" if says_all else target.destination)


def _render_anchor(element: Element, visitor: Visitor) -> Made:
    text = visitor.render_inline(element)
    address = element.get("href", "")
    link = make_link(text, "" if address.startswith("#") else address)
    return [link] if link and element.get("data-card-appearance") in {"block", "embed"} else link


def _render_image(element: Element, visitor: Visitor) -> Made:
    target = find_target(element) or Target("")
    captions = (visitor.render_inline(part) for part in element.iterchildren(f"{AC}caption"))
    descriptions = [element.get(f"{AC}alt", ""), element.get(f"{AC}title", ""), *captions]
    image = _make_described_image(descriptions, target.destination)
    return image if _flows(element) else [image] if image else []


def _flows(image: Element) -> bool:
    parent = image.getparent()
    return image.get(f"{AC}inline") == "true" or (parent is not None and parent.tag in _FLOWING)


def _render_html_image(element: Element, _visitor: Visitor) -> str:
    return _make_described_image(
        [element.get("alt", ""), element.get("title", "")], element.get("src", "")
    )


def _render_contents(element: Element, visitor: Visitor) -> Made:
    return visitor.render_mixed(element)


def _make_described_image(descriptions: list[str], source: str) -> str:
    tidy = (normalise_space(text).strip() for text in descriptions)
    telling = dict.fromkeys(text for text in tidy if text and text != source)
    return make_image(escape_brackets(": ".join(telling)), source)


LINK_RULES: dict[str, Rule] = {
    f"{AC}link": _render_link,
    "a": _render_anchor,
    f"{AC}image": _render_image,
    "img": _render_html_image,
    **dict.fromkeys((*RESOURCES, *_LINK_BODIES), _render_contents),
}
