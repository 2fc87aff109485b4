"""Whether every part answers: the one story that ``readyz`` and ``doctor`` tell."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headwater.domain.errors import HeadwaterError
from headwater.ports import EmbeddingKind, Ports, Probe

PATIENCE: Final = 10.0
"""Seconds: whoever asks whether the service is ready does not wait for a store's own retries."""


@dataclass(frozen=True, slots=True)
class Check:
    """One part: ``ok``, or what is wrong and what to do about it."""

    name: str
    ok: bool
    detail: str


async def check_health(ports: Ports) -> tuple[Check, ...]:
    """Try every store and model once."""
    return (
        await _try("catalog", ports.catalog.check),
        await _try("vector store", ports.store.check),
        await _try("job queue", ports.queue.check),
        await _try("embedder", lambda: _embed_probe(ports)),
        await _try("secret key", lambda: _seal_probe(ports)),
        *await check_probes(ports.probes),
    )


async def check_probes(probes: Mapping[str, Probe]) -> tuple[Check, ...]:
    """Try each once: what can be tried of a process even where its stores cannot be opened."""
    return tuple([await _try(name, probe) for name, probe in probes.items()])


async def _try(name: str, probe: Probe) -> Check:
    try:
        async with asyncio.timeout(PATIENCE):
            note = await probe()
    except HeadwaterError as error:
        return Check(name, ok=False, detail=str(error))
    except TimeoutError:
        detail = f"does not answer within {PATIENCE:.0f} s; look at its own state and the way there"
        return Check(name, ok=False, detail=detail)
    return Check(name, ok=True, detail=note or "ok")


async def _embed_probe(ports: Ports) -> None:
    await ports.embedder.embed(["ready?"], kind=EmbeddingKind.QUERY)


async def _seal_probe(ports: Ports) -> None:
    ports.secret_box.open(ports.secret_box.seal(b"ready?"))
