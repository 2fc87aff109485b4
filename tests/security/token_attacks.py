"""What may be tried with a token, by name. Each takes a forge and returns the Authorization header."""

import base64
import json
import time

from cryptography.hazmat.primitives import serialization

from tests.contract.api.fakes import OTHER_TENANT, SECRET, TENANT
from tests.security.forging import (
    AUDIENCE,
    HOUR,
    ISSUER,
    Forge,
    as_jwk,
    as_pem,
    encode,
    other_key,
    own_key,
)

PKCS1 = serialization.PublicFormat.PKCS1


def _der():
    return (
        own_key()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _modulus():
    number = own_key().public_key().public_numbers().n
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _now(offset=0):
    return int(time.time()) + offset


def _loosen_last_bits(token):
    """Write the last character of the signature another way that decodes to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


CONFUSIONS = {
    "public key as shared secret": lambda forge: forge.by_hmac(as_pem(own_key())),
    "public key without its last newline": lambda forge: forge.by_hmac(as_pem(own_key()).strip()),
    "public key in PKCS 1": lambda forge: forge.by_hmac(as_pem(own_key(), PKCS1)),
    "public key in DER": lambda forge: forge.by_hmac(_der()),
    "modulus as shared secret": lambda forge: forge.by_hmac(_modulus()),
    "key set entry as shared secret": lambda forge: forge.by_hmac(
        json.dumps(as_jwk(own_key())).encode()
    ),
    "empty shared secret": lambda forge: forge.by_hmac(b""),
    "NUL as shared secret": lambda forge: forge.by_hmac(b"\0"),
    "tenant as shared secret": lambda forge: forge.by_hmac(TENANT.encode()),
    "longer hash, right secret": lambda forge: forge.by_hmac(SECRET.encode(), "HS512", "sha512"),
    "none": lambda forge: forge.unsigned("none"),
    "None": lambda forge: forge.unsigned("None"),
    "NONE": lambda forge: forge.unsigned("NONE"),
    "nOnE": lambda forge: forge.unsigned("nOnE"),
    "none with a signature": lambda forge: forge.unsigned("none", "AAAA"),
    "empty algorithm": lambda forge: forge.unsigned(""),
    "null algorithm": lambda forge: forge.unsigned(None),
    "list of algorithms": lambda forge: forge.unsigned([forge.algorithm]),
    "algorithm in lower case": lambda forge: forge.head(alg=forge.algorithm.lower()),
    "algorithm with a space": lambda forge: forge.head(alg=f"{forge.algorithm} "),
    "algorithm not on the list": lambda forge: forge.head(alg="PS512"),
    "no algorithm": lambda forge: forge.make({"typ": "JWT"}),
    "no signature": lambda forge: forge.make().rpartition(".")[0] + ".",
    "no signature, no dot": lambda forge: forge.make().rpartition(".")[0],
    "zero signature": lambda forge: forge.unsigned(forge.algorithm, encode(bytes(256))),
    "signature cut short": lambda forge: forge.make()[:-8],
    "signature of other claims": lambda forge: ".".join(
        [*forge.say(tenant_id=OTHER_TENANT).split(".")[:2], forge.make().split(".")[2]]
    ),
}
KEYS = {
    "key in the header": lambda forge: forge.by_stranger(jwk=as_jwk(other_key())),
    "key in the header under our name": lambda forge: forge.by_stranger(
        jwk=as_jwk(other_key(), kid="one")
    ),
    "key set elsewhere": lambda forge: forge.by_stranger(jku=f"{forge.target}/keys"),
    "certificate elsewhere": lambda forge: forge.by_stranger(x5u=f"{forge.target}/cert"),
    "certificate in the header": lambda forge: forge.by_stranger(
        x5c=[base64.b64encode(_der()).decode()]
    ),
    "name is a URL": lambda forge: forge.by_stranger(kid=f"{forge.target}/keys"),
    "name is a file": lambda forge: forge.by_stranger(kid="../../../../dev/null"),
    "name is an absolute file": lambda forge: forge.by_stranger(kid="/etc/hostname"),
    "name is SQL": lambda forge: forge.by_stranger(kid="x' UNION SELECT 'secret' --"),
    "name is a command": lambda forge: forge.by_stranger(kid="|/usr/bin/id"),
    "name with NUL": lambda forge: forge.by_stranger(kid="one\0two"),
    "name is an emoji": lambda forge: forge.by_stranger(kid="\U0001f511"),
    "name is half an emoji": lambda forge: forge.by_stranger(kid="\ud83d"),
    "name is long": lambda forge: forge.by_stranger(kid="k" * 9000),
    "name is empty": lambda forge: forge.by_stranger(kid=""),
    "name is null": lambda forge: forge.head(kid=None),
    "name is a number": lambda forge: forge.head(kid=1),
    "name is a list": lambda forge: forge.head(kid=["one"]),
    "no name": lambda forge: forge.by_stranger(),
}
FORMS = {
    "extension that must be understood": lambda forge: forge.head(crit=["exp"], exp=0),
    "extension b64, true": lambda forge: forge.head(crit=["b64"], b64=True),
    "extension b64, false": lambda forge: forge.head(crit=["b64"], b64=False),
    "b64 without crit": lambda forge: forge.head(b64=False),
    "empty list of extensions": lambda forge: forge.head(crit=[]),
    "payload detached": lambda forge: "{0}..{2}".format(*forge.make().split(".")),
    "payload detached by b64": lambda forge: "{0}..{2}".format(
        *forge.head(crit=["b64"], b64=False).split(".")
    ),
    "four parts": lambda forge: f"{forge.make()}.AAAA",
    "encrypted, five parts": lambda forge: f"{forge.make()}.AAAA.AAAA",
    "JSON serialisation": lambda forge: json.dumps(
        dict(zip(("protected", "payload", "signature"), forge.make().split("."), strict=True))
    ),
    "dots alone": lambda _: "..",
    "two tokens": lambda forge: f"{forge.make()}, {forge.make()}",
    "space in the token": lambda forge: forge.make().replace(".", ". ", 1),
    "tab before the token": lambda forge: f"\t{forge.make()}",
    "no-break space after the token": lambda forge: f"{forge.make()}\xa0",
    "other letters in between": lambda forge: forge.make().replace(".", "!.", 1),
    "last bits loosened": lambda forge: _loosen_last_bits(forge.make()),
    "padding in excess": lambda forge: f"{forge.make()}====",
    "percent-encoded": lambda forge: forge.make().replace(".", "%2E"),
    "quoted": lambda forge: f'"{forge.make()}"',
    "header is a list": lambda forge: forge.make([forge.header]),
    "header is no JSON": lambda forge: forge.make(b"{'alg': 'none'}"),
    "header in UTF-16": lambda forge: forge.make(json.dumps(forge.header).encode("utf-16")),
    "header nested deeply": lambda forge: forge.make(b'{"a":' * 2000 + b"1" + b"}" * 2000),
    "header with too long a number": lambda forge: forge.make(b'{"a":' + b"1" * 5000 + b"}"),
    "claims are a list": lambda forge: forge.make(claims=[forge.claims]),
    "claims are a text": lambda forge: forge.make(claims="claims"),
    "claims are null": lambda forge: forge.make(claims=b"null"),
    "claims are no UTF-8": lambda forge: forge.make(claims=b'{"exp": "\xff"}'),
    "claims nested deeply": lambda forge: forge.make(claims=b'{"a":' * 1500 + b"1" + b"}" * 1500),
    "claims with too long a number": lambda forge: forge.make(
        claims=b'{"exp":' + b"9" * 5000 + b"}"
    ),
    "oversized": lambda forge: forge.say(padding="x" * 20_000),
    "algorithm twice": lambda forge: forge.twice("header", "alg", "none", forge.algorithm),
    "algorithm twice, other order": lambda forge: forge.twice(
        "header", "alg", forge.algorithm, "none"
    ),
    "name of the key twice": lambda forge: forge.twice("header", "kid", "two", "one"),
    "tenant twice": lambda forge: forge.twice("claims", "tenant_id", OTHER_TENANT, TENANT),
    "tenant twice, once escaped": lambda forge: forge.make(
        claims=json.dumps({"tenant_i\u0001": OTHER_TENANT, **forge.claims})
        .replace("tenant_i\\u0001", "tenant_\\u0069d")
        .encode()
    ),
    "expiry twice": lambda forge: forge.twice("claims", "exp", 0, _now(HOUR)),
    "twice further in": lambda forge: forge.make(
        claims=(json.dumps(forge.claims)[:-1] + ', "a": {"b": 1, "b": 2}}').encode()
    ),
}
CLAIMS = {
    "expired": lambda forge: forge.say(exp=_now(-61)),
    "expired long ago": lambda forge: forge.say(exp=1),
    "expired before time began": lambda forge: forge.say(exp=-(10**15)),
    "no expiry": lambda forge: forge.leave_out("exp"),
    "expiry is null": lambda forge: forge.say(exp=None),
    "expiry is text": lambda forge: forge.say(exp=str(_now(HOUR))),
    "expiry is true": lambda forge: forge.say(exp=True),
    "expiry is a list": lambda forge: forge.say(exp=[_now(HOUR)]),
    "expiry is infinite": lambda forge: forge.say(exp=float("inf")),
    "expiry is no number": lambda forge: forge.say(exp=float("nan")),
    "not valid yet": lambda forge: forge.say(nbf=_now(120)),
    "beginning is text": lambda forge: forge.say(nbf="soon"),
    "beginning is null": lambda forge: forge.say(nbf=None),
    "beginning is infinite": lambda forge: forge.say(nbf=float("inf")),
    "issued in the future": lambda forge: forge.say(iat=_now(120)),
    "issue is a list": lambda forge: forge.say(iat=[]),
    "subject is a number": lambda forge: forge.say(sub=7),
    "groups are a text": lambda forge: forge.say(groups="all"),
    "groups hold a list": lambda forge: forge.say(groups=[["staff"]]),
    "groups are an object": lambda forge: forge.say(groups={"staff": True}),
    "e-mail is a list": lambda forge: forge.say(email=["a@b.example"]),
    "account is an object": lambda forge: forge.say(confluence_account_id={"$ne": ""}),
}
ISSUERS = {
    "another issuer": lambda forge: forge.say(iss="https://evil.example"),
    "issuer with a slash": lambda forge: forge.say(iss=f"{ISSUER}/"),
    "issuer in upper case": lambda forge: forge.say(iss=ISSUER.upper()),
    "beginning of the issuer": lambda forge: forge.say(iss=ISSUER[:-1]),
    "issuer in a list": lambda forge: forge.say(iss=[ISSUER]),
    "no issuer": lambda forge: forge.leave_out("iss"),
    "issuer is null": lambda forge: forge.say(iss=None),
    "another audience": lambda forge: forge.say(aud="other"),
    "beginning of the audience": lambda forge: forge.say(aud=AUDIENCE[:-1]),
    "audience in a longer text": lambda forge: forge.say(aud=f"{AUDIENCE} other"),
    "audience in an object": lambda forge: forge.say(aud={AUDIENCE: True}),
    "empty audience": lambda forge: forge.say(aud=[]),
    "audience among numbers": lambda forge: forge.say(aud=[1, AUDIENCE]),
    "no audience": lambda forge: forge.leave_out("aud"),
}
"""Only where issuer and audience are demanded."""

TENANTS = {
    "in a list": [TENANT],
    "in an object": {"id": TENANT},
    "null": None,
    "a number": 7,
    "true": True,
    "empty": "",
    "a wildcard": "*",
    "with a space": f"{TENANT} ",
    "with a newline": f"{TENANT}\n",
    "with NUL": f"{TENANT}\0",
    "without hyphens": TENANT.replace("-", ""),
    "in braces": f"{{{TENANT}}}",
    "as a URN": f"urn:uuid:{TENANT}",
    "in fullwidth digits": TENANT.replace("3", "\uff13"),
    "two of them": f"{TENANT},{OTHER_TENANT}",
    "another tenant": OTHER_TENANT,
}
"""Values of the tenant's claim."""

ATTACKS = {**CONFUSIONS, **KEYS, **FORMS, **CLAIMS}


def authorise(attack, forge: Forge) -> bytes:
    """Return the header as bytes, as a client would send it."""
    text: str = attack(forge)
    return b"Bearer " + text.encode("latin-1", "replace")
