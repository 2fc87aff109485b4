"""Cloud v1's ``expand``: which parts of an answer the caller wants written out."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Expansion:
    """A tree of names. ``"version,body.storage"`` has ``version`` and, under ``body``, ``storage``."""

    parts: dict[str, "Expansion"] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.parts

    def __getitem__(self, name: str) -> "Expansion":
        return self.parts.get(name, _NOTHING)


_NOTHING = Expansion()


def parse_expansion(paths: Iterable[str]) -> Expansion:
    """Read the dotted names of ``expand``."""
    root = Expansion()
    for path in paths:
        node = root
        for name in path.split("."):
            node = node.parts.setdefault(name, Expansion())
    return root
