import asyncio
import json
from contextlib import asynccontextmanager, suppress

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from headwater.adapters.tokens import keysets
from headwater.adapters.tokens.keysets import (
    FRESH,
    PAUSE,
    RETRY_PAUSE,
    STALE,
    KeySet,
    fetch_keys,
)
from headwater.domain.errors import RetryableError

URL = "https://id.acme.com/keys"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def jwk(key, kid, algorithm="RS256", **members):
    text = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())
    return {**json.loads(text), "kid": kid, **members}


class Issuer:
    """A key set that changes, on a clock that the test moves."""

    def __init__(self, *keys: dict[str, str]) -> None:
        self.keys = list(keys)
        self.now = 1000.0
        self.fetches = 0
        self.away = False

    async def fetch(self, url):
        assert url == URL
        self.fetches += 1
        await asyncio.sleep(0)
        if self.away:
            raise RetryableError("away")
        return list(self.keys)

    def open(self):
        return KeySet(URL, fetch=self.fetch, clock=lambda: self.now)


def header(kid="one", alg="RS256"):
    return {"alg": alg, "kid": kid}


async def test_a_named_key_is_found_with_one_fetch_however_many_ask():
    issuer = Issuer(jwk(RSA_KEY, "one"), jwk(EC_KEY, "two", "ES256"))
    keys = issuer.open()

    found = await asyncio.gather(*(keys.find(header()) for _ in range(20)))
    other = await keys.find(header("two", "ES256"))

    numbers = RSA_KEY.public_key().public_numbers()
    assert all(key.public_numbers() == numbers for key in found)
    assert other.public_numbers() == EC_KEY.public_key().public_numbers()
    assert issuer.fetches == 1


async def test_a_new_key_is_fetched_but_unknown_names_cannot_flood_the_issuer():
    issuer = Issuer(jwk(RSA_KEY, "one"))
    keys = issuer.open()
    await keys.find(header())
    issuer.keys.append(jwk(OTHER_RSA_KEY, "new"))

    for name in ("new", "a", "b"):
        with pytest.raises(jwt.InvalidKeyError):
            await keys.find(header(name))
    assert issuer.fetches == 1

    issuer.now += PAUSE
    await keys.find(header("new"))
    assert issuer.fetches == 2


async def test_a_withdrawn_key_stops_working_once_the_set_is_no_longer_fresh():
    issuer = Issuer(jwk(RSA_KEY, "one"), jwk(OTHER_RSA_KEY, "two"))
    keys = issuer.open()
    await keys.find(header())
    del issuer.keys[0]
    await keys.find(header())

    issuer.now += FRESH + 1
    with pytest.raises(jwt.InvalidKeyError):
        await keys.find(header())


async def test_known_keys_serve_for_an_hour_while_the_issuer_is_away():
    issuer = Issuer(jwk(RSA_KEY, "one"))
    keys = issuer.open()
    await keys.find(header())
    issuer.away = True

    issuer.now += STALE - 1
    assert await keys.find(header())
    issuer.now += PAUSE
    for _ in range(5):
        with pytest.raises(RetryableError):
            await keys.find(header())
    assert issuer.fetches == 3
    issuer.away = False
    issuer.now += RETRY_PAUSE
    assert await keys.find(header())


async def test_a_token_without_a_key_name_is_taken_only_if_one_key_fits():
    single = Issuer(jwk(RSA_KEY, "one"), jwk(EC_KEY, "two", "ES256")).open()
    double = Issuer(jwk(RSA_KEY, "one"), jwk(OTHER_RSA_KEY, "two")).open()

    assert await single.find({"alg": "RS256"})
    with pytest.raises(jwt.InvalidKeyError):
        await double.find({"alg": "RS256"})


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0"},
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0", "alg": "RS256"},
        jwk(RSA_KEY, "one", use="enc"),
        jwk(RSA_KEY, "one", alg="RS512"),
        jwk(RSA_KEY, "one", d="AQAB"),
        jwk(EC_KEY, "one", "ES256"),
        {"kty": "RSA", "kid": "one"},
        {"kty": "RSA", "kid": "one", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "kid": "one", "n": "a", "e": "!"},
    ],
)
async def test_keys_that_are_not_for_this_signature_are_never_used(key):
    with pytest.raises(jwt.InvalidKeyError):
        await Issuer(key).open().find(header())


@asynccontextmanager
async def serve(status, body):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"


async def test_keys_are_fetched_over_http():
    body = json.dumps({"keys": [jwk(RSA_KEY, "one"), "no key"]}).encode()
    async with serve(200, body) as url:
        keys = await fetch_keys(url)

    assert [key["kid"] for key in keys] == ["one"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (200, b"<html>"), (200, b"{}"), (200, b"[]"), (200, b'{"keys": 5}')],
)
async def test_an_issuer_that_gives_no_keys_is_to_be_tried_again(status, body):
    async with serve(status, body) as url:
        with pytest.raises(RetryableError, match="HEADWATER_JWT_JWKS_URL"):
            await fetch_keys(url)


async def test_an_issuer_that_does_not_listen_is_to_be_tried_again():
    async with serve(200, b"") as url:
        pass
    with pytest.raises(RetryableError):
        await fetch_keys(url)


async def test_an_issuer_whose_answer_drips_is_to_be_tried_again(monkeypatch):
    monkeypatch.setattr(keysets, "TIMEOUT", 0.3)

    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")
        try:
            with suppress(ConnectionError):
                while not writer.is_closing():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        with pytest.raises(RetryableError):
            await fetch_keys(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys")


async def test_nobody_waits_for_a_slow_issuer_while_a_known_key_serves():
    issuer = Issuer(jwk(RSA_KEY, "one"))
    keys = issuer.open()
    await keys.find(header())
    issuer.now += FRESH + 1
    answering = asyncio.Event()
    answer = issuer.fetch

    async def answer_late(url):
        await answering.wait()
        return await answer(url)

    keys._fetch = answer_late
    first = asyncio.create_task(keys.find(header()))
    await asyncio.sleep(0)

    assert await asyncio.wait_for(keys.find(header()), 1)
    assert not first.done()
    answering.set()
    assert await first
