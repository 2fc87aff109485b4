"""Makes the client for programs that wait from the one for programs that await.

Both are kept, so that readers and editors see plain code; a test holds them together. After a change
of ``asynchronous.py``: ``python -m tools.blocking_client``.
"""

from pathlib import Path
from typing import Final

CLIENT: Final = Path(__file__).parents[1] / "src" / "headwater" / "client"

WORDS: Final = (
    (
        "await; ``synchronous`` is made from it (tools/blocking_client.py)",
        "wait; made from ``asynchronous`` (tools/blocking_client.py)",
    ),
    ("import asyncio\n", ""),
    (
        "from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping",
        "from collections.abc import Callable, Generator, Mapping",
    ),
    ("AsyncGenerator[Job, None]", "Generator[Job, None, None]"),
    ("Coroutine[Any, Any, T]", "T"),
    ("AsyncBaseTransport", "BaseTransport"),
    ("AsyncClient", "Client"),
    ("__aenter__", "__enter__"),
    ("__aexit__", "__exit__"),
    ("aclos", "clos"),
    ("aread", "read"),
    ("asyncio.sleep", "time.sleep"),
    (
        "async for job in jobs:\n                    yield job\n            if",
        "yield from jobs\n            if",
    ),
    ("async ", ""),
    ("await ", ""),
)
"""What each word of the one is in the other, in this order."""


def make_blocking(source: str) -> str:
    """Return the module that waits where ``source`` awaits."""
    for awaiting, blocking in WORDS:
        source = source.replace(awaiting, blocking)
    return source


if __name__ == "__main__":
    made = make_blocking((CLIENT / "asynchronous.py").read_text(encoding="utf-8"))
    (CLIENT / "synchronous.py").write_text(made, encoding="utf-8")
