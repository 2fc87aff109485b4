"""One service and one Confluence for all tests, one browser for each module of them."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from headwater.sandbox.server import run_sandbox_thread
from tests.browser.driving import CHROMIUM, open_chromium
from tests.browser.wiki import make_wiki
from tests.e2e.service_process import run_service
from tests.unit.adapters.embeddings_server import KEY, MODEL, serve_embeddings


def pytest_collection_modifyitems(items):
    """Skip, and say why, where there is no browser; on a busy machine pages take their time."""
    for item in items:
        if "tests/browser/" not in item.nodeid:
            continue
        item.add_marker(pytest.mark.timeout(600))
        if CHROMIUM is None:
            reason = "needs Debian's chromium on the PATH: apt-get install chromium"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def site():
    with run_sandbox_thread(make_wiki()) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    """The address of a service in a process of its own, whose vectors cost next to nothing."""
    data_dir = tmp_path_factory.mktemp("browser")
    with run_embeddings_thread() as embeddings:
        model = {
            "embedder": "openai",
            "embedder_url": embeddings,
            "embedder_model": MODEL,
            "embedder_api_key": KEY,
        }
        with run_service(data_dir, "serve", **model) as service:
            yield service.url


@contextmanager
def run_embeddings_thread() -> Iterator[str]:
    """Serve embeddings from a thread of their own; give the address."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve():
        async with serve_embeddings() as server:
            stop = asyncio.Event()
            started.set_result((server.url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="embeddings")
    thread.start()
    address, loop, stop = started.result(timeout=30)
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@pytest.fixture(scope="module")
def browser():
    with open_chromium() as browser:
        yield browser
