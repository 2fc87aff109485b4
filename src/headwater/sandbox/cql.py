"""The part of CQL that connectors use: reading a query into conditions and an order.

    type in (page, blogpost) and space = "ENG" and lastmodified >= "2026/01/31 08:00" order by id

Fields and values are not judged here; ``CqlError`` names what cannot be read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


class CqlError(ValueError):
    """The query is not CQL, or not of the part understood here."""


@dataclass(frozen=True, slots=True)
class Function:
    """A value to be computed, such as ``now("-26h")``."""

    name: str
    arguments: tuple[str, ...] = ()


Operand = str | Function


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one or (for ``in``) several values. Names are in lower case."""

    field: str
    operator: str
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Several conditions, of which all (``and``) or any (``or``) must hold; ``not`` has one."""

    operator: str
    parts: tuple["Condition", ...]


Condition = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for, and the fields to order by, each with whether it is turned round."""

    condition: Condition | None
    order: tuple[tuple[str, bool], ...] = ()


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<sign>>=|<=|!=|!~|[=<>~(),])
      | (?P<word>[^\s"'()=<>!~,]+)
    )""",
    re.VERBOSE,
)
_OPERATORS = {"=", "!=", ">", ">=", "<", "<=", "~", "!~"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    def says(self, word: str) -> bool:
        return self.kind != "string" and self.text.casefold() == word


_END = _Token("end", "")


def _split_tokens(text: str) -> Iterator[_Token]:
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise CqlError(f"unexpected character at position {place}")
        kind = match.lastgroup or ""
        raw = match[kind]
        yield _Token(kind, re.sub(r"\\(.)", r"\1", raw[1:-1]) if kind == "string" else raw)
        place = match.end()


@dataclass(slots=True)
class _Reader:
    tokens: list[_Token]
    place: int = field(default=0)

    @property
    def next(self) -> _Token:
        return self.tokens[self.place] if self.place < len(self.tokens) else _END

    def take(self) -> _Token:
        token = self.next
        self.place += 1
        return token

    def accept(self, word: str) -> bool:
        if not self.next.says(word):
            return False
        self.place += 1
        return True

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise CqlError(f"expected {word!r}, found {self.next.text!r}")


def parse_cql(text: str) -> Query:
    """Read a query; raises ``CqlError``."""
    reader = _Reader(list(_split_tokens(text)))
    condition = None if reader.next.says("order") or reader.next is _END else _read_any(reader)
    order = _read_order(reader) if reader.accept("order") else ()
    if reader.next is not _END:
        raise CqlError(f"expected the end, found {reader.next.text!r}")
    return Query(condition, order)


def _read_any(reader: _Reader) -> Condition:
    parts = [_read_all(reader)]
    while reader.accept("or"):
        parts.append(_read_all(reader))
    return parts[0] if len(parts) == 1 else Junction("or", tuple(parts))


def _read_all(reader: _Reader) -> Condition:
    parts = [_read_one(reader)]
    while reader.accept("and"):
        parts.append(_read_one(reader))
    return parts[0] if len(parts) == 1 else Junction("and", tuple(parts))


def _read_one(reader: _Reader) -> Condition:
    if reader.accept("not"):
        return Junction("not", (_read_one(reader),))
    if reader.accept("("):
        inner = _read_any(reader)
        reader.expect(")")
        return inner
    return _read_comparison(reader)


def _read_comparison(reader: _Reader) -> Comparison:
    name = reader.take()
    if name.kind != "word":
        raise CqlError(f"expected a field, found {name.text!r}")
    if reader.accept("in"):
        return Comparison(name.text.casefold(), "in", _read_values(reader))
    if reader.accept("not"):
        reader.expect("in")
        return Comparison(name.text.casefold(), "not in", _read_values(reader))
    operator = reader.take().text
    if operator not in _OPERATORS:
        raise CqlError(f"expected an operator after {name.text!r}, found {operator!r}")
    return Comparison(name.text.casefold(), operator, (_read_value(reader),))


def _read_values(reader: _Reader) -> tuple[Operand, ...]:
    reader.expect("(")
    values = [_read_value(reader)]
    while reader.accept(","):
        values.append(_read_value(reader))
    reader.expect(")")
    return tuple(values)


def _read_value(reader: _Reader) -> Operand:
    token = reader.take()
    if token.kind not in {"word", "string"}:
        raise CqlError(f"expected a value, found {token.text!r}")
    if token.kind == "string" or not reader.accept("("):
        return token.text
    arguments: list[str] = []
    while not reader.accept(")"):
        if reader.next is _END:
            raise CqlError(f"{token.text} is not closed")
        arguments.append(reader.take().text)
        reader.accept(",")
    return Function(token.text.casefold(), tuple(arguments))


def _read_order(reader: _Reader) -> tuple[tuple[str, bool], ...]:
    reader.expect("by")
    order: list[tuple[str, bool]] = []
    while True:
        name = reader.take()
        if name.kind != "word":
            raise CqlError("expected a field to order by")
        descending = reader.accept("desc")
        if not descending:
            reader.accept("asc")
        order.append((name.text.casefold(), descending))
        if not reader.accept(","):
            return tuple(order)
