"""Verifying bearer tokens: one kind of key, a fixed list of algorithms, always an expiry."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt
from jwt.algorithms import AllowedPublicKeys
from jwt.utils import base64url_decode

from headwater.adapters.tokens.keysets import KeySet
from headwater.domain.errors import ConfigError, UnauthenticatedError
from headwater.domain.secrets import Secret

LEEWAY: Final = 30
"""Seconds by which clocks may differ."""

MAX_TOKEN: Final = 16 * 1024
"""Bytes."""

Claims = Mapping[str, Any]
Key = AllowedPublicKeys | bytes
KeyFinder = Callable[[Mapping[str, Any]], Awaitable[Key]]
"""From a token's header, whose algorithm is allowed already, to the key that must have signed it."""

_REASONS: Final[tuple[tuple[type[jwt.PyJWTError], str, str], ...]] = (
    (jwt.ExpiredSignatureError, "expired", "the token has expired; get a new one"),
    (jwt.ImmatureSignatureError, "not_yet_valid", "the token is not valid yet"),
    (jwt.InvalidIssuerError, "issuer", "the token is from another issuer"),
    (jwt.InvalidAudienceError, "audience", "the token is for another audience"),
    (jwt.InvalidAlgorithmError, "algorithm", "the token's algorithm is not accepted"),
    (jwt.InvalidSignatureError, "signature", "the token's signature does not match"),
    (jwt.MissingRequiredClaimError, "claims", "the token lacks a required claim (exp, iss or aud)"),
    (jwt.PyJWTError, "malformed", "the token is malformed"),
)
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]*={0,2}")
"""Three parts in URL-safe base 64 (RFC 7515, section 7.1); some issuers pad them."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which tokens count, as the operator says: one kind of key, and what the claims must name."""

    secret: Secret | None
    jwks_url: str | None
    public_key: str | None
    algorithms: tuple[str, ...]
    issuer: str | None
    audience: str | None


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """What a token must have been signed with, and what it must say."""

    find_key: KeyFinder
    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None

    async def verify(self, token: str) -> Claims:
        """Return the claims of a valid token; ``UnauthenticatedError`` otherwise."""
        if len(token) > MAX_TOKEN:
            raise UnauthenticatedError("malformed", f"the token is over {MAX_TOKEN} bytes")
        if not _COMPACT.fullmatch(token):
            raise UnauthenticatedError("malformed", "the token is malformed")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self.algorithms:
                raise jwt.InvalidAlgorithmError
            claims = self._decode(token, await self.find_key(header))
            _check_form(token, header)
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(*_explain(error)) from error
        _check_expiry(claims)
        return claims

    def _decode(self, token: str, key: Key) -> Claims:
        return jwt.decode(
            token,
            key,
            algorithms=list(self.algorithms),
            issuer=self.issuer,
            audience=self.audience,
            leeway=LEEWAY,
            options={
                "require": ["exp"],
                "verify_iss": self.issuer is not None,
                "verify_aud": self.audience is not None,
            },
        )


def _check_form(token: str, header: Mapping[str, Any]) -> None:
    """Refuse what two readers may read differently: extensions, and names that stand there twice."""
    if "crit" in header or "b64" in header:
        raise jwt.DecodeError("extensions are not understood here")
    try:
        for part in token.split(".")[:2]:
            json.loads(base64url_decode(part).decode(), object_pairs_hook=_refuse_twins)
    except ValueError as error:
        raise jwt.DecodeError("header and claims are JSON in UTF-8") from error


def _refuse_twins(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise jwt.DecodeError("an object names the same key twice")
    return found


def _explain(error: jwt.PyJWTError) -> tuple[str, str]:
    return next((kind, text) for cause, kind, text in _REASONS if isinstance(error, cause))


def _check_expiry(claims: Claims) -> None:
    # RFC 7519 wants a number; PyJWT also takes digits in a string and truth values.
    if isinstance(claims["exp"], bool) or not isinstance(claims["exp"], int | float):
        raise UnauthenticatedError("claims", "the claim 'exp' is not a number")


def make_verifier(trust: Trust) -> TokenVerifier:
    """Return the verifier for this trust; ``ConfigError`` unless it names exactly one key."""
    find_key, algorithms = _choose_key(trust)
    return TokenVerifier(find_key, algorithms, trust.issuer, trust.audience)


def _choose_key(trust: Trust) -> tuple[KeyFinder, tuple[str, ...]]:
    given = [trust.secret, trust.jwks_url, trust.public_key]
    if sum(key is not None for key in given) != 1:
        raise ConfigError(
            "set exactly one of HEADWATER_JWT_SECRET, HEADWATER_JWT_JWKS_URL and "
            "HEADWATER_JWT_PUBLIC_KEY"
        )
    if trust.secret is not None:
        return _always(_shared_secret(trust.secret.reveal())), ("HS256",)
    _check_algorithms(trust.algorithms)
    if trust.jwks_url is not None:
        return KeySet(trust.jwks_url).find, trust.algorithms
    key, algorithms = _public_key(trust.public_key or "", trust.algorithms)
    return _always(key), algorithms


def _always(key: Key) -> KeyFinder:
    async def find(_: Mapping[str, Any]) -> Key:
        return key

    return find


def _shared_secret(secret: str) -> bytes:
    try:
        return cast("bytes", jwt.get_algorithm_by_name("HS256").prepare_key(secret))
    except jwt.InvalidKeyError as error:
        raise ConfigError(
            "HEADWATER_JWT_SECRET holds a public key or certificate; "
            "set HEADWATER_JWT_PUBLIC_KEY instead"
        ) from error


def _check_algorithms(algorithms: tuple[str, ...]) -> None:
    known = {*jwt.algorithms.requires_cryptography}
    unfit = [name for name in algorithms if name not in known]
    if unfit or not algorithms:
        raise ConfigError(
            f"HEADWATER_JWT_ALGORITHMS: {', '.join(unfit) or 'nothing'} is no public-key "
            f"algorithm; known are {', '.join(sorted(known))}"
        )


def _public_key(pem: str, algorithms: tuple[str, ...]) -> tuple[Key, tuple[str, ...]]:
    fitting = {name: key for name in algorithms if (key := _try_key(pem, name)) is not None}
    if not fitting:
        raise ConfigError(
            "HEADWATER_JWT_PUBLIC_KEY is no PEM public key for any of HEADWATER_JWT_ALGORITHMS "
            f"({', '.join(algorithms)})"
        )
    return next(iter(fitting.values())), tuple(fitting)


def _try_key(pem: str, algorithm: str) -> Key | None:
    try:
        return cast("Key", jwt.get_algorithm_by_name(algorithm).prepare_key(pem))
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
