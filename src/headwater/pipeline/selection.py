"""Which listed documents come in: what a tenant's settings and blacklist leave out, and by which rule.

A reason is the name of the setting that leaves a document out, or ``blacklisted``. An attachment
follows its page.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from headwater.domain.content import DocumentKind, ListedAttachment
from headwater.domain.ids import ContentId
from headwater.domain.settings import BlacklistEntry, BlacklistKind, SyncSettings

BLACKLISTED: Final = "blacklisted"
CONTENT_TYPES: Final = "content_types"
INCLUDE_LABELS: Final = "include_labels"
EXCLUDE_LABELS: Final = "exclude_labels"
ROOT_PAGES: Final = "root_pages"
ATTACHMENT_TYPES: Final = "attachment_types"
MAX_ATTACHMENT_BYTES: Final = "max_attachment_bytes"
ANCESTORS_UNKNOWN: Final = "ancestors_unknown"
"""A rule asks what the page stands under, and Confluence does not show all of that: it stays out."""

PAGE_NOT_LISTED: Final = "page_not_listed"
"""An attachment whose page nobody has seen yet, so that no rule could judge it."""

REASONS: Final = frozenset(
    {
        BLACKLISTED,
        CONTENT_TYPES,
        INCLUDE_LABELS,
        EXCLUDE_LABELS,
        ROOT_PAGES,
        ATTACHMENT_TYPES,
        MAX_ATTACHMENT_BYTES,
        ANCESTORS_UNKNOWN,
        PAGE_NOT_LISTED,
    }
)
"""Every reason given here. None lasts: a rule that is lifted lets the document in."""

_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class UrlPrefix:
    """The beginning of links: a host, whole segments of a path and, if given, of its query."""

    host: str
    path: str
    query: str = ""

    def covers(self, link: "UrlPrefix") -> bool:
        """Tell whether the link begins so; a prefix ends at a boundary only."""
        if link.host != self.host:
            return False
        if self.query:
            return link.path == self.path and f"{link.query}&".startswith(f"{self.query}&")
        return f"{link.path}/".startswith(f"{self.path}/")


def parse_url_prefix(url: str) -> UrlPrefix:
    """Return the prefix that a URL is. Scheme, case of the host and escapes make no difference."""
    parts = urlsplit(url)
    host = parts.netloc.casefold().removesuffix(_PORTS.get(parts.scheme, ":"))
    return UrlPrefix(host, unquote(parts.path).rstrip("/"), unquote(parts.query))


@dataclass(frozen=True, slots=True)
class SelectionRules:
    """What decides who comes in. The default leaves nothing out."""

    settings: SyncSettings = SyncSettings()
    pages: frozenset[ContentId] = frozenset()
    trees: frozenset[ContentId] = frozenset()
    labels: frozenset[str] = frozenset()
    url_prefixes: tuple[UrlPrefix, ...] = ()

    @property
    def asks_ancestors(self) -> bool:
        """Whether some rule is about what a page stands under."""
        return bool(self.trees or self.settings.root_pages)

    @property
    def judges_pages(self) -> bool:
        """Whether some rule may leave a page out."""
        wanted = self.settings
        return self.asks_ancestors or any(
            (
                self.pages,
                self.labels,
                self.url_prefixes,
                wanted.content_types,
                wanted.include_labels,
                wanted.exclude_labels,
            )
        )


def make_rules(settings: SyncSettings, blacklist: Iterable[BlacklistEntry]) -> SelectionRules:
    """Return the rules that settings and a blacklist make; labels compare without case."""
    values: dict[BlacklistKind, list[str]] = {kind: [] for kind in BlacklistKind}
    for entry in blacklist:
        values[entry.kind].append(entry.value)
    return SelectionRules(
        settings=settings,
        pages=frozenset(map(ContentId, values[BlacklistKind.PAGE])),
        trees=frozenset(map(ContentId, values[BlacklistKind.TREE])),
        labels=_fold(values[BlacklistKind.LABEL]),
        url_prefixes=tuple(map(parse_url_prefix, values[BlacklistKind.URL_PREFIX])),
    )


@dataclass(frozen=True, slots=True)
class Lineage:
    """The ids above a document, nearest first; not ``whole`` where one of them could not be seen."""

    ancestors: tuple[ContentId, ...] = ()
    whole: bool = True


def trace_lineage(
    parents: Mapping[ContentId, ContentId | None],
    content_id: ContentId,
    unseen: frozenset[ContentId],
) -> Lineage:
    """Return what stands above a document. A loop, an unknown parent or an unseen one breaks it off."""
    chain: dict[ContentId, None] = {}
    current = parents.get(content_id)
    while current is not None:
        if current in chain or current == content_id:
            return Lineage(tuple(chain), whole=False)
        chain[current] = None
        if current in unseen or current not in parents:
            return Lineage(tuple(chain), whole=False)
        current = parents[current]
    return Lineage(tuple(chain))


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the rules look at in a page or blog post."""

    content_id: ContentId
    kind: DocumentKind
    labels: frozenset[str]
    source_url: str
    lineage: Lineage = Lineage()


