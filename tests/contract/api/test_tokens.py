import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from headwater.api.application import create_app
from headwater.domain.errors import ConfigError
from tests.contract.api.fakes import (
    OTHER_TENANT,
    SECRET,
    TENANT,
    World,
    assert_refused,
    headers_for,
    make_settings,
    make_token,
    open_client,
)

JOBS = "/v2/confluence/jobs"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
IN_A_DAY = int(time.time()) + 86_400


def public_pem(key):
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def encode(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge_hmac(key, algorithm):
    """Sign with a public key's text as if it were a shared secret, which PyJWT refuses to do."""
    header, payload = encode({"alg": algorithm, "typ": "JWT"}), make_token().split(".")[1]
    signing_input = f"{header}.{payload}".encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        signing_input, key.encode()
    )
    return f"{header}.{payload}.{encode(signature)}"


def swap_payload(token, **claims):
    header, _, signature = token.split(".")
    return f"{header}.{encode({'tenant_id': TENANT, 'exp': IN_A_DAY, **claims})}.{signature}"


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        ("", "scheme"),
        ("Bearer", "scheme"),
        ("Bearer ", "scheme"),
        (f"Basic {make_token()}", "scheme"),
        (make_token(), "scheme"),
        ("Bearer token", "malformed"),
        ("Bearer a.b", "malformed"),
        ("Bearer a.b.c", "malformed"),
        (f"Bearer {make_token()}.x", "malformed"),
        (f"Bearer {make_token()} x", "malformed"),
        (f"Bearer {encode(b'[' * 9000)}.e30.AA", "malformed"),
        (f"Bearer {encode(b'[]')}.e30.AA", "malformed"),
        (f"Bearer {'a' * 17_000}", "malformed"),
        (f"Bearer {make_token(key='another-secret-of-more-than-32-bytes')}", "signature"),
        (f"Bearer {swap_payload(make_token(), scope='knowledge:write')}", "signature"),
        (f"Bearer {make_token().rpartition('.')[0]}.", "signature"),
        (f"Bearer {make_token(key='', algorithm='none')}", "algorithm"),
        (f"Bearer {encode({'alg': 'None'})}.{make_token().split('.')[1]}.", "algorithm"),
        (f"Bearer {encode({'typ': 'JWT'})}.{make_token().split('.')[1]}.AA", "algorithm"),
        (f"Bearer {encode({'alg': ['HS256']})}.{make_token().split('.')[1]}.AA", "algorithm"),
        (f"Bearer {make_token(key=SECRET * 2, algorithm='HS512')}", "algorithm"),
        (f"Bearer {make_token(key=RSA_KEY, algorithm='RS256')}", "algorithm"),
        (f"Bearer {make_token(headers={'crit': ['x'], 'x': 1})}", "malformed"),
        (f"Bearer {make_token(exp=None)}", "claims"),
        (f"Bearer {make_token(exp=int(time.time()) - 31)}", "expired"),
        (f"Bearer {make_token(exp=0)}", "expired"),
        (f"Bearer {make_token(exp=str(IN_A_DAY))}", "claims"),
        (f"Bearer {make_token(exp=float('inf'))}", "malformed"),
        (f"Bearer {make_token(exp=[])}", "malformed"),
        (f"Bearer {make_token(nbf=int(time.time()) + 43_200)}", "not_yet_valid"),
        (f"Bearer {make_token(iat=int(time.time()) + 43_200)}", "not_yet_valid"),
        (f"Bearer {make_token(sub=5)}", "malformed"),
        (f"Bearer {make_token(groups='staff')}", "claims"),
        (f"Bearer {make_token(groups=['staff', 5])}", "claims"),
        (f"Bearer {make_token(groups={'staff': True})}", "claims"),
        (f"Bearer {make_token(email=['a@b.c'])}", "claims"),
        (f"Bearer {make_token(confluence_account_id=7)}", "claims"),
    ],
)
async def test_no_bad_token_passes(client, authorization, kind):
    response = await client.get(JOBS, headers={"authorization": authorization})

    assert_refused(response, 401, (("header", "authorization"), f"authentication_error.{kind}"))
    assert response.headers["www-authenticate"] == "Bearer"


async def test_two_authorization_headers_are_ambiguous(client):
    token = client.headers.pop("authorization")

    response = await client.get(JOBS, headers=[("authorization", token), ("authorization", token)])

    assert_refused(response, 401, (("header", "authorization"), "authentication_error.scheme"))


