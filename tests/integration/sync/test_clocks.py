"""A Confluence whose clock is not ours: what changed is told by versions, so nothing is missed."""

from datetime import UTC, datetime, timedelta

import pytest

from headwater.sandbox.clock import SteppingClock
from tests.integration.sync.happenings import COMMON, make_world
from tests.integration.sync.lab import KEY, paragraphs
from tests.integration.sync.oracle import check_clean, open_bench


@pytest.mark.parametrize("hours", [-5, 9000])
async def test_a_confluence_whose_clock_is_off_is_followed_edit_by_edit(tmp_path, hours):
    world = make_world(uses_roles=False)
    world.clock = clock = SteppingClock(datetime.now(UTC) + timedelta(hours=hours))
    page = world.create_page(KEY, f"Late {COMMON}", paragraphs(f"{COMMON} at first")).id
    async with open_bench(tmp_path) as bench:
        index = bench.open(world)
        check_clean(await index.sync(KEY))
        world.edit(page, paragraphs(f"{COMMON} and then"))
        clock.advance(-timedelta(hours=3))
        added = world.create_page(KEY, f"Earlier {COMMON}", paragraphs(f"{COMMON} by its clock"))
        job = await index.sync(KEY)
        check_clean(job)
        counted = job.progress.documents
        assert (counted.updated, counted.added) == (1, 1)
        assert added.id in {row["content_id"] for row in (await index.read_rows(KEY)).values()}
        await index.check_like_new(KEY)
