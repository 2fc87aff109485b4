import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.api.application import create_app
from tests.contract.api.examples import (
    CREDENTIALS,
    CURL,
    LISTING_PATH,
    SEARCH,
    SEARCH_PATH,
    UPLOAD_PATH,
    changed,
    without,
)
from tests.contract.api.fakes import World, assert_refused, call_app, make_settings

JSON = {"content-type": "application/json"}
BODY = ("body",)
TOO_LONG_NUMBER = b'{"a": ' + b"1" * 5000 + b"}"


@pytest.mark.parametrize(
    ("raw", "loc", "kind"),
    [
        (b"", BODY, "value_error.jsondecode"),
        (b"  \n", BODY, "value_error.jsondecode"),
        (b"{", ("body", 1), "value_error.jsondecode"),
        (b"{'a': 1}", ("body", 1), "value_error.jsondecode"),
        (b'{"a": 1}x', ("body", 8), "value_error.jsondecode"),
        (b'{"a": "b\n"}', ("body", 8), "value_error.jsondecode"),
        (b'{"a": 01}', ("body", 7), "value_error.jsondecode"),
        (b"\xef\xbb\xbf{}", ("body", 0), "value_error.jsondecode"),
        (b'{"a": "\xff"}', BODY, "value_error.jsondecode"),
        (b'{"a": NaN}', BODY, "value_error.jsondecode"),
        (b'{"a": -Infinity}', BODY, "value_error.jsondecode"),
        (b'{"a": "\\ud800"}', BODY, "value_error.jsondecode"),
        (b'{"\\udfff": 1}', BODY, "value_error.jsondecode"),
        (b'{"a": 1, "a": 2}', BODY, "value_error.jsondecode"),
        (TOO_LONG_NUMBER, BODY, "value_error.jsondecode"),
        (b"[]", BODY, "type_error.dict"),
        (b"null", BODY, "type_error.dict"),
        (b'"text"', BODY, "type_error.dict"),
        (b"1", BODY, "type_error.dict"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, BODY, "value_error.too_deep"),
        (b"[" * 500_000, BODY, "value_error.too_deep"),
        (b'{"a":"' + b"x" * 1024 * 1024 + b'"}', BODY, "value_error.too_large"),
    ],
)
async def test_what_is_no_readable_json_object_is_400(client, raw, loc, kind):
    response = await client.post(UPLOAD_PATH, content=raw, headers=JSON)

    assert_refused(response, 400, (loc, kind))


async def test_64_levels_and_one_mebibyte_are_still_read(client):
    deep = b'{"a":' * 63 + b"{}" + b"}" * 63
    large = b"{" + b" " * (1024 * 1024 - 2) + b"}"

    for raw in (deep, large):
        response = await client.post(UPLOAD_PATH, content=raw, headers=JSON)
        assert_refused(response, 422, (("body", "space"), "value_error.missing"))


async def test_brackets_in_strings_are_no_nesting(client):
    body = {**CURL, "note": '\\"' + "[" * 1000}

    assert (await client.post(UPLOAD_PATH, json=body)).status_code == 200


async def test_reading_stops_as_soon_as_a_body_is_too_large(client):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 65_536

    response = await client.post(UPLOAD_PATH, content=endless(), headers=JSON)

    assert_refused(response, 400, (BODY, "value_error.too_large"))
    assert sent == 17


async def test_a_declared_length_that_is_too_large_is_refused_unread(client):
    read = []

    async def unread():
        read.append("a part")
        yield b" "

    headers = {**JSON, "content-length": "99999999"}
    response = await client.post(UPLOAD_PATH, content=unread(), headers=headers)

    assert_refused(response, 400, (BODY, "value_error.too_large"))
    assert read == []


