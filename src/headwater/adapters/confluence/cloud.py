"""Confluence Cloud as a ``Source``: v2 wherever it serves, v1 only where v2 has nothing."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from headwater.adapters.confluence import (
    annotations,
    attachments,
    browsing,
    comments,
    content,
    lookups,
    people,
    permissions,
    probing,
    spaces,
)
from headwater.adapters.confluence.client import JsonClient
from headwater.adapters.confluence.payloads import CURRENT, Statuses
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


class CloudSource:
    """Implements :class:`headwater.ports.Source`; made by ``factory``."""

    def __init__(
        self,
        client: JsonClient,
        site: SiteId,
        directory: Directory,
        statuses: Statuses = CURRENT,
        *,
        by_gateway: bool = False,
    ) -> None:
        self._client = client
        self._site = site
        self._directory = directory
        self._statuses = statuses
        self._by_gateway = by_gateway

    @property
    def site(self) -> SiteId:
        """The site's cloudId, or host and context where Confluence does not tell it."""
        return self._site

    @property
    def face(self) -> str:
        """Confluence Cloud, by its own address or by the gateway for scoped tokens."""
        return "Confluence Cloud, by the gateway" if self._by_gateway else "Confluence Cloud"

    @property
    def archives_pages(self) -> bool:
        """Pages are archived one by one."""
        return True

    @property
    def requests_per_file(self) -> int:
        """Two: the first is redirected to the host that holds the file."""
        return 2

    @property
    def traffic(self) -> Traffic:
        """What was asked since the source was opened."""
        return self._client.traffic

    async def check_credentials(self) -> None:
        """See :meth:`headwater.ports.Source.check_credentials`."""
        await spaces.check_caller(self._client)

    async def probe(self) -> Sequence[Capability]:
        """See :meth:`headwater.ports.Source.probe`."""
        return await probing.probe_capabilities(self._client, f"{self.face}, site {self._site}")

    async def list_spaces(self) -> Sequence[Space]:
        """See :meth:`headwater.ports.Source.list_spaces`."""
        return await spaces.list_spaces(self._client)

    async def find_space(self, key: SpaceKey) -> Space:
        """See :meth:`headwater.ports.Source.find_space`."""
        return await spaces.find_space(self._client, key)

    def list_documents(self, space: Space) -> AsyncGenerator[Sequence[ListedDocument], None]:
        """See :meth:`headwater.ports.Source.list_documents`."""
        return content.list_documents(self._client, space, self._statuses)

    def list_annotations(self, space: Space) -> AsyncGenerator[Sequence[Annotation], None]:
        """See :meth:`headwater.ports.Source.list_annotations`."""
        return annotations.list_annotations(self._client, space, self._statuses)

    async def read_annotations(self, documents: Sequence[ListedDocument]) -> Sequence[Annotation]:
        """See :meth:`headwater.ports.Source.read_annotations`."""
        return await annotations.read_annotations(self._client, documents)

    def list_comments(self, space: Space) -> AsyncGenerator[Sequence[Comment], None]:
        """See :meth:`headwater.ports.Source.list_comments`."""
        return comments.list_comments(self._client, space, self._statuses)

    def list_attachments(self, space: Space) -> AsyncGenerator[Sequence[ListedAttachment], None]:
        """See :meth:`headwater.ports.Source.list_attachments`."""
        return attachments.list_attachments(self._client, space, self._statuses)

    async def fetch_attachment(self, attachment: ListedAttachment, *, max_bytes: int) -> bytes:
        """See :meth:`headwater.ports.Source.fetch_attachment`."""
        return await attachments.fetch_attachment(self._client, attachment, max_bytes=max_bytes)

    async def read_ancestor(self, content_id: ContentId) -> Ancestor | None:
        """See :meth:`headwater.ports.Source.read_ancestor`."""
        return await annotations.read_ancestor(self._client, content_id)

    async def read_space_readers(self, space: Space) -> SpaceReaders:
        """See :meth:`headwater.ports.Source.read_space_readers`."""
        return await permissions.read_space_readers(self._client, space)

    def fetch_pages(self, documents: Sequence[ListedDocument]) -> AsyncGenerator[FetchedPage, None]:
        """See :meth:`headwater.ports.Source.fetch_pages`."""
        return content.fetch_pages(self._client, documents, self._statuses)

    async def read_names(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        """See :meth:`headwater.ports.Source.read_names`."""
        fetch = partial(people.fetch_names, self._client)
        return await self._directory.read_names(account_ids, fetch, self._client.now)

    async def list_page(
        self, space: Space, parent: ContentId | None, position: str | None, limit: int
    ) -> ContentPage | None:
        """See :meth:`headwater.ports.Source.list_page`."""
        if parent is None:
            return await browsing.list_page(self._client, space, position, limit)
        return await browsing.list_children(self._client, space, parent, position, limit)

    async def find_parents(self, pages: Sequence[ContentId]) -> frozenset[ContentId]:
        """See :meth:`headwater.ports.Source.find_parents`."""
        return await browsing.find_parents(self._client, pages)

    async def count_content(
        self, space: Space, kinds: Sequence[DocumentKind], parent: ContentId | None = None
    ) -> int | None:
        """See :meth:`headwater.ports.Source.count_content`."""
        return await browsing.count_content(self._client, space, kinds, parent)

    async def look_up(self, content_ids: Sequence[ContentId]) -> Mapping[ContentId, LookedUp]:
        """See :meth:`headwater.ports.Source.look_up`."""
        return await lookups.look_up(self._client, content_ids)
