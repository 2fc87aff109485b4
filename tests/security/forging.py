"""Making tokens by hand, so that each part can be wrong in one way only."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.contract.api.fakes import SECRET, TENANT

ISSUER = "https://id.acme.example"
AUDIENCE = "headwater"
KID = "one"
HOUR = 3600


@cache
def own_key():
    """Return the issuer's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def other_key():
    """Return an attacker's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def as_pem(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def as_jwk(key, **members):
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), **members}


def encode(part: object) -> str:
    """Return bytes, text or JSON as a token's part."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign_rsa(text: str, key: Any = None) -> str:
    key = key or own_key()
    return encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def sign_hmac(text: str, key: bytes, digest: str = "sha256") -> str:
    return encode(hmac.new(key, text.encode(), getattr(hashlib, digest)).digest())


@dataclass(frozen=True)
class Forge:
    """Makes what one kind of service would accept, and what it must not.

    ``target`` is a URL where something listens that must not be asked.
    """

    algorithm: str
    target: str

    @property
    def header(self):
        return {"alg": self.algorithm, "typ": "JWT", "kid": KID}

    @property
    def claims(self):
        return {
            "tenant_id": TENANT,
            "scope": "knowledge:read knowledge:write",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(time.time()) + HOUR,
        }

    def sign(self, text: str) -> str:
        """Return the signature that the service accepts."""
        if self.algorithm == "HS256":
            return sign_hmac(text, SECRET.encode())
        return sign_rsa(text)

    def make(self, header: object = None, claims: object = None) -> str:
        """Return a token with a true signature over whatever is given."""
        header = self.header if header is None else header
        claims = self.claims if claims is None else claims
        text = f"{encode(header)}.{encode(claims)}"
        return f"{text}.{self.sign(text)}"

    def head(self, **changes) -> str:
        return self.make({**self.header, **changes})

    def say(self, **changes) -> str:
        return self.make(claims={**self.claims, **changes})

    def leave_out(self, claim: str) -> str:
        return self.make(claims={key: self.claims[key] for key in self.claims if key != claim})

    def unsigned(self, algorithm: object, signature: str = "") -> str:
        header = {**self.header, "alg": algorithm}
        return f"{encode(header)}.{encode(self.claims)}.{signature}"

    def by_hmac(self, key: bytes, algorithm: str = "HS256", digest: str = "sha256") -> str:
        text = f"{encode({**self.header, 'alg': algorithm})}.{encode(self.claims)}"
        return f"{text}.{sign_hmac(text, key, digest)}"

    def by_stranger(self, **members) -> str:
        """Return a token signed with the attacker's key, which the header advertises."""
        header = {**self.header, "alg": "RS256", **members}
        text = f"{encode(header)}.{encode(self.claims)}"
        return f"{text}.{sign_rsa(text, other_key())}"

    def twice(self, part: str, name: str, first: object, second: object) -> str:
        """Return a token whose header or claims hold one name twice."""
        values = self.header if part == "header" else self.claims
        values.pop(name, None)
        text = json.dumps(values)[:-1]
        doubled = f"{text}, {json.dumps(name)}: {json.dumps(first)}, {json.dumps(name)}: {json.dumps(second)}}}"
        return self.make(**{part: doubled.encode()})
