"""Confluence Data Center as a ``Source``."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from headwater.adapters.confluence.data_center import (
    annotations,
    browsing,
    content,
    lookups,
    people,
    probing,
    remarks,
    spaces,
)
from headwater.adapters.confluence.data_center.rest import Rest
from headwater.adapters.confluence.people import Directory
from headwater.domain.content import (
    Annotation,
    Comment,
    DocumentKind,
    ListedAttachment,
    ListedDocument,
    Space,
)
from headwater.domain.ids import ContentId, SiteId, SpaceKey
from headwater.ports import (
    Ancestor,
    Capability,
    ContentPage,
    FetchedPage,
    LookedUp,
    SpaceReaders,
    Traffic,
)


class DataCenterSource:
    """Implements :class:`headwater.ports.Source`; made by ``factory``."""

    def __init__(self, rest: Rest, site: SiteId, directory: Directory) -> None:
        self._rest = rest
        self._site = site
        self._directory = directory

    @property
    def site(self) -> SiteId:
        """Host and context."""
        return self._site

    @property
    def face(self) -> str:
        """Data Center, which has one address only."""
        return "Confluence Data Center"

    @property
    def archives_pages(self) -> bool:
        """Whole spaces are archived, pages are not: its interface, up to 10.0, has no such status."""
        return False

    @property
    def requests_per_file(self) -> int:
        """One: it sends its files itself."""
        return 1

    @property
    def traffic(self) -> Traffic:
        """What was asked since the source was opened."""
        return self._rest.client.traffic

    async def check_credentials(self) -> None:
        """See :meth:`headwater.ports.Source.check_credentials`."""
        await self._rest.check_caller()

    async def probe(self) -> Sequence[Capability]:
        """See :meth:`headwater.ports.Source.probe`."""
        return await probing.probe_capabilities(self._rest, f"{self.face}, site {self._site}")

    async def list_spaces(self) -> Sequence[Space]:
        """See :meth:`headwater.ports.Source.list_spaces`."""
        return await spaces.list_spaces(self._rest)

    async def find_space(self, key: SpaceKey) -> Space:
        """See :meth:`headwater.ports.Source.find_space`."""
        return await spaces.find_space(self._rest, key)

    def list_documents(self, space: Space) -> AsyncGenerator[Sequence[ListedDocument], None]:
        """See :meth:`headwater.ports.Source.list_documents`."""
        return content.list_documents(self._rest, space)

    def list_annotations(self, space: Space) -> AsyncGenerator[Sequence[Annotation], None]:
        """See :meth:`headwater.ports.Source.list_annotations`."""
        return annotations.list_annotations(self._rest, space)

    async def read_annotations(self, documents: Sequence[ListedDocument]) -> Sequence[Annotation]:
        """See :meth:`headwater.ports.Source.read_annotations`."""
        return await annotations.read_annotations(self._rest, documents)

    def list_comments(self, space: Space) -> AsyncGenerator[Sequence[Comment], None]:
        """See :meth:`headwater.ports.Source.list_comments`."""
        return remarks.list_comments(self._rest, space)

    def list_attachments(self, space: Space) -> AsyncGenerator[Sequence[ListedAttachment], None]:
        """See :meth:`headwater.ports.Source.list_attachments`."""
        return remarks.list_attachments(self._rest, space)

    async def fetch_attachment(self, attachment: ListedAttachment, *, max_bytes: int) -> bytes:
        """See :meth:`headwater.ports.Source.fetch_attachment`."""
        return await remarks.fetch_attachment(self._rest, attachment, max_bytes=max_bytes)

    async def read_ancestor(self, content_id: ContentId) -> Ancestor | None:
        """See :meth:`headwater.ports.Source.read_ancestor`."""
        return await annotations.read_ancestor(self._rest, content_id)

    async def read_space_readers(self, space: Space) -> SpaceReaders:
        """See :meth:`headwater.ports.Source.read_space_readers`."""
        return await spaces.read_space_readers(self._rest, space)

    def fetch_pages(self, documents: Sequence[ListedDocument]) -> AsyncGenerator[FetchedPage, None]:
        """See :meth:`headwater.ports.Source.fetch_pages`."""
        return content.fetch_pages(self._rest, documents)

    async def read_names(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`headwater.ports.Source.read_names`."""
        fetch = partial(people.fetch_names, self._rest)
        return await self._directory.read_names(account_ids, fetch, self._rest.client.now)

    async def list_page(
        self, space: Space, parent: ContentId | None, position: str | None, limit: int
    ) -> ContentPage | None:
        """See :meth:`headwater.ports.Source.list_page`."""
        if parent is None:
            return await browsing.list_page(self._rest, space, position, limit)
        return await browsing.list_children(self._rest, space, parent, position, limit)

    async def find_parents(self, pages: Sequence[ContentId]) -> frozenset[ContentId]:
        """See :meth:`headwater.ports.Source.find_parents`."""
        return await browsing.find_parents(self._rest, pages)

    async def count_content(
        self, space: Space, kinds: Sequence[DocumentKind], parent: ContentId | None = None
    ) -> int | None:
        """See :meth:`headwater.ports.Source.count_content`."""
        return await browsing.count_content(self._rest, space, kinds, parent)

    async def look_up(self, content_ids: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
        """See :meth:`headwater.ports.Source.look_up`."""
        return await lookups.look_up(self._rest, content_ids)
