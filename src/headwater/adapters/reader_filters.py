"""What a tool that reads the vectors itself has to ask for, so that it finds what its reader may see.

Such a tool (LangChain, LlamaIndex, a store's own SDK) knows neither scopes nor rules: it is handed a
filter, in the language of either store. Get one with ``headwater.bootstrap.open_filters``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.adapters.lance.filters import is_in
from headwater.adapters.pinecone.filters import accept_any
from headwater.domain.access import Reader, Scope, readable_scopes
from headwater.domain.content import is_unicode
from headwater.domain.ids import Namespace, TenantId
from headwater.ports import Catalog, GenerationStore, Make

NO_SCOPE: Final = Scope("nobody")
"""No record has it. Without any scope a tool must find nothing, and a filter left empty finds all."""


@dataclass(frozen=True, slots=True)
class ReaderFilter:
    """Where to look, and the filter under which nothing is found that the reader may not see.

    It holds for the rules as they are now: ask for a new one for every question, or every few seconds.
    It goes by what the records say, which for a page that was restricted, or moved under a restriction,
    is right only once a sync has written them; our own search holds every hit against the catalog too.
    """

    namespace: str
    """Pinecone's namespace; LanceDB's table. After a change of model it is another one."""
    model: str
    """What questions have to be embedded by: the embedder's name for itself, empty before the first sync."""
    index: str
    """The Pinecone index that the namespace is in, where that is known."""
    pinecone: Mapping[str, Any]
    """Pinecone's metadata filter."""
    lancedb: str
    """LanceDB's predicate: SQL."""


@dataclass(frozen=True, slots=True)
class ReaderFilters:
    """Hands out filters from what the catalog knows now."""

    catalog: Catalog
    generations: GenerationStore

    async def filter_for(self, tenant: TenantId, reader: Reader) -> ReaderFilter:
        """Return the filter of a reader; one who may see nothing gets one that nothing satisfies.

        ``RetryableError`` while the catalog is away.
        """
        readable = readable_scopes(await self.catalog.scope_rules(tenant), reader)
        scopes = {scope for scope in readable if is_unicode(scope)} or {NO_SCOPE}
        answering = (await self.generations.read(tenant, Make(model=""))).answering
        return ReaderFilter(
            namespace=Namespace(tenant, answering.number).name,
            model=answering.make.model,
            index=answering.make.place,
            pinecone=accept_any("access_scope", scopes),
            lancedb=is_in("access_scope", scopes),
        )
