"""Whether tokens can be verified."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from headwater.adapters.tokens.keysets import FRESH, STALE, Fetch, fetch_keys
from headwater.adapters.tokens.verification import Trust, make_verifier
from headwater.domain.errors import RetryableError


@dataclass(slots=True)
class TokenProbe:
    """Tries what verifies tokens; an issuer is asked as seldom, and missed as late, as for tokens."""

    trust: Trust
    fetch: Fetch = fetch_keys
    clock: Callable[[], float] = time.monotonic
    _seen_at: float = field(default=float("-inf"), init=False)

    async def __call__(self) -> str:
        """Return by what tokens are verified; ``ConfigError`` or ``RetryableError`` if by nothing."""
        make_verifier(self.trust)
        if self.trust.jwks_url:
            await self._ask(self.trust.jwks_url)
            return "verified with the keys of HEADWATER_JWT_JWKS_URL"
        if self.trust.public_key:
            return "verified with HEADWATER_JWT_PUBLIC_KEY"
        return "HS256; headwater token makes one for development"

    async def _ask(self, url: str) -> None:
        age = self.clock() - self._seen_at
        if age <= FRESH:
            return
        try:
            await self.fetch(url)
        except RetryableError:
            if age > STALE:
                raise
        else:
            self._seen_at = self.clock()