def reason_against_page(page: PageFacts, rules: SelectionRules) -> str | None:
    """Return why a page or post stays out; ``None`` if it comes in.

    ``content_types`` is the last reason: what it leaves out nothing else does.
    """
    return next((reason for reason, bars in _PAGE_RULES if bars(page, rules)), None)


def reason_against_file(
    file: ListedAttachment, source_url: str, rules: SelectionRules, *, page_reason: str | None
) -> str | None:
    """Return why an attachment stays out, given why its page does; ``None`` if it comes in.

    Where attachments are the only content type, they do not need their page.
    """
    if takes_files_along(page_reason, rules):
        return page_reason
    if _has_prefix(source_url, rules):
        return BLACKLISTED
    kinds = rules.settings.content_types
    if kinds and DocumentKind.ATTACHMENT not in kinds:
        return CONTENT_TYPES
    return _reason_against_form(file, rules.settings)


def takes_files_along(page_reason: str | None, rules: SelectionRules) -> bool:
    """Tell whether a page that is left out for this reason takes its attachments along."""
    only_files = rules.settings.content_types == {DocumentKind.ATTACHMENT}
    return page_reason in REASONS and not (only_files and page_reason == CONTENT_TYPES)


def is_blacklisted_by_name(page_id: ContentId, source_url: str, rules: SelectionRules) -> bool:
    """Tell whether the blacklist names a page or its link; no listing is needed to know that."""
    return page_id in rules.pages or page_id in rules.trees or _has_prefix(source_url, rules)


def _has_prefix(source_url: str, rules: SelectionRules) -> bool:
    if not rules.url_prefixes:
        return False
    link = parse_url_prefix(source_url)
    return any(prefix.covers(link) for prefix in rules.url_prefixes)


def _reason_against_form(file: ListedAttachment, settings: SyncSettings) -> str | None:
    if settings.attachment_types and _extension(file.title) not in settings.attachment_types:
        return ATTACHMENT_TYPES
    limit = settings.max_attachment_bytes
    return MAX_ATTACHMENT_BYTES if limit is not None and file.file_size > limit else None


def _extension(name: str) -> str:
    return name.rpartition(".")[2].casefold() if "." in name else ""


def _is_blacklisted(page: PageFacts, rules: SelectionRules) -> bool:
    return (
        is_blacklisted_by_name(page.content_id, page.source_url, rules)
        or _stands_in(page, rules.trees)
        or not _fold(page.labels).isdisjoint(rules.labels)
    )


def _is_beyond_roots(page: PageFacts, rules: SelectionRules) -> bool:
    roots = rules.settings.root_pages
    return bool(roots) and page.lineage.whole and not _stands_in(page, roots)


def _may_stand_anywhere(page: PageFacts, rules: SelectionRules) -> bool:
    """Tell whether a rule about ancestors cannot be answered; a root already found answers one."""
    if page.lineage.whole:
        return False
    roots = rules.settings.root_pages
    return bool(rules.trees) or (bool(roots) and not _stands_in(page, roots))


def _stands_in(page: PageFacts, tops: frozenset[ContentId]) -> bool:
    return page.content_id in tops or not tops.isdisjoint(page.lineage.ancestors)


def _lacks_label(page: PageFacts, rules: SelectionRules) -> bool:
    wanted = _fold(rules.settings.include_labels)
    return bool(wanted) and wanted.isdisjoint(_fold(page.labels))


def _has_unwanted_label(page: PageFacts, rules: SelectionRules) -> bool:
    return not _fold(page.labels).isdisjoint(_fold(rules.settings.exclude_labels))


def _is_of_another_type(page: PageFacts, rules: SelectionRules) -> bool:
    kinds = rules.settings.content_types
    return bool(kinds) and page.kind not in kinds


def _fold(labels: Iterable[str]) -> frozenset[str]:
    return frozenset(label.casefold() for label in labels)


_PAGE_RULES: Final[tuple[tuple[str, Callable[[PageFacts, SelectionRules], bool]], ...]] = (
    (BLACKLISTED, _is_blacklisted),
    (ROOT_PAGES, _is_beyond_roots),
    (ANCESTORS_UNKNOWN, _may_stand_anywhere),
    (EXCLUDE_LABELS, _has_unwanted_label),
    (INCLUDE_LABELS, _lacks_label),
    (CONTENT_TYPES, _is_of_another_type),
)
