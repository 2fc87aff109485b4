"""What stands above the listed documents: listed pages, and ancestors that a listing does not show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.domain.ids import ContentId
from headwater.ports import Ancestor
from headwater.services.sync.run import SyncRun


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The parent of everything known here, and what was read of ancestors that are not listed."""

    parents: Mapping[ContentId, ContentId | None]
    above: Mapping[ContentId, Ancestor | None] = field(default_factory=dict)
    """By id; ``None`` for one that Confluence does not show."""

    @property
    def unseen(self) -> frozenset[ContentId]:
        """The ancestors that Confluence does not show."""
        return frozenset(key for key, ancestor in self.above.items() if ancestor is None)

    def is_listed(self, content_id: ContentId) -> bool:
        """Whether the listing itself showed it."""
        return content_id in self.parents and content_id not in self.above


async def read_ancestry(run: SyncRun, *, upwards: bool) -> Ancestry:
    """Return what is listed; ``upwards`` also reads folders and the like, up to the space itself."""
    listed = await run.ports.work.parents(run.ref)
    if not upwards:
        return Ancestry(listed)
    above: dict[ContentId, Ancestor | None] = {}
    unread = {parent for parent in listed.values() if parent and parent not in listed}
    while unread:
        content_id = unread.pop()
        ancestor = above[content_id] = await run.source.read_ancestor(content_id)
        parent = ancestor.parent_id if ancestor else None
        if parent and parent not in listed and parent not in above:
            unread.add(parent)
    parents = {key: item.parent_id if item else None for key, item in above.items()}
    return Ancestry({**listed, **parents} if parents else listed, above)
