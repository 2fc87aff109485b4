import json
import re
from pathlib import Path

import pytest

from headwater.domain.jobs import ContentRestriction
from tests.contract.api.examples import (
    CREDENTIALS,
    CURL,
    LISTING_PATH,
    MISSING_TOKEN_LISTING,
    MISSING_TOKEN_UPLOAD,
    PLACEHOLDER_LISTING,
    PLACEHOLDER_UPLOAD,
    SPACES_ANSWER,
    UPLOAD_PATH,
    UPLOADS,
    changed,
    without,
)
from tests.contract.api.fakes import SPACES, TENANT, assert_refused

SPECIFICATION = Path(__file__).parents[3] / "../shared/spec"
PLACEHOLDERS = {
    "{{confluence_instance_url}}": CREDENTIALS["instance_url"],
    "{{confluence_web_url}}": CREDENTIALS["web_url_instance"],
    "{{confluence_username}}": CREDENTIALS["username"],
    "{{confluence_api_token}}": CREDENTIALS["api_token"],
}


def embedded_objects(name):
    """Return every JSON object that a page of the specification shows, commands included."""
    page = SPECIFICATION / name
    if not page.exists():
        pytest.skip(f"the specification's page {name} is not here")
    text = page.read_text()
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    decoder = json.JSONDecoder()
    return [
        decoder.raw_decode(text, found.start())[0]
        for found in re.finditer(r"(?<=[\n'])\{(?!\{)", text)
    ]


@pytest.mark.parametrize("name", UPLOADS)
async def test_every_upload_example_answers_200_with_a_bare_job_id(client, world, name):
    response = await client.post(UPLOAD_PATH, json=UPLOADS[name])

    assert response.status_code == 200
    job_id = response.json()
    assert job_id == (UPLOADS[name]["job_id"] or "job-1")
    (ref,) = world.queue.enqueued
    assert (ref.job_id, str(ref.tenant)) == (job_id, TENANT)


async def test_the_restrictions_of_an_upload_reach_the_job(client, world):
    await client.post(UPLOAD_PATH, json=UPLOADS["with restrictions"])

    (job,) = world.jobs.stored.values()
    assert job.request.restriction == ContentRestriction(
        ("engineering", "support"), blacklisted=True, source_restriction=True
    )


async def test_the_listing_example_answers_exactly_the_promised_spaces(client, world):
    world.sources.spaces = SPACES[:3]

    response = await client.post(LISTING_PATH, json=CREDENTIALS)

    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"spaces"}
    by_key = sorted(SPACES_ANSWER["spaces"], key=lambda space: space["key"])
    assert answer["spaces"] == by_key


async def test_the_error_examples_are_answered_word_for_word(client):
    upload = await client.post(UPLOAD_PATH, json=without(CURL, "authorization.api_token"))
    listing = await client.post(LISTING_PATH, json=without(CREDENTIALS, "api_token"))

    assert (upload.status_code, upload.json()) == (422, MISSING_TOKEN_UPLOAD)
    assert (listing.status_code, listing.json()) == (422, MISSING_TOKEN_LISTING)


async def test_the_placeholder_examples_are_refused_where_they_are_no_values(client):
    listing = await client.post(LISTING_PATH, json=PLACEHOLDER_LISTING)
    upload = await client.post(UPLOAD_PATH, json=PLACEHOLDER_UPLOAD)
    with_tenant = changed(PLACEHOLDER_UPLOAD, "pinecone_config.tenant_id", TENANT)
    filled = await client.post(UPLOAD_PATH, json=with_tenant)

    assert_refused(
        listing,
        422,
        (("body", "instance_url"), "value_error.url.scheme"),
        (("body", "web_url_instance"), "value_error.url.scheme"),
    )
    tenant = ("body", "pinecone_config", "tenant_id")
    assert_refused(upload, 403, (tenant, "permission_error.tenant"))
    assert_refused(
        filled, 422, (("body", "authorization", "instance_url"), "value_error.url.scheme")
    )


@pytest.mark.parametrize(
    ("page", "path", "key", "expected"),
    [
        ("seed-confluence-upload.md", UPLOAD_PATH, "authorization", [403, 200, 200, 200, 200]),
        ("seed-confluence-space-listing.md", LISTING_PATH, "api_token", [422, 200, 200]),
    ],
)
async def test_the_requests_in_the_specification_are_served_as_written(
    client, page, path, key, expected
):
    requests = [item for item in embedded_objects(page) if key in item]

    statuses = [(await client.post(path, json=item)).status_code for item in requests]

    assert statuses == expected


async def test_the_answers_in_the_specification_are_those_tested_here():
    listing = embedded_objects("seed-confluence-space-listing.md")
    upload = embedded_objects("seed-confluence-upload.md")

    assert SPACES_ANSWER in listing
    assert MISSING_TOKEN_LISTING in listing
    assert MISSING_TOKEN_UPLOAD in upload
