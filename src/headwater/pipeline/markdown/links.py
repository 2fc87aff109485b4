"""Rules for links and images: where they lead is text, since titles resolve to pages elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from headwater.pipeline.markdown.people import read_name
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
    return _place_in_space(resource, title, title)


def _blog_post(resource: Element) -> Target:
    title, day = (resource.get(f"{RI}{name}", "") for name in ("content-title", "posting-day"))
    return _place_in_space(resource, title, f"{day}/{title}" if day and title else title)


def _place_in_space(resource: Element, title: str, place: str) -> Target:
    space = resource.get(f"{RI}space-key", "")
    return Target(title or space, f"{space}:{place}" if space and place else place or space)


def _attachment(resource: Element) -> Target:
    name = resource.get(f"{RI}filename", "")
    page = resource.find(f"{RI}page")
    return Target(name, name if page is None else f"{_page(page).destination}/{name}")


def _url(resource: Element) -> Target:
    address = resource.get(f"{RI}value", "")
    return Target(address, address)


def _user(resource: Element) -> Target:
    name = read_name(resource)
    return Target(f"@{name}" if name else "")


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
    f"{RI}blog-post": _blog_post,
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
    anchor = unquote(element.get(f"{AC}anchor", ""), errors="ignore")
    target = _add_anchor(find_target(element) or Target(""), anchor)
    label = escape_brackets(normalise_space(target.label))
    body = visitor.render_inline(element)
    text = body if body.strip() else label
    if anchor and target.destination and element.get(f"{AC}card-appearance"):
        text = f"{text} | {escape_brackets(_read_heading(anchor))}"
    return _link_text(text, label, target)


def _add_anchor(target: Target, anchor: str) -> Target:
    if not anchor:
        return target
    destination = f"{target.destination}#{anchor}" if target.destination else ""
    return Target(target.label or anchor, destination)


def _read_heading(anchor: str) -> str:
    """Return the heading that an anchor was made from, as a smart link shows it behind the title."""
    return normalise_space(anchor.replace("-", " ")).strip()


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
