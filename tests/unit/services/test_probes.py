"""What has to work beside the stores: tried with them, by whoever asks, and with a next step."""

import shutil
from collections import namedtuple
from dataclasses import replace

import pytest

from headwater.adapters.disk import check_disk
from headwater.adapters.tokens.keysets import FRESH, STALE
from headwater.adapters.tokens.probing import TokenProbe
from headwater.adapters.tokens.verification import Trust
from headwater.domain.errors import BackendAwayError, ConfigError, RetryableError
from headwater.domain.secrets import Secret
from headwater.services.health import check_health, check_probes

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024  (as the standard library has it)
NOTHING = Trust(None, None, None, ("RS256",), None, None)


async def test_a_probe_is_one_more_check_and_its_error_says_what_to_do(ports):
    async def fail():
        raise RetryableError("plug it in")

    async def note():
        return "warm"

    probed = replace(ports, probes={"lamp": fail, "oven": note})
    found = {check.name: (check.ok, check.detail) for check in await check_health(probed)}
    assert (found["lamp"], found["oven"]) == ((False, "plug it in"), (True, "warm"))
    assert found["catalog"][0]
    assert [check.name for check in await check_probes(probed.probes)] == ["lamp", "oven"]


@pytest.mark.parametrize(
    ("free", "said"), [(100 << 30, "100.0 GiB free"), (1 << 30, "1.0 GiB free; make room soon")]
)
async def test_a_disk_with_room_is_fine(monkeypatch, tmp_path, free, said):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))
    assert await check_disk(tmp_path) == said


async def test_a_full_disk_and_one_that_is_gone_say_what_to_do(monkeypatch, tmp_path):
    with pytest.raises(BackendAwayError, match="mount it again"):
        await check_disk(tmp_path / "gone")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9, 9, 0))
    with pytest.raises(BackendAwayError, match="jobs wait until there is more: make room"):
        await check_disk(tmp_path)


async def test_tokens_are_verified_by_what_the_settings_name():
    assert (await TokenProbe(replace(NOTHING, secret=Secret("x" * 40)))()).startswith("HS256")
    with pytest.raises(ConfigError):
        await TokenProbe(replace(NOTHING, public_key="no key"))()


async def test_an_issuer_is_asked_seldom_and_missed_only_when_its_keys_are_too_old():
    asked, answers, now = [], [True], [0.0]

    async def fetch(url):
        asked.append(url)
        if not answers[0]:
            raise RetryableError("the issuer is away")
        return ()

    trust = replace(NOTHING, jwks_url="https://issuer.example/keys")
    probe = TokenProbe(trust, fetch=fetch, clock=lambda: now[0])
    await probe()
    await probe()
    assert len(asked) == 1
    answers[0], now[0] = False, FRESH + 1
    assert "HEADWATER_JWT_JWKS_URL" in await probe()
    now[0] = STALE + 1
    with pytest.raises(RetryableError):
        await probe()
    answers[0] = True
    assert await probe()
