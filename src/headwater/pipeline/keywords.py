"""Which words of a question keyword search looks for."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_FUNCTION_WORDS: Final = frozenset(
    """
    a an the this that these those
    i me my we us our you your he him his she her it its they them their
    don't doesn't didn't isn't aren't wasn't can't couldn't won't wouldn't shouldn't i'm i've
    who whom whose what which when where why how
    is are am was were be been being do does did doing done has have had having
    can could may might must shall should will would
    and or but nor if then than so as because while though although whether
    of in on at by for from to into onto with without about between through during within via per
    there here
    not no any some all both each either every few more most much many other such only own same
    just also too very still ever please
    someone somebody anyone anybody something anything
    """.split()  # noqa: SIM905  (a table to be read in lines)
)
"""English words that say how a question is asked, not what about. Other languages have none here:
in their questions BM25 alone keeps frequent words small."""

_WORD: Final = re.compile(r"[^\W_]+")
_EDGES: Final = re.compile(r"^\W+|\W+$")


def pick_keywords(question: str) -> list[str]:
    """Return the words of a question without its function words; all if there are no others.

    ``IT`` and ``US`` stay: a word in capitals is a name. Marks alone are no word.
    """
    words = [word for word in question.split() if any(map(str.isalnum, word))]
    return [word for word in words if not _is_function_word(word)] or words


def is_code(keyword: str) -> bool:
    """Tell whether a keyword means something only unbroken: ``OPS-12`` is not about OPS, nor about 12."""
    return any(map(str.isdigit, keyword))


def split_words(text: str) -> Sequence[str]:
    """Return the words of a text as keyword search compares them: without case, accents and marks."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    return _WORD.findall(plain)


def _is_function_word(word: str) -> bool:
    bare = _EDGES.sub("", word).replace("\u2019", "'")
    is_name = bare.isupper() and len(bare) > 1
    return not is_name and bare.lower().removesuffix("'s") in _FUNCTION_WORDS