@pytest.mark.parametrize(
    "declared",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"],
)
async def test_a_body_not_declared_as_json_is_400(client, declared):
    headers = {} if declared is None else {"content-type": declared}

    response = await client.post(UPLOAD_PATH, content=json.dumps(CURL).encode(), headers=headers)

    assert_refused(response, 400, (("header", "content-type"), "value_error.content_type"))


@pytest.mark.parametrize(
    "declared",
    ["application/json; charset=utf-8", "Application/JSON", "application/vnd.acme.v2+json"],
)
async def test_every_way_to_declare_json_is_taken(client, declared):
    headers = {"content-type": declared}

    response = await client.post(UPLOAD_PATH, content=json.dumps(CURL).encode(), headers=headers)

    assert response.status_code == 200


@pytest.mark.parametrize("accept", ["", "text/html", "application/json;q=0"])
async def test_whatever_accept_says_the_answer_is_json(client, accept):
    response = await client.post(LISTING_PATH, json=CREDENTIALS, headers={"accept": accept})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "authorization",
        "authorization.instance_url",
        "authorization.web_url_instance",
        "authorization.username",
        "authorization.api_token",
        "pinecone_config",
        "pinecone_config.rezolve_domain",
        "pinecone_config.tenant_id",
        "sync_config",
        "sync_config.incremental",
        "sync_config.processor_mode",
        "sync_config.use_ocr",
        "space",
    ],
)
async def test_a_required_field_is_reported_missing_and_refused_as_null(client, path):
    loc = ("body", *path.split("."))

    missing = await client.post(UPLOAD_PATH, json=without(CURL, path))
    null = await client.post(UPLOAD_PATH, json=changed(CURL, path, None))

    assert missing.status_code == 422
    assert missing.json() == {
        "detail": [{"loc": list(loc), "msg": "field required", "type": "value_error.missing"}]
    }
    assert null.json() == {
        "detail": [
            {
                "loc": list(loc),
                "msg": "none is not an allowed value",
                "type": "type_error.none.not_allowed",
            }
        ]
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("content_restriction", None),
        ("content_restriction.audience", None),
        ("content_restriction.audience", []),
        ("content_restriction.blacklisted", None),
        ("content_restriction.source_restriction", None),
        ("sync_config.sync_configuration_id", None),
        ("sync_config.last_sync", None),
        ("sync_config.last_sync", ""),
        ("sync_config.last_sync", "2025-12-01"),
        ("sync_config.last_sync", "2025-12-01T10:00"),
        ("sync_config.last_sync", "2025-12-01T10:00:00+05:30"),
        ("sync_config.last_sync", "20251201T100000Z"),
        ("job_id", None),
        ("authorization.username", ""),
        ("extra", {"unknown": True}),
        ("authorization.extra", 1),
    ],
)
async def test_optional_fields_may_be_null_or_empty_and_unknown_ones_are_ignored(
    client, path, value
):
    response = await client.post(UPLOAD_PATH, json=changed(CURL, path, value))

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", ["content_restriction", "job_id", "sync_config.last_sync"])
async def test_optional_fields_may_be_absent(client, path):
    assert (await client.post(UPLOAD_PATH, json=without(CURL, path))).status_code == 200


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("authorization", "text", "type_error.dict"),
        ("authorization", [], "type_error.dict"),
        ("authorization.username", 5, "type_error.str"),
        ("authorization.api_token", 5, "type_error.str"),
        ("authorization.api_token", "", "value_error.any_str.min_length"),
        ("authorization.api_token", "a\nb", "value_error.str.control"),
        ("authorization.api_token", "x" * 9000, "value_error.any_str.max_length"),
        ("authorization.instance_url", "", "value_error.url.scheme"),
        ("authorization.instance_url", "acme.atlassian.net", "value_error.url.scheme"),
        ("authorization.instance_url", "ftp://acme.net", "value_error.url.scheme"),
        ("authorization.instance_url", "https://", "value_error.url.host"),
        ("authorization.instance_url", "https://[::1", "value_error.url.host"),
        ("authorization.instance_url", "https://acme.net:99999", "value_error.url.port"),
        ("authorization.instance_url", "https://a b.net", "value_error.url"),
        ("authorization.instance_url", "https://a.net\\@b.net", "value_error.url"),
        ("authorization.instance_url", "https://me:pw@a.net", "value_error.url.userinfo"),
        ("authorization.web_url_instance", "https:///x", "value_error.url.host"),
        (
            "authorization.web_url_instance",
            "https://a/" + "x" * 3000,
            "value_error.any_str.max_length",
        ),
        ("content_restriction", "all", "type_error.dict"),
        ("content_restriction.audience", "all", "type_error.list"),
        ("content_restriction.audience", {"all": 1}, "type_error.list"),
        ("content_restriction.audience", ["a"] * 10_001, "value_error.list.max_items"),
        ("content_restriction.blacklisted", "true", "type_error.bool"),
        ("content_restriction.source_restriction", 1, "type_error.bool"),
        ("pinecone_config.rezolve_domain", 1, "type_error.str"),
        ("pinecone_config.tenant_id", 1, "type_error.str"),
        ("sync_config.incremental", "true", "type_error.bool"),
        ("sync_config.incremental", 1, "type_error.bool"),
        ("sync_config.use_ocr", 0, "type_error.bool"),
        ("sync_config.processor_mode", "fast", "type_error.enum"),
        ("sync_config.processor_mode", "", "type_error.enum"),
        ("sync_config.processor_mode", 5, "type_error.enum"),
        ("sync_config.last_sync", "yesterday", "value_error.datetime"),
        ("sync_config.last_sync", "2025-13-01T00:00:00Z", "value_error.datetime"),
        ("sync_config.last_sync", "2025-12-01x10:00", "value_error.datetime"),
        ("sync_config.last_sync", "0001-01-01T00:00:00+10:00", "value_error.datetime"),
        ("sync_config.last_sync", 1765630000, "type_error.str"),
        ("sync_config.sync_configuration_id", 7, "type_error.str"),
        ("space", "", "value_error.any_str.min_length"),
        ("space", "  ", "value_error.any_str.min_length"),
        ("space", "K\u0000B", "value_error.str.control"),
        ("space", ["KB"], "type_error.str"),
        ("job_id", "a b", "value_error.str.regex"),
        ("job_id", "x" * 201, "value_error.str.regex"),
        ("job_id", "é", "value_error.str.regex"),
        ("job_id", 5, "type_error.str"),
    ],
)
async def test_nothing_is_coerced_and_every_wrong_value_has_its_type(
    client, world, path, value, kind
):
    response = await client.post(UPLOAD_PATH, json=changed(CURL, path, value))

    assert_refused(response, 422, (("body", *path.split(".")), kind))
    assert len(response.json()["detail"]) == 1
    assert world.jobs.stored == {}


