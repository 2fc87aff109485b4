"""A tenant with too many open jobs is told when to come again."""

import pytest

from headwater.domain.errors import TooManyJobsError
from tests.contract.api.examples import UPLOAD_PATH, UPLOADS


@pytest.mark.parametrize("name", list(UPLOADS)[:1])
async def test_an_upload_too_many_is_429_with_retry_after(client, world, name):
    world.sources.error = TooManyJobsError("2 jobs are queued or running", retry_after=59.5)
    response = await client.post(UPLOAD_PATH, json=UPLOADS[name])
    assert response.status_code == 429
    assert response.headers["retry-after"] == "60"
    (problem,) = response.json()["detail"]
    assert problem["type"] == "rate_limit_error.open_jobs"
