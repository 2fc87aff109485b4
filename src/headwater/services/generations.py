"""One vector store for everybody, whatever the model: a change of model is rebuilt beside what answers.

Vectors of two models cannot be compared, so each tenant's vectors are kept in generations, each of one
model and one index. Syncs write the generation of the present model. As long as another one answers, it
is kept in step, and as soon as the new one holds every document it takes over (ADR 19).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.domain.content import StoredChunk, StoredMatch
from headwater.domain.errors import DocumentError, RetryableError
from headwater.domain.ids import DocumentId, Namespace, TenantId
from headwater.pipeline.planning import digest_metadata
from headwater.ports import (
    Embedder,
    EmbeddingKind,
    Generation,
    Generations,
    GenerationStore,
    HybridQuery,
    Make,
    Record,
    StoreBatch,
    StoreCounts,
    StoredDocument,
    Vector,
    VectorStore,
)
from headwater.services.search import fit_question

CHECKED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class GenerationalStore:
    """Implements :class:`headwater.ports.VectorStore`; a namespace's own generation is not looked at."""

    make: Make
    """Of what is written from now on."""
    generations: GenerationStore
    stores: Mapping[str, VectorStore]
    """By place."""
    previous: Embedder | None = None
    """The model that made what may still answer; without it that is searched by words alone."""

    async def apply(self, namespace: Namespace, batch: StoreBatch) -> None:
        """Carry out the batch in the generation of the present model, and bring the other in step."""
        tenant = namespace.tenant
        if batch.upserts:
            present = await self.generations.begin(tenant, self.make)
        else:
            present = await self._read(tenant)
        for generation in present.kept:
            if generation.make.model == self.make.model or not batch.upserts:
                await self._apply(tenant, generation, batch)
            else:
                await self._follow(tenant, generation, batch)
        if present.building:
            await self._clear_removed(tenant, present)

    async def read_vectors(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[str, Vector]:
        """Return the vectors that the present model made of these documents' chunks."""
        own = (await self._read(namespace.tenant)).find(self.make)
        if own is None:
            return {}
        return await self._store(own).read_vectors(_in(namespace, own), document_ids)

    async def read_chunks(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, Sequence[StoredChunk]]:
        """Return each document's chunks as they are found at present."""
        answering = (await self._read(namespace.tenant)).answering
        return await self._store(answering).read_chunks(_in(namespace, answering), document_ids)

    async def query(self, namespace: Namespace, query: HybridQuery) -> Sequence[StoredMatch]:
        """Return the best matches of the generation that answers."""
        answering = (await self._read(namespace.tenant)).answering
        while True:
            asked = await self._translate(answering, query)
            found = await self._store(answering).query(_in(namespace, answering), asked)
            # Another may have taken over meanwhile, and this one's records be gone.
            now = (await self._read(namespace.tenant)).answering
            if now == answering:
                return found
            answering = now

    async def count_records(
        self, namespace: Namespace, document_ids: Sequence[DocumentId]
    ) -> Mapping[DocumentId, int]:
        """Return how many records of each document answer."""
        answering = (await self._read(namespace.tenant)).answering
        return await self._store(answering).count_records(_in(namespace, answering), document_ids)

    async def count(self, namespace: Namespace) -> StoreCounts:
        """Count the documents and records that answer."""
        answering = (await self._read(namespace.tenant)).answering
        return await self._store(answering).count(_in(namespace, answering))

    async def list_documents(self, namespace: Namespace) -> Mapping[DocumentId, int]:
        """Return the number of records of every document that answers."""
        answering = (await self._read(namespace.tenant)).answering
        return await self._store(answering).list_documents(_in(namespace, answering))

    async def settle(self, namespace: Namespace) -> str | None:
        """Bring indexes up to date; let the generation of the present model answer once it can.

        Returns what it still waits for.
        """
        tenant = namespace.tenant
        present = await self._read(tenant)
        if present.building is None:  # else only who writes vectors may have another way
            present = await self.generations.begin(tenant, self.make)
        for generation in present.kept:
            await self._store(generation).settle(Namespace(tenant, generation.number))
        note = await self._switch(tenant, present)
        await self._remove_retired(tenant)
        return note

    async def drop(self, namespace: Namespace) -> None:
        """Remove every generation of the tenant."""
        present = await self._read(namespace.tenant)
        for generation in (*present.kept, *present.retired):
            await self._store(generation).drop(_in(namespace, generation))
        await self.generations.forget(namespace.tenant)

    async def check(self) -> str | None:
        """Raise unless the store of the present model can be used; say whether another still answers."""
        note = await self.stores[self.make.place].check()
        makes = await self.generations.list_answering()
        others = {make.model for make in makes if make != self.make}
        notes = [note or "", *map(self._describe, sorted(others))]
        return "; ".join(filter(None, notes)) or None

    def _describe(self, model: str) -> str:
        known = {self._model, self.previous.model if self.previous else ""}
        how = "" if model in known else ", by words alone: set HEADWATER_PREVIOUS_EMBEDDER to it"
        return f"vectors of {model} answer until every space of their tenants was synced{how}"

    @property
    def _model(self) -> str:
        return self.make.model

    async def _read(self, tenant: TenantId) -> Generations:
        return await self.generations.read(tenant, self.make)

    def _store(self, generation: Generation) -> VectorStore:
        place = generation.make.place
        if place not in self.stores:
            raise RetryableError(
                f"Vectors of this tenant are in the index {place!r}, which this process did not know"
                " when it started: restart it with the settings that the others have."
            )
        return self.stores[place]

    async def _apply(self, tenant: TenantId, generation: Generation, batch: StoreBatch) -> None:
        if not (batch.upserts or batch.metadata or batch.deletions):
            return
        await self._store(generation).apply(Namespace(tenant, generation.number), batch)

    async def _follow(self, tenant: TenantId, generation: Generation, batch: StoreBatch) -> None:
        """Bring a generation of another model in step with documents that are made anew.

        What is as it was stays. What was edited is embedded by the model of that generation, or taken
        out of it where that is not at hand: it comes back with the new one. Nobody is shown an older
        text.
        """
        written = {item.metadata.document_id: item for item in batch.upserts}
        compared = await self.generations.compare(
            tenant,
            {
                key: (item.metadata.version, digest_metadata(item.metadata))
                for key, item in written.items()
            },
        )
        edited = [written[key] for key in sorted(compared.edited)]
        described = [written[key].metadata for key in sorted(compared.described)]
        anew = await self._embed_as_before(generation, edited)
        gone = compared.edited - {item.metadata.document_id for item in anew}
        rest = replace(batch, upserts=(), metadata=(*batch.metadata, *described))
        await self._apply(tenant, generation, rest)
        await self._apply(
            tenant, generation, StoreBatch(tuple(anew), deletions=tuple(sorted(gone)))
        )

    async def _embed_as_before(
        self, generation: Generation, documents: Sequence[StoredDocument]
    ) -> list[StoredDocument]:
        """Return the documents with vectors of an earlier model; none of them if that is not to be had."""
        embedder = self._find_previous(generation)
        texts = [record.chunk.embedded_text for item in documents for record in item.records]
        if embedder is None:
            return []
        try:
            fitting = [fit_question(embedder, text) for text in texts]
            vectors = iter(await embedder.embed(fitting, kind=EmbeddingKind.PASSAGE))
        except DocumentError:
            return []  # that model does not take the text; the one that is to answer does
        return [
            replace(item, records=tuple(Record(one.chunk, next(vectors)) for one in item.records))
            for item in documents
        ]

    def _find_previous(self, generation: Generation) -> Embedder | None:
        embedder = self.previous
        return embedder if embedder and embedder.model == generation.make.model else None

    async def _translate(self, generation: Generation, query: HybridQuery) -> HybridQuery:
        """Return the question with a vector of the model that answers, or without any."""
        if generation.make.model == self._model or query.vector is None:
            return query
        embedder = self._find_previous(generation)
        if embedder is None:
            return replace(query, vector=None)
        question = fit_question(embedder, query.text)
        (vector,) = await embedder.embed([question], kind=EmbeddingKind.QUERY)
        return replace(query, vector=vector)

    async def _switch(self, tenant: TenantId, present: Generations) -> str | None:
        building = present.building
        if building is None or building.make != self.make:
            return None
        behind = await self.generations.count_behind(tenant, self.make)
        if not behind:
            behind = await self._mark_lacking(tenant, building)
        if not behind and await self.generations.switch(tenant, building):
            return None
        return (
            f"{behind} documents of all spaces are still to be embedded anew, by {self._model}; until"
            f" then search answers from the vectors of {present.answering.make.model}"
        )

    async def _mark_lacking(self, tenant: TenantId, building: Generation) -> int:
        """Have documents read again that the catalog takes for written and the store does not hold."""
        after: DocumentId | None = None
        lacking = 0
        while wanted := await self.generations.read_records(
            tenant, self.make, after=after, limit=CHECKED_AT_ONCE
        ):
            store, namespace = self._store(building), Namespace(tenant, building.number)
            held = await store.count_records(namespace, list(wanted))
            missing = [key for key, count in wanted.items() if held.get(key, 0) < count]
            await self.generations.mark_unread(tenant, missing)
            lacking += len(missing)
            *_, after = wanted
        return lacking

    async def _clear_removed(self, tenant: TenantId, written: Generations) -> None:
        """Remove what was just written into a generation that went out of use meanwhile."""
        kept = (await self._read(tenant)).kept
        for generation in written.kept:
            if generation not in kept:
                await self._store(generation).drop(Namespace(tenant, generation.number))

    async def _remove_retired(self, tenant: TenantId) -> None:
        for generation in (await self._read(tenant)).retired:
            if generation.make.place in self.stores:
                await self._store(generation).drop(Namespace(tenant, generation.number))
                await self.generations.forget(tenant, generation)


def _in(namespace: Namespace, generation: Generation) -> Namespace:
    return Namespace(namespace.tenant, generation.number)
