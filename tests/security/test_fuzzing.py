"""Whatever is sent, each reader of foreign text reads it or refuses it in its own words; nothing else is raised."""

# ruff: noqa: PT017  (a property allows either outcome, and says what each must look like)

import base64
import json
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from headwater.adapters.confluence.addresses import judge_web_url, parse_instance_url
from headwater.adapters.confluence.allowlist import AllowList, is_public, parse_allow_list
from headwater.adapters.confluence.answers import Answer, RejectedRequestError, read_json
from headwater.adapters.confluence.downloads import _read_next, _Stop
from headwater.adapters.confluence.paging import reanchor
from headwater.adapters.confluence.patience import TransientError
from headwater.adapters.confluence.payloads import ContentPayload, SpacePayload, parse
from headwater.adapters.tokens.callers import ClaimNames, make_caller
from headwater.api.auth import read_bearer
from headwater.api.content_inputs import DeleteBody, ListingBody, PlatformDeleteBody
from headwater.api.errors import ErrorBody, RefusalError, render_problems
from headwater.api.inputs import ExplainBody, SearchBody, SpaceListingBody, UploadBody
from headwater.api.job_events import parse_position
from headwater.api.json_bodies import parse_json
from headwater.api.queries import DocumentQuery, JobsQuery
from headwater.api.settings_inputs import BlacklistBody, SyncConfigurationBody
from headwater.api.validation import validate
from headwater.bootstrap import make_authenticator
from headwater.domain.errors import (
    AddressRefusedError,
    HeadwaterError,
    InvalidInputError,
    NoTenantError,
    SourceRefusedError,
    SourceUnreachableError,
    SyncAbortedError,
    UnauthenticatedError,
)
from headwater.pipeline.content_urls import parse_content_url
from tests.contract.api.examples import CURL, SEARCH
from tests.contract.api.fakes import make_settings
from tests.security.forging import Forge
from tests.security.hostile_addresses import DISGUISES, LITERALS, URLS
from tests.security.payloads import CONTROLS, HALVES, PAYLOADS
from tests.unit.confluence.confluence_fakes import NOW

NASTY = st.sampled_from([*PAYLOADS.values(), *CONTROLS.values(), *HALVES.values()])
TEXTS = st.one_of(NASTY, st.text(max_size=30), st.text("0123456789-:.TZ", max_size=30))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.just(10**400), st.just("")
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
MODELS = [
    BlacklistBody,
    DeleteBody,
    DocumentQuery,
    ExplainBody,
    JobsQuery,
    ListingBody,
    PlatformDeleteBody,
    SearchBody,
    SpaceListingBody,
    SyncConfigurationBody,
    UploadBody,
]
HOSTS = st.one_of(
    st.sampled_from([*LITERALS.values(), *DISGUISES.values(), "acme.example"]),
    st.text("abz019.-_:[]@%\u3002\uff10\u00df\u0130/\\", max_size=14),
    st.text(max_size=10),
)
URL_TEXTS = st.one_of(
    st.sampled_from([url.format(port=8090) for url in URLS.values()]),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["https://", "http://", "//", "https:", "HTTPS://", ""]),
        HOSTS,
        st.sampled_from(["", ":443", ":0", ":99999", ":x", ":"]),
        st.one_of(st.just("/wiki"), st.text("/wik.%2e\\?#;=&", max_size=12), TEXTS),
    ),
)


def assert_problems(error):
    """Demand the one shape of errors, at 400 or 401 or 422."""
    body = json.loads(bytes(render_problems(error.status, error.problems).body))
    assert ErrorBody.model_validate(body).detail


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda t: t.encode("utf-8", "surrogatepass")),
    )
)
def test_any_bytes_are_json_or_refused(raw):
    try:
        value = parse_json(raw)
    except RefusalError as error:
        assert error.status == 400
        assert_problems(error)
    else:
        json.dumps(value).encode()


@given(JSON, st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1"]), st.booleans())
def test_any_value_survives_or_is_refused_whole(value, encoding, escaped):
    raw = json.dumps(value, ensure_ascii=escaped).encode(encoding, "replace")
    try:
        read = parse_json(raw)
    except RefusalError as error:
        assert_problems(error)
    else:
        assert json.dumps(read) == json.dumps(json.loads(raw))


@given(st.sampled_from(MODELS), st.data())
def test_any_object_is_a_request_or_a_list_of_problems(model, data):
    names = [*model.model_fields, "surplus"]
    values = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=len(names)))
    accepted, problems = validate(model, values, "body")
    assert (accepted is None) == bool(problems)
    if problems:
        assert_problems(RefusalError(422, problems))


@given(st.sampled_from([(UploadBody, CURL), (SearchBody, SEARCH)]), st.data())
def test_a_good_request_with_one_strange_value_is_read_or_refused(good, data):
    model, body = good
    accepted, problems = validate(model, _spoil(body, data), "body")
    if accepted is None:
        assert_problems(RefusalError(422, problems))
    elif isinstance(accepted, UploadBody):
        assert accepted.to_upload().space
    else:
        accepted.to_query()


def _spoil(body: Any, data: Any) -> Any:
    """Put a strange value in one place, at whatever depth."""
    name = data.draw(st.sampled_from(sorted(body)))
    deeper = isinstance(body[name], dict) and data.draw(st.booleans())
    return {**body, name: _spoil(body[name], data) if deeper else data.draw(JSON)}