@pytest.mark.parametrize(
    ("offsets", "claims"),
    [
        ({}, {}),
        ({"exp": -5}, {}),
        ({"nbf": 20, "iat": 20}, {}),
        ({}, {"groups": None, "email": None}),
        ({}, {"groups": [], "email": "", "aud": "anything", "iss": "anyone"}),
    ],
)
async def test_a_good_token_passes_within_the_leeway(client, offsets, claims):
    times = {name: int(time.time()) + offset for name, offset in offsets.items()}
    token = make_token(**times, **claims)

    response = await client.get(JOBS, headers={"authorization": f"bearer  {token}"})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "tenant", [None, "", "tenant", 5, [TENANT], TENANT.replace("-", ""), f"{TENANT}\n"]
)
async def test_a_token_without_a_tenant_is_403(client, tenant):
    response = await client.get(JOBS, headers=headers_for(make_token(tenant_id=tenant)))

    assert_refused(response, 403, (("header", "authorization"), "permission_error.tenant"))


@pytest.mark.parametrize(
    "scope", [None, "", "knowledge:rea", "knowledge:readx", ["knowledge:read"], "knowledge:read,x"]
)
async def test_only_the_named_scope_grants(client, scope):
    response = await client.get(JOBS, headers=headers_for(make_token(scope=scope)))

    assert_refused(response, 403, (("header", "authorization"), "permission_error.scope"))


async def test_issuer_and_audience_are_required_once_configured(world):
    good = {"iss": "https://id.acme.com", "aud": ["headwater", "other"]}
    wrong = {
        "issuer": {**good, "iss": "https://evil.com"},
        "audience": {**good, "aud": "other"},
        "claims": {"iss": good["iss"]},
    }
    async with open_client(
        world, jwt_issuer="https://id.acme.com", jwt_audience="headwater"
    ) as client:
        assert (await client.get(JOBS, headers=headers_for(make_token(**good)))).is_success
        for kind, claims in wrong.items():
            response = await client.get(JOBS, headers=headers_for(make_token(**claims)))
            loc = ("header", "authorization")
            assert_refused(response, 401, (loc, f"authentication_error.{kind}"))


async def test_claims_may_have_other_names(world):
    token = make_token(tenant_id=OTHER_TENANT, org=TENANT, roles="none")
    async with open_client(world, jwt_tenant_claim="org", jwt_groups_claim="roles") as client:
        response = await client.get(JOBS, headers=headers_for(token))

    assert_refused(response, 401)
    assert "'roles'" in response.json()["detail"][0]["msg"]


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256")])
async def test_a_public_key_verifies_and_is_never_a_shared_secret(world, key, algorithm):
    pem = public_pem(key)
    async with open_client(world, jwt_secret=None, jwt_public_key=pem) as client:
        good = await client.get(JOBS, headers=headers_for(make_token(key, algorithm)))
        assert good.status_code == 200
        others = [
            forge_hmac(pem, "HS256"),
            make_token(),
            make_token(key="", algorithm="none"),
            make_token(rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256"),
            make_token(ec.generate_private_key(ec.SECP256R1()), "ES256"),
        ]
        for token in others:
            assert_refused(await client.get(JOBS, headers=headers_for(token)), 401)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"jwt_secret": None}, "HEADWATER_JWT_SECRET"),
        ({"jwt_jwks_url": "https://id.acme.com/keys"}, "exactly one"),
        ({"jwt_secret": public_pem(RSA_KEY)}, "HEADWATER_JWT_PUBLIC_KEY"),
        ({"jwt_secret": None, "jwt_public_key": "key"}, "HEADWATER_JWT_PUBLIC_KEY"),
        (
            {"jwt_secret": None, "jwt_public_key": public_pem(EC_KEY), "jwt_algorithms": "RS256"},
            "HEADWATER_JWT_PUBLIC_KEY",
        ),
        (
            {
                "jwt_secret": None,
                "jwt_public_key": public_pem(EC_KEY),
                "jwt_algorithms": "ES256,HS256",
            },
            "HS256",
        ),
        ({"jwt_secret": None, "jwt_jwks_url": "https://a/k", "jwt_algorithms": "none"}, "none"),
        ({"jwt_secret": None, "jwt_jwks_url": "https://a/k", "jwt_algorithms": ""}, "ALGORITHMS"),
        ({"jwt_secret": None, "jwt_jwks_url": "file:///etc/keys"}, "HEADWATER_JWT_JWKS_URL"),
    ],
)
def test_unfit_token_settings_refuse_to_start_and_say_which(changes, setting):
    with pytest.raises(ConfigError, match=setting):
        create_app(make_settings(**changes), World().ports)
