"""Data dirs that start quickly, and a Confluence to read."""

import asyncio
import os
import shutil
import threading

import pytest

from headwater.adapters.embedders.local import LocalEmbedder
from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.server import run_sandbox_thread

PAGES = 70
POSTS = 6
DOCUMENTS = PAGES + POSTS
"""In each space."""

TRACED = ("test_command_line", "test_mcp", "test_postgres")
"""Modules whose processes are traced for coverage: a start takes twice as long, and what is killed tells nothing."""

FIRST_GROUP = 64
"""How many pages the service reads the names of people for together, and so settles one after another."""


@pytest.fixture(scope="module", autouse=True)
def _untraced(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.path.stem not in TRACED:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture(scope="session")
def built_models(tmp_path_factory):
    """The model as the first start builds it; every data dir gets it as a hard link."""
    folder = tmp_path_factory.mktemp("models")

    async def build():
        await (await LocalEmbedder.open(folder)).close()

    asyncio.run(build())
    return folder / "models"


@pytest.fixture
def data_dir(tmp_path, built_models):
    return make_data_dir(tmp_path / "data", built_models)


def make_data_dir(folder, models):
    folder.mkdir(mode=0o700)
    shutil.copytree(models, folder / "models", copy_function=os.link)
    return folder


@pytest.fixture(scope="session")
def site():
    """A Confluence with two spaces, GEN1 and GEN2, of 70 pages and 6 blog posts each."""
    world = generate_world(Recipe(pages=2 * PAGES, spaces=2, words_per_page=20))
    for space in ("GEN1", "GEN2"):
        for number in range(POSTS):
            world.create_blogpost(space, f"{space} news {number}", f"<p>Issue {number}.</p>")
    with run_sandbox_thread(world) as sandbox:
        yield sandbox


@pytest.fixture
def gate(site):
    """A gate before the bodies of blog posts: closed, it holds a job that has settled a group of pages."""
    gate = Gate()
    site.faults.append(gate.hold)
    yield gate
    gate.open()
    site.faults.remove(gate.hold)


class Gate:
    """Holds answers, however long, until it is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self):
        self._opened.set()

    async def hold(self, request, template, answer):
        if template.endswith("/blogposts") and "body-format" in request.query_params:
            await asyncio.to_thread(self._opened.wait)
        return answer
