"""A change of model: the vectors that were answer until the new ones are complete, and nothing leaks."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from headwater.adapters.catalog.stores import open_catalog
from headwater.adapters.embedders.memory import MemoryEmbedder
from headwater.adapters.lance.store import LanceStore
from headwater.adapters.memory_store import MemoryStore
from headwater.adapters.pinecone.opening import IndexSettings
from headwater.domain.ids import Namespace, SpaceKey
from headwater.domain.jobs import ContentRestriction, JobStatus
from headwater.ports import Make, StoreBatch, VectorStore
from headwater.sandbox.world import World
from headwater.services.deletion import delete_by_url
from headwater.services.generations import GenerationalStore
from tests.integration.sync.lab import KEY, TENANT, Lab, open_lab_on, paragraphs
from tests.pinecone.opening import open_pinecone_store
from tests.pinecone.server import run_pinecone

BEFORE, AFTER = 64, 32
STAFF = "confluence-users"
"""Who may view a space of the sandbox, unless it says otherwise."""
STRICT = ContentRestriction(source_restriction=True)
OTHER = "TWO"


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Refit:
    """A lab, and the same lab as it is when its process starts again with another model."""

    lab: Lab
    opened: dict[int, GenerationalStore]

    @property
    def before(self) -> Lab:
        """Return the lab with the model that it began with."""
        return self.use(BEFORE)

    def use(self, dimension: int, *, previous: int | None = None) -> Lab:
        embedder = MemoryEmbedder(dimension=dimension)
        earlier = MemoryEmbedder(dimension=previous) if previous else None
        store = replace(self.opened[dimension], previous=earlier)
        ports = replace(self.lab.ports, embedder=embedder, store=store)
        return replace(self.lab, ports=ports, embedder=embedder)

    def inner(self, dimension: int) -> VectorStore:
        """Return what keeps the vectors of one model."""
        store = self.opened[dimension]
        return store.stores[store.make.place]

    async def count(self, dimension: int, generation: int) -> int:
        """Return how many documents are stored for a model, whether they answer or not."""
        return len(await self.inner(dimension).list_documents(Namespace(TENANT, generation)))


@pytest.fixture(scope="module")
def pinecone():
    with run_pinecone() as server:
        yield server


@pytest.fixture(params=["lance", "pinecone"])
async def refit(request, tmp_path, pinecone):
    async with AsyncExitStack() as stack:
        stores = await open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
        stack.push_async_callback(stores.close)
        pinecone.reset()
        keepers = {"lance": keep_in_lance, "pinecone": keep_in_pinecone}
        kept = await keepers[request.param](stack, tmp_path, pinecone, stores.ledger)
        opened = {
            dimension: GenerationalStore(
                Make(MemoryEmbedder(dimension=dimension).model, place), stores.generations, places
            )
            for dimension, (place, places) in kept.items()
        }
        lab = await stack.enter_async_context(open_lab_on(stores, opened[BEFORE], make_world()))
        yield Refit(lab, opened)


async def keep_in_lance(stack, folder, *_):
    """As two processes, one after the other, open the one folder."""
    kept = {}
    for dimension in (BEFORE, AFTER):
        store = await LanceStore.open(folder / "vectors", dimension=dimension)
        stack.callback(store.close)
        kept[dimension] = ("", {"": store})
    return kept


async def keep_in_pinecone(stack, _, server, ledger):
    """An index holds vectors of one length, so there are two."""
    places = {}
    for dimension in (BEFORE, AFTER):
        index = IndexSettings(f"of-{dimension}", "aws", "us-east-1")
        store = open_pinecone_store(server, ledger, dimension=dimension, index=index)
        places[index.name] = await stack.enter_async_context(store)
    return {dimension: (f"of-{dimension}", places) for dimension in (BEFORE, AFTER)}


def make_world():
    world = World()
    world.people.add_group("board")
    for key in (KEY, OTHER):
        world.add_space(key, key)
        for word in ("quokka", "wombat", "numbat"):
            world.create_page(key, f"{key} {word}", paragraphs(f"the {word} of {key.lower()}"))
    return world


def find_page(lab, title):
    return next(item.id for item in lab.world.tree.contents.values() if item.title == title)


def page_url(lab, title):
    page = find_page(lab, title)
    return f"{lab.site.web_url}/spaces/{KEY}/pages/{page}/Some+title"


async def sync_both(lab, **changes):
    return [await lab.sync(space=SpaceKey(key), **changes) for key in (KEY, OTHER)]


@pytest.mark.parametrize("previous", [None, BEFORE])
async def test_what_was_answers_until_every_space_is_embedded_anew(refit, previous):
    await sync_both(refit.before)
    after = refit.use(AFTER, previous=previous)
    first = await after.sync()
    assert first.status is JobStatus.SUCCEEDED
    assert "3 documents of all spaces are still to be embedded anew" in first.message
    assert set((await after.find("quokka"))[:2]) == {f"{KEY} quokka", f"{OTHER} quokka"}
    assert (await refit.count(BEFORE, 0), await refit.count(AFTER, 1)) == (6, 3)
    second = await after.sync(space=SpaceKey(OTHER))
    assert "anew" not in second.message
    assert (await after.find("quokka"))[0].endswith("quokka")
    assert (await refit.count(BEFORE, 0), await refit.count(AFTER, 1)) == (0, 6)
    assert len(await after.indexed()) == 6
    again = await after.sync()
    assert (again.progress.documents.unchanged, again.progress.chunks.embedded) == (3, 0)


async def test_what_is_gone_or_restricted_meanwhile_is_seen_no_more(refit):
    await sync_both(refit.before, restriction=STRICT)
    after = refit.use(AFTER)
    await after.sync(restriction=STRICT)
    after.world.trash(find_page(after, f"{KEY} quokka"))
    after.world.restrict(find_page(after, f"{KEY} wombat"), groups=["board"])
    await after.sync(restriction=STRICT)
    await delete_by_url(
        after.ports, TENANT, page_url(after, f"{KEY} numbat"), include_descendants=False
    )
    assert await after.find("quokka", groups=[STAFF]) == [f"{OTHER} quokka"]
    assert await after.find("wombat", groups=[STAFF]) == [f"{OTHER} wombat"]
    both = {f"{KEY} wombat", f"{OTHER} wombat"}
    assert set(await after.find("wombat", groups=[STAFF, "board"])) == both
    assert await after.find("numbat", groups=[STAFF]) == [f"{OTHER} numbat"]
    assert await after.find("numbat") == []
    assert (await refit.count(BEFORE, 0), await refit.count(AFTER, 1)) == (4, 1)


async def test_an_edited_page_is_embedded_by_the_model_before_where_that_is_at_hand(refit):
    await sync_both(refit.before)
    after = refit.use(AFTER, previous=BEFORE)
    page = find_page(after, f"{KEY} quokka")
    for place, word in enumerate(("zeppelin", "airship")):
        after.world.edit(page, paragraphs(f"a {word} lands"))
        after.world.create_page(KEY, f"New {place}", paragraphs(f"the {word} is new"))
        await after.sync()
        assert set(await after.find(word)) >= {f"{KEY} quokka", f"New {place}"}
        assert f"New {place}" in (await after.find(word))[:2]
    assert await refit.count(BEFORE, 0) == 8


async def test_without_the_model_before_words_find_and_an_old_text_is_not_shown(refit):
    await sync_both(refit.before)
    after = refit.use(AFTER)
    after.world.edit(find_page(after, f"{KEY} quokka"), paragraphs("a zeppelin lands"))
    await after.sync()
    assert await after.find("zeppelin") == []
    assert await after.find("quokka") == [f"{OTHER} quokka"]
    await after.sync(space=SpaceKey(OTHER))
    assert (await after.find("zeppelin"))[0] == f"{KEY} quokka"


async def test_a_crash_between_the_two_is_made_good_by_the_repeat(refit, monkeypatch):
    await sync_both(refit.before)
    after = refit.use(AFTER)

    async def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(GenerationalStore, "_follow", die)
        ref = await after.submit()
        with pytest.raises(Killed):
            await after.run(ref)
    assert len(await after.indexed()) == 6
    assert (await after.run(ref)).status is JobStatus.SUCCEEDED
    await after.sync(space=SpaceKey(OTHER))
    assert (await refit.count(BEFORE, 0), await refit.count(AFTER, 1)) == (0, 6)


@pytest.mark.parametrize("refit", ["lance"], indirect=True)
async def test_what_the_new_vectors_lack_keeps_them_from_answering(refit):
    await sync_both(refit.before)
    after = refit.use(AFTER)
    await after.sync()
    held = await refit.inner(AFTER).list_documents(Namespace(TENANT, 1))
    lost = StoreBatch(deletions=(min(held),))
    await refit.inner(AFTER).apply(Namespace(TENANT, 1), lost)
    job = await after.sync(space=SpaceKey(OTHER))
    assert "1 documents of all spaces are still to be embedded anew" in job.message
    assert len(await after.indexed()) == await refit.count(BEFORE, 0) == 6
    job = await after.sync()
    assert (job.progress.chunks.embedded, await refit.count(AFTER, 1)) == (1, 6)
    assert await refit.count(BEFORE, 0) == 0


@pytest.mark.parametrize("refit", ["lance"], indirect=True)
async def test_going_back_gives_the_new_vectors_up_and_loses_nothing(refit):
    await sync_both(refit.before)
    after = refit.use(AFTER)
    after.world.edit(find_page(after, f"{KEY} quokka"), paragraphs("a zeppelin lands"))
    await after.sync()
    await sync_both(refit.before)
    assert (await refit.before.find("zeppelin"))[0] == f"{KEY} quokka"
    assert (await refit.count(BEFORE, 0), await refit.count(AFTER, 1)) == (6, 0)
    await sync_both(after)
    assert (await refit.count(BEFORE, 0), await refit.count(AFTER, 2)) == (0, 6)
    assert (await after.find("zeppelin"))[0] == f"{KEY} quokka"


@pytest.mark.parametrize("refit", ["lance"], indirect=True)
async def test_a_question_under_way_when_they_change_over_is_asked_again(refit, monkeypatch):
    await sync_both(refit.before)
    after = refit.use(AFTER, previous=BEFORE)
    await after.sync()
    ask = GenerationalStore._translate

    async def change_over_first(store, generation, query):
        asked = await ask(store, generation, query)
        if generation.number == 0:
            await after.sync(space=SpaceKey(OTHER))
        return asked

    monkeypatch.setattr(GenerationalStore, "_translate", change_over_first)
    assert (await after.find("quokka"))[0].endswith("quokka")


@pytest.mark.parametrize("refit", ["lance"], indirect=True)
async def test_another_index_for_the_same_model_is_filled_and_then_answers(refit):
    await sync_both(refit.before)
    moved = refit.use(BEFORE)
    elsewhere = MemoryStore()
    store = refit.opened[BEFORE]
    make = replace(store.make, place="elsewhere")
    places = {**store.stores, "elsewhere": elsewhere}
    ports = replace(moved.ports, store=replace(store, make=make, stores=places))
    moved = replace(moved, ports=ports)
    for _ in range(2):  # the first finds that all is to be written anew
        await sync_both(moved)
    assert len(await elsewhere.list_documents(Namespace(TENANT, 1))) == 6
    assert await refit.count(BEFORE, 0) == 0
    assert (await moved.find("quokka"))[0].endswith("quokka")
