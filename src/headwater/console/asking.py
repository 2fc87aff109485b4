"""As whom a question is asked, and which words of an answer it was about."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from headwater.console.visits import Visit
from headwater.domain.access import Principal, Reader, ScopeRule, group, make_reader
from headwater.domain.errors import NotAllowedError
from headwater.pipeline.keywords import pick_keywords, split_words

_GROUP: Final = "group:"
_WORD: Final = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
"""A word with its accents, be they letters of their own."""


class Part(NamedTuple):
    """A piece of a text, and whether it is a word that was asked for."""

    text: str
    is_hit: bool


def list_groups(principals: Iterable[Principal]) -> tuple[str, ...]:
    """Return the groups among principals, by name."""
    names = (name.removeprefix(_GROUP) for name in principals if name.startswith(_GROUP))
    return tuple(sorted(names))


def name_known_groups(rules: Iterable[ScopeRule], most: int) -> Sequence[str]:
    """Return groups that some rule admits, to choose from; at most so many."""
    named = {name for rule in rules for clause in rule.clauses for name in clause}
    return list_groups(named)[:most]


def choose_reader(visit: Visit, groups: Collection[str], *, as_groups: bool) -> Reader:
    """Return the reader to ask as: the token's own, or a member of these groups and nothing else.

    Who may change everything may ask as any group, others as groups of their own token only:
    ``NotAllowedError``.
    """
    if not as_groups:
        return visit.reader
    foreign = [name for name in groups if group(name) not in visit.reader.principals]
    if foreign and not visit.may_write:
        raise NotAllowedError(
            f"your token is not in {', '.join(foreign)}; choose among the groups it is in"
        )
    return make_reader(groups=groups)


def mark_words(text: str, question: str) -> tuple[Part, ...]:
    """Return a text in pieces, the question's words apart, whatever their case and accents."""
    wanted = frozenset(part for word in pick_keywords(question) for part in split_words(word))
    return tuple(_merge(_cut(text, wanted)))


def _cut(text: str, wanted: frozenset[str]) -> Iterator[Part]:
    end = 0
    for word in _WORD.finditer(text):
        if not wanted.isdisjoint(split_words(word[0])):
            yield Part(text[end : word.start()], is_hit=False)
            yield Part(word[0], is_hit=True)
            end = word.end()
    yield Part(text[end:], is_hit=False)


def _merge(parts: Iterable[Part]) -> Iterator[Part]:
    return (part for part in parts if part.text)
