"""Extractors for tests: one shared pool, and fresh ones with limits of their own."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headwater.adapters.extraction.limits import Limits
from headwater.adapters.extraction.pool import ProcessExtractor
from headwater.ports import AttachmentFile, ExtractionPolicy

TRAPPED = Path(__file__).with_name("trapped_worker.py")


def trapped_command(coverage=""):
    return (sys.executable, "-I", str(TRAPPED), coverage)


@asynccontextmanager
async def open_extractor(**limits):
    extractor = ProcessExtractor(Limits(**limits), command=trapped_command())
    try:
        yield extractor
    finally:
        await extractor.close()


@pytest.fixture(scope="session")
def shared_extractor():
    coverage = os.environ.get("COVERAGE_PROCESS_CONFIG", "")
    extractor = ProcessExtractor(command=trapped_command(coverage))
    yield extractor
    asyncio.run(extractor.close())


@pytest.fixture
def extract(shared_extractor):
    async def extract(data, name="file", media_type="", *, use_ocr=False, languages=()):
        file = AttachmentFile(name, media_type, data)
        return await shared_extractor.extract(file, ExtractionPolicy(use_ocr, languages))

    return extract
