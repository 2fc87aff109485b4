"""How often a growing store is tidied."""

from itertools import pairwise

import pytest

from headwater.services.sync.storekeeping import count_tidyings


def test_a_small_job_tidies_every_thousand_documents() -> None:
    assert [count_tidyings(n) for n in (0, 999, 1000, 9_999, 10_000)] == [0, 0, 1, 9, 10]


@pytest.mark.parametrize("documents", [10_000, 100_000, 1_000_000])
def test_however_much_there_is_it_is_tidied_a_dozen_times_at_most(documents: int) -> None:
    tidied = sum(
        after
        for before, after in pairwise(range(0, documents + 1, 250))
        if count_tidyings(before) < count_tidyings(after)
    )
    assert tidied < 12 * documents
