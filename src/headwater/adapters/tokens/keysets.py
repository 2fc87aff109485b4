"""The token issuer's published keys (RFC 7517), fetched when needed and kept for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast

import httpx2
import jwt
import structlog
from jwt.algorithms import AllowedPublicKeys

from headwater.domain.errors import ConfigError, RetryableError

FRESH: Final = 300.0
"""Seconds for which a key set is not asked for again."""

STALE: Final = 3_600.0
"""Seconds for which an old key set still serves while the issuer does not answer."""

PAUSE: Final = 10.0
"""Seconds between fetches, however many unknown keys are named."""

RETRY_PAUSE: Final = 1.0
"""Seconds until an issuer is asked again while there is no key at all."""

TIMEOUT: Final = 5.0
"""Seconds for a whole fetch, however steadily the answer drips."""

JsonKey = Mapping[str, Any]
Fetch = Callable[[str], Awaitable[Sequence[JsonKey]]]

_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""Which type of key makes a signature, by how the algorithm's name begins."""

_log = structlog.get_logger("headwater.tokens")


async def fetch_keys(url: str) -> Sequence[JsonKey]:
    """Return the key set's entries; ``RetryableError`` when the issuer gives none."""
    try:
        async with asyncio.timeout(TIMEOUT), httpx2.AsyncClient(timeout=TIMEOUT) as client:
            response = await client.get(url)
            keys = response.raise_for_status().json()["keys"]
            return [key for key in keys if isinstance(key, dict)]
    except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise RetryableError(
            "the token issuer's key set cannot be read; check HEADWATER_JWT_JWKS_URL"
        ) from error


class KeySet:
    """Finds the key that a token names. Unknown names cause at most one fetch every 10 seconds."""

    def __init__(
        self, url: str, *, fetch: Fetch = fetch_keys, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not url.startswith(("https://", "http://")):
            raise ConfigError("HEADWATER_JWT_JWKS_URL is not an http(s) URL")
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: Sequence[JsonKey] = ()
        self._fetched_at = float("-inf")
        self._next_fetch = float("-inf")
        self._error: RetryableError | None = None
        self._lock = asyncio.Lock()

    async def find(self, header: Mapping[str, Any]) -> AllowedPublicKeys:
        """Return the key of a token's header.

        ``InvalidKeyError`` when the set holds none that fits, ``RetryableError`` when there is no set.
        """
        if self._needs_fetch(header) and not (self._lock.locked() and self._pick(header)):
            async with self._lock:
                if self._needs_fetch(header):
                    await self._refresh()
        key = self._pick(header)
        if key is None:
            raise self._error or jwt.InvalidKeyError("no such key")
        return _load(key, header["alg"])

    def _needs_fetch(self, header: Mapping[str, Any]) -> bool:
        now = self._clock()
        if now < self._next_fetch:
            return False
        return now - self._fetched_at > FRESH or self._pick(header) is None

    async def _refresh(self) -> None:
        try:
            self._keys = await self._fetch(self._url)
        except RetryableError as error:
            self._fall_back(error)
        else:
            self._fetched_at = self._clock()
            self._next_fetch = self._fetched_at + PAUSE
            self._error = None

    def _fall_back(self, error: RetryableError) -> None:
        now = self._clock()
        if now - self._fetched_at > STALE:
            self._keys = ()
        self._next_fetch = now + (PAUSE if self._keys else RETRY_PAUSE)
        self._error = None if self._keys else error
        _log.warning("no new key set", message=str(error), keys_kept=len(self._keys))

    def _pick(self, header: Mapping[str, Any]) -> JsonKey | None:
        fitting = [key for key in self._keys if _fits(key, header)]
        unambiguous = "kid" in header or len(fitting) == 1
        return fitting[0] if fitting and unambiguous else None


def _fits(key: JsonKey, header: Mapping[str, Any]) -> bool:
    """Tell whether a public signature key may have made a token; shared secrets never count."""
    return (
        key.get("kty") == _KEY_TYPES[header["alg"][:2]]
        and "d" not in key
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and ("kid" not in header or key.get("kid") == header["kid"])
    )


def _load(key: JsonKey, algorithm: str) -> AllowedPublicKeys:
    try:
        return cast("AllowedPublicKeys", jwt.get_algorithm_by_name(algorithm).from_jwk(dict(key)))
    except (ValueError, TypeError, KeyError) as error:
        raise jwt.InvalidKeyError("the key set's entry is malformed") from error