async def test_an_enum_names_the_permitted_values(client):
    body = changed(CURL, "sync_config.processor_mode", "fast")

    (problem,) = (await client.post(UPLOAD_PATH, json=body)).json()["detail"]

    assert "'auto', 'manual'" in problem["msg"]


async def test_items_of_a_list_are_reported_by_their_index_and_not_without_end(client):
    two = await client.post(
        UPLOAD_PATH, json=changed(CURL, "content_restriction.audience", ["a", None, "", 5])
    )
    many = await client.post(
        UPLOAD_PATH, json=changed(CURL, "content_restriction.audience", [None] * 5000)
    )

    audience = ("body", "content_restriction", "audience")
    assert_refused(
        two,
        422,
        ((*audience, 1), "type_error.none.not_allowed"),
        ((*audience, 2), "value_error.any_str.min_length"),
        ((*audience, 3), "type_error.str"),
    )
    assert len(many.json()["detail"]) == 100


async def test_a_refused_value_is_never_repeated(client):
    body = changed(CURL, "authorization.api_token", "s3cret\u0001")
    body = changed(body, "authorization.instance_url", "https://me:pa55@a.net")

    text = (await client.post(UPLOAD_PATH, json=body)).text

    assert "s3cret" not in text
    assert "pa55" not in text


