"""Which languages the engine's one model reads: Latin letters, Chinese and Japanese."""

from collections.abc import Sequence

_CODES = "am ar be bg bn el fa gu he hi hy ka kk km kn ko ky lo mk ml mn mr my ne ps ru si sr ta te th uk ur"
UNREADABLE = frozenset(_CODES.split(" "))
"""ISO 639-1 codes of languages in scripts that the model has not learnt."""


def find_unreadable(languages: Sequence[str]) -> list[str]:
    """Return the expected languages that come out as gibberish."""
    return [language for language in languages if language.lower()[:2] in UNREADABLE]


def can_read(languages: Sequence[str]) -> bool:
    """Tell whether anything expected can be read; no expectation is one that can be met."""
    return not languages or len(find_unreadable(languages)) < len(languages)