@given(
    st.one_of(
        TEXTS, st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
    ),
    st.data(),
)
async def test_any_text_is_a_token_or_401(text, data):
    verifier = make_authenticator(make_settings()).verifier
    good = Forge("HS256", "").make()
    place = data.draw(st.integers(0, len(good)))
    for token in (text, f"{text}.{text}.{text}", good[:place] + text + good[place + 1 :]):
        try:
            claims = await verifier.verify(token)
        except UnauthenticatedError as error:
            assert error.kind
        else:
            assert claims["iss"]  # nothing but an unharmed token passes


@given(
    st.dictionaries(
        st.sampled_from(["tenant_id", "scope", "groups", "email", "confluence_account_id", "exp"]),
        JSON,
    )
)
def test_any_claims_make_a_caller_or_are_refused(claims):
    try:
        caller = make_caller({**claims, "exp": 1}, ClaimNames("tenant_id", "groups"))
    except (UnauthenticatedError, NoTenantError) as error:
        assert str(error)
    else:
        assert caller.permissions <= {*str(claims.get("scope")).split(" ")}


@given(st.binary(max_size=40))
def test_any_authorization_header_is_one_token_or_401(raw):
    try:
        token = read_bearer(Headers(raw=[(b"authorization", raw)]))
    except UnauthenticatedError as error:
        assert error.kind in {"missing", "scheme"}
    else:
        assert token == token.strip(" ") != ""


@given(TEXTS)
def test_any_last_event_id_is_a_position(text):
    assert parse_position(text).revision >= -(10**18)


@given(URL_TEXTS)
def test_a_url_is_read_by_all_in_one_way(url):
    """The judge of a URL and the client that dials it must not differ about the host."""
    allow = AllowList()
    try:
        candidates = parse_instance_url(url, allow)
        base = judge_web_url(url, allow)
    except AddressRefusedError as error:
        assert error.kind.startswith("value_error.url.")
        return
    for candidate in candidates:
        dialled, linked = httpx2.URL(candidate.root), httpx2.URL(base)
        assert dialled.scheme == "https"
        assert dialled.userinfo == b""
        assert (dialled.raw_host, dialled.port) == (linked.raw_host, linked.port)
        assert f"//{dialled.raw_host.decode()}" in base.replace("[", "").replace("]", "")


@given(URL_TEXTS)
def test_a_next_link_stays_where_it_belongs_or_is_refused(link):
    root = httpx2.URL("https://acme.example/ex/confluence/abc")
    try:
        target = reanchor(link, root)
    except RejectedRequestError:
        return
    assert (target.scheme, target.raw_host, target.port) == ("https", b"acme.example", None)
    assert target.raw_path.startswith(
        (b"/ex/confluence/abc/wiki/api/v2/", b"/ex/confluence/abc/wiki/rest/api/")
    )
    assert b"/.." not in target.raw_path.partition(b"?")[0]


@given(URL_TEXTS)
def test_a_redirect_leads_to_a_web_url_or_nowhere(location):
    """The credential goes along to the very origin that it was meant for, and to no other."""
    here = httpx2.URL("https://acme.example/wiki/download")
    try:
        stop = _read_next(_Stop(here, is_home=True), Answer("/", 302, {"location": location}))
    except (RejectedRequestError, SourceRefusedError):
        return
    assert stop.url.scheme in {"http", "https"}
    assert stop.url.userinfo == b""
    origin = (stop.url.scheme, stop.url.raw_host, stop.url.port)
    assert stop.is_home == (origin == ("https", b"acme.example", None))


@given(URL_TEXTS)
def test_any_link_names_content_or_none(url):
    try:
        link = parse_content_url(url)
    except (ValueError, InvalidInputError):
        with pytest.raises((AddressRefusedError, ValueError)):
            parse_instance_url(url, AllowList())
    else:
        assert link.names_content in {True, False}


@given(st.lists(TEXTS, max_size=3))
def test_any_allow_list_is_read_or_refused(entries):
    try:
        allow = parse_allow_list(entries)
    except HeadwaterError:
        return
    assert (
        not allow.permits("evil.example", IPv4Address("169.254.169.254"), scheme="https") or entries
    )


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_like_itself(address):
    number = int(address)
    low = {name: int(IPv6Address(name)) for name in ("::ffff:0:0", "64:ff9b::")}
    assert all(is_public(IPv6Address(base + number)) == is_public(address) for base in low.values())
    six_to_four = IPv6Address((0x2002 << 112) | (number << 80))
    assert is_public(six_to_four) == is_public(address)
    if not address.is_global:
        assert not is_public(address)


@given(st.ip_addresses(v=6))
def test_no_address_outside_global_unicast_is_public(address):
    if is_public(address) and address not in IPv6Network("2000::/3"):
        assert is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        assert (int(address) >> 32) in {0, 0xFFFF, 0x64FF9B << 64}


@given(JSON, st.sampled_from([200, 301, 302, 400, 401, 403, 404, 410, 429, 500, 503]), TEXTS)
def test_any_answer_of_confluence_is_read_or_named(value, status, content_type):
    body = json.dumps(value).encode()
    kinds = ("application/json", content_type)
    for kind in kinds:
        answer = Answer("/wiki/api/v2/spaces", status, {"content-type": kind}, body)
        try:
            read = read_json(answer, NOW)
            parse(SpacePayload, read)
            parse(ContentPayload, read)
        except (SyncAbortedError, TransientError) as error:
            assert str(error)
            assert not isinstance(error, SourceUnreachableError) or error.retry_after is None