async def test_manual_mode_without_a_stored_configuration_is_422_there(client):
    body = changed(CURL, "sync_config.processor_mode", "manual")

    response = await client.post(UPLOAD_PATH, json=body)

    loc = ("body", "sync_config", "sync_configuration_id")
    assert_refused(response, 422, (loc, "value_error.missing"))


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("query", "", "value_error.any_str.min_length"),
        ("query", " \n ", "value_error.any_str.min_length"),
        ("query", "x" * 10_001, "value_error.any_str.max_length"),
        ("query", "a\u0000b", "value_error.str.control"),
        ("query", None, "type_error.none.not_allowed"),
        ("top_k", 0, "value_error.number.not_ge"),
        ("top_k", 101, "value_error.number.not_le"),
        ("top_k", 10**30, "value_error.number.not_le"),
        ("top_k", "10", "type_error.integer"),
        ("top_k", True, "type_error.integer"),
        ("top_k", 10.0, "type_error.integer"),
        ("labels", "a", "type_error.list"),
        ("labels", ["a"] * 10_001, "value_error.list.max_items"),
        ("modified_after", "soon", "value_error.datetime"),
        ("pinecone_config", None, "type_error.none.not_allowed"),
    ],
)
async def test_a_wrong_search_is_422(client, path, value, kind):
    response = await client.post(SEARCH_PATH, json=changed(SEARCH, path, value))

    assert_refused(response, 422, (("body", path), kind))


async def test_an_unknown_content_type_is_422_at_its_index(client):
    body = {**SEARCH, "content_types": ["page", "comment"]}

    response = await client.post(SEARCH_PATH, json=body)

    assert_refused(response, 422, (("body", "content_types", 1), "type_error.enum"))


APP = create_app(make_settings(), World().ports)


def call_fresh_world():
    """Return a client of the one application, over ports that no earlier example used."""
    APP.state.ports = World().ports()
    return call_app(APP)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
leaf_paths = st.sampled_from(
    [*CURL, "authorization.instance_url", "authorization.api_token", "authorization.username"]
    + [f"sync_config.{name}" for name in CURL["sync_config"]]
    + [f"content_restriction.{name}" for name in CURL["content_restriction"]]
    + ["pinecone_config.tenant_id", "pinecone_config.rezolve_domain"]
)
odd_uploads = st.builds(lambda path, value: changed(CURL, path, value), leaf_paths, json_values)
odd_searches = st.builds(
    lambda name, value: {**SEARCH, name: value},
    st.sampled_from(["query", "top_k", "space", "labels", "modified_after", "content_types"]),
    json_values,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    request=st.tuples(st.sampled_from([UPLOAD_PATH, LISTING_PATH, SEARCH_PATH]), json_values)
    | st.tuples(st.just(UPLOAD_PATH), odd_uploads)
    | st.tuples(st.just(SEARCH_PATH), odd_searches)
)
async def test_no_json_whatsoever_is_a_500_or_leaves_the_error_shape(request):
    path, body = request
    raw = json.dumps(body).encode()
    async with call_fresh_world() as client:
        response = await client.post(path, content=raw, headers=JSON)

    if response.status_code != 200:
        assert_refused(response, response.status_code)
        assert response.status_code in {400, 403, 422}


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=60) | st.text('{}[]",:\\u0dD8aA1 ', max_size=40).map(str.encode))
async def test_no_bytes_whatsoever_are_a_500(raw):
    async with call_fresh_world() as client:
        response = await client.post(SEARCH_PATH, content=raw, headers=JSON)

    assert response.status_code in {400, 422}
    assert_refused(response, response.status_code)
