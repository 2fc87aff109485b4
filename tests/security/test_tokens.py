"""No token passes but the issuer's own: each attack is 401 or 403, and nobody is asked about its keys."""

import json
import time
from contextlib import asynccontextmanager

import pytest

from headwater.adapters.tokens.verification import LEEWAY
from tests.contract.api.examples import CREDENTIALS, LISTING_PATH
from tests.contract.api.fakes import (
    OTHER_TENANT,
    SECRET,
    TENANT,
    World,
    assert_refused,
    open_client,
)
from tests.integration.confluence.hostile_server import reply, run
from tests.security.forging import AUDIENCE, ISSUER, KID, Forge, as_jwk, as_pem, other_key, own_key
from tests.security.silence import listen
from tests.security.token_attacks import ATTACKS, ISSUERS, TENANTS, authorise

KINDS = ("shared secret", "public key", "key set")
KEYS = "/keys"
LOC = ("header", "authorization")


@asynccontextmanager
async def open_issuer():
    """Serve a key set; among its keys are some that must never be used."""
    keys = [
        as_jwk(own_key(), kid=KID, use="sig"),
        as_jwk(other_key(), kid="for encryption", use="enc"),
        {"kty": "oct", "k": "AAAA", "kid": "shared", "alg": "HS256"},
    ]
    async with run({KEYS: reply(200, json.dumps({"keys": keys}))}) as server:
        yield server


@asynccontextmanager
async def open_service(kind, *, demanding=True):
    """Yield a forge for the kind of service, a client of it, and what is behind it."""
    world = World()
    demands = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE} if demanding else {}
    async with open_issuer() as issuer, listen() as target:
        settings = {
            "shared secret": {"jwt_secret": SECRET},
            "public key": {"jwt_secret": None, "jwt_public_key": as_pem(own_key()).decode()},
            "key set": {"jwt_secret": None, "jwt_jwks_url": issuer.url + KEYS},
        }[kind]
        algorithm = "HS256" if kind == "shared secret" else "RS256"
        forge = Forge(algorithm, f"http://127.0.0.1:{target.port}")
        async with open_client(world, **settings, **demands) as client:
            client.headers.pop("authorization")
            yield forge, client, world, issuer


async def call(client, authorization, **options):
    return await client.post(
        LISTING_PATH, json=CREDENTIALS, headers={"authorization": authorization}, **options
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_the_forge_makes_good_tokens_where_nothing_is_wrong(kind):
    async with open_service(kind) as (forge, client, world, _):
        assert (await call(client, f"Bearer {forge.make()}")).status_code == 200
        assert len(world.sources.opened) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_no_attack_passes(kind):
    passed = []
    async with open_service(kind) as (forge, client, world, issuer):
        for name, attack in {**ATTACKS, **ISSUERS}.items():
            response = await call(client, authorise(attack, forge))
            passed += [] if is_refusal(response) else [(name, response.status_code)]
        assert passed == []
        assert world.sources.opened == []
        assert len(issuer.requests) <= 1


def is_refusal(response):
    if response.status_code != 401:
        return False
    (problem,) = response.json()["detail"]
    return tuple(problem["loc"]) == LOC and response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("tenant", TENANTS.values(), ids=TENANTS)
async def test_no_other_claim_makes_a_tenant(tenant):
    async with open_service("shared secret") as (forge, client, world, _):
        response = await call(client, f"Bearer {forge.say(tenant_id=tenant)}")
        assert_refused(response, 403)
        assert world.sources.opened == []


async def test_a_tenant_is_its_own_whatever_the_case_of_its_letters():
    async with open_service("shared secret") as (forge, client, _, _):
        response = await call(client, f"Bearer {forge.say(tenant_id=TENANT.upper())}")
        assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "{good}"), ("authorization", "{good}")],
        [("authorization", "{good}"), ("authorization", "Bearer x")],
        [("authorization", "Bearer x"), ("authorization", "{good}")],
        [("authorization", "{good}, {good}")],
        [("x-authorization", "{good}")],
        [("x-forwarded-authorization", "{good}")],
        [("cookie", "authorization={good}")],
        [("proxy-authorization", "{good}")],
    ],
    ids=str,
)
async def test_only_the_one_header_counts(headers):
    async with open_service("shared secret") as (forge, client, world, _):
        good = f"Bearer {forge.make()}"
        sent = [(name, value.format(good=good)) for name, value in headers]
        response = await client.post(LISTING_PATH, json=CREDENTIALS, headers=sent)
        assert_refused(response, 401)
        assert world.sources.opened == []


async def test_a_token_in_the_address_or_the_body_is_none():
    async with open_service("shared secret") as (forge, client, _, _):
        body = {**CREDENTIALS, "access_token": forge.make()}
        path = f"{LISTING_PATH}?access_token={forge.make()}"
        assert_refused(await client.post(path, json=body), 401)


async def test_clocks_may_differ_by_a_minute_at_most():
    assert 0 <= LEEWAY <= 60
    async with open_service("shared secret") as (forge, client, _, _):
        now = int(time.time())
        for claims in ({"exp": now - 61}, {"nbf": now + 61}, {"iat": now + 61}):
            assert_refused(await call(client, f"Bearer {forge.say(**claims)}"), 401)


async def test_unknown_keys_in_any_number_do_not_reach_the_issuer():
    async with open_service("key set") as (forge, client, _, issuer):
        assert (await call(client, f"Bearer {forge.make()}")).status_code == 200
        for number in range(100):
            assert_refused(await call(client, f"Bearer {forge.head(kid=f'k{number}')}"), 401)
        assert (await call(client, f"Bearer {forge.make()}")).status_code == 200
        assert len(issuer.requests) == 1


async def test_keys_that_are_for_something_else_sign_nothing():
    async with open_service("key set") as (forge, client, _, _):
        for token in (
            forge.by_stranger(kid="for encryption"),
            forge.by_hmac(b"\0\0\0"),
            forge.by_stranger(kid="shared"),
        ):
            assert_refused(await call(client, f"Bearer {token}"), 401)


async def test_a_refusal_repeats_nothing_of_the_token():
    async with open_service("shared secret") as (forge, client, _, _):
        token = forge.say(iss="https://evil.example/marker", exp=1)
        response = await call(client, f"Bearer {token}")
        assert "marker" not in response.text
        assert not any(part in response.text for part in token.split("."))


async def test_a_token_of_one_tenant_names_no_other_in_header_or_body():
    async with open_service("shared secret") as (forge, client, world, _):
        client.headers["x-tenantid"] = OTHER_TENANT
        assert_refused(await call(client, f"Bearer {forge.make()}"), 403)
        assert world.sources.opened == []
