"""Passages per second and peak memory of the local embedder, by batch size.

    python benchmarks/embedding.py [--seconds 8] [--batches 1,4,8,16,32]

Each batch size runs in a process of its own, so that peak memory is its own too. On a busy
machine compare the CPU time of a passage, not passages per second. Passages have
about 230 tokens, the size the chunker aims at; one line at the end times questions.
"""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from headwater.adapters.embedders import local
from headwater.adapters.embedders.local import LocalEmbedder
from headwater.ports import EmbeddingKind

WORDS = [
    "system",
    "deploy",
    "page",
    "network",
    "error",
    "restart",
    "service",
    "cluster",
    "storage",
    "volume",
    "index",
    "search",
    "query",
    "result",
    "user",
    "group",
    "permission",
    "space",
    "draft",
    "comment",
    "label",
    "attachment",
    "version",
    "history",
]

LONGEST = 256


def make_passages(count: int) -> list[str]:
    """Return texts of 200 to 250 tokens, the same on every run."""
    rng = random.Random(5)  # noqa: S311  (nothing secret)
    return [" ".join(rng.choices(WORDS, k=rng.randint(195, 245))) for _ in range(count)]


async def measure(batch: int, seconds: float, data_dir: Path) -> dict[str, float]:
    local.RUN_TEXTS, local.RUN_TOKENS = batch, batch * LONGEST
    embedder = await LocalEmbedder.open(data_dir)
    passages = make_passages(64)
    await embedder.embed(passages[:batch], kind=EmbeddingKind.PASSAGE)
    done, start, cpu = 0, time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - start) < seconds:
        await embedder.embed(passages, kind=EmbeddingKind.PASSAGE)
        done += len(passages)
    cpu = (time.process_time() - cpu) / done * 1000
    question = await time_question(embedder)
    await embedder.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "batch": batch,
        "per_second": done / spent,
        "cpu_ms": cpu,
        "peak_mb": peak,
        "question_ms": question,
    }


async def time_question(embedder: LocalEmbedder) -> float:
    start = time.perf_counter()
    for _ in range(20):
        await embedder.embed(["how do I restart the ingest service?"], kind=EmbeddingKind.QUERY)
    return (time.perf_counter() - start) / 20 * 1000


def run_alone(batch: int, seconds: float, data_dir: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(batch), "--data-dir", data_dir]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--batches", default="1,4,8,16,32")
    parser.add_argument("--one", type=int)
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    if options.one:
        found = asyncio.run(measure(options.one, options.seconds, Path(options.data_dir)))
        print(json.dumps(found))
        return
    print("| batch | passages/s | CPU ms each | peak RSS MB | question ms |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as data_dir:
        run_alone(1, 0.1, data_dir)  # builds the model, whose memory is not the question here
        for batch in map(int, options.batches.split(",")):
            row = run_alone(batch, options.seconds, data_dir)
            print(
                f"| {batch} | {row['per_second']:.1f} | {row['cpu_ms']:.1f} | {row['peak_mb']:.0f} | {row['question_ms']:.1f} |"
            )


if __name__ == "__main__":
    main()
