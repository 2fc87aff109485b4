"""Authenticated encryption of stored credentials: Fernet (AES-128-CBC with HMAC-SHA256), keys in turn."""

import base64
import binascii
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headwater.domain.errors import ConfigError

_KEY_BYTES = 32
_PURPOSE = b"headwater secret box 1"
"""Part of every derived key: changing it makes what was sealed unreadable."""


class FernetSecretBox:
    """The first key seals, every key opens: put a new key in front, reseal, then drop the old one.

    A key may be any text. One that is a Fernet key (32 bytes in URL-safe base64) is used as it is;
    from another the key is derived with HKDF-SHA256, which adds no strength: use random text, since
    a guessable phrase stays guessable.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise ConfigError("HEADWATER_SECRET_KEY needs at least one key, and none may be empty.")
        self._fernet = MultiFernet([Fernet(_make_key(key)) for key in keys])

    def seal(self, plain: bytes) -> bytes:
        """Return the encrypted bytes; equal input gives different output each time."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; ``ConfigError`` when no present key opens it, or it was altered."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise _no_key() from error

    def reseal(self, sealed: bytes) -> bytes:
        """Return the same content sealed with the first key; ``ConfigError`` as :meth:`open`."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise _no_key() from error


def _make_key(text: str) -> bytes:
    raw = text.encode()
    return raw if _is_fernet_key(raw) else _derive_key(raw)


def _is_fernet_key(raw: bytes) -> bool:
    try:
        return len(base64.b64decode(raw, altchars=b"-_", validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


def _derive_key(raw: bytes) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(hkdf.derive(raw))


def _no_key() -> ConfigError:
    return ConfigError(
        "No key in HEADWATER_SECRET_KEY opens a stored credential. Add the key that sealed it to the"
        " end of the list, or give the credential again."
    )
