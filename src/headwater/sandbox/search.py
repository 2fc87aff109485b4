"""Answering CQL: which content, attachments and comments of a world meet a query's conditions.

Dates are read in the caller's time zone and compared by the minute, as Cloud does.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from headwater.sandbox.cql import (
    Comparison,
    Condition,
    CqlError,
    Function,
    Junction,
    Operand,
    Query,
)
from headwater.sandbox.entities import Attachment, Comment, Content
from headwater.sandbox.rendering import render_text
from headwater.sandbox.visibility import View

Found = Content | Attachment | Comment
Test = Callable[[Found], bool]

_DATE_FORMS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_SHIFT = re.compile(r"([+-]?\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE_FIELDS = {"lastmodified", "created"}


def name_type(found: Found) -> str:
    """Return the ``type`` of something found, in CQL's words."""
    if isinstance(found, Content):
        return found.kind.value
    return "attachment" if isinstance(found, Attachment) else "comment"


def find_demand(query: Query, *fields: str) -> frozenset[str] | None:
    """Return the only values of a field that can meet a query which says so at its top."""
    for part in _list_demands(query.condition):
        if isinstance(part, Comparison) and part.field in fields and part.operator in {"=", "in"}:
            return frozenset(value for value in part.values if isinstance(value, str))
    return None


def _list_demands(condition: Condition | None) -> tuple[Condition, ...]:
    if isinstance(condition, Junction) and condition.operator == "and":
        return condition.parts
    return () if condition is None else (condition,)


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides, as one caller at one moment, what meets a query; raises ``CqlError``."""

    view: View
    read_now: Callable[[], datetime]
    statuses: frozenset[str] = frozenset({"current"})

    def make_test(self, query: Query) -> Test:
        """Return the test of a whole query: status and visibility, then its conditions."""
        meets = self._make(query.condition) if query.condition else lambda _: True
        return lambda found: self._is_searchable(found) and meets(found)

    def _is_searchable(self, found: Found) -> bool:
        holder = self.find_holder(found)
        return (
            holder.status.value in self.statuses
            and (found is holder or found.status.value == "current")
            and self.view.sees(holder)
        )

    def find_holder(self, found: Found) -> Content:
        """Return the page or post that something is, or hangs on."""
        if isinstance(found, Content):
            return found
        return self.view.world.find_content(found.container_id)

    def _make(self, condition: Condition) -> Test:
        if isinstance(condition, Comparison):
            return self._make_comparison(condition)
        tests = [self._make(part) for part in condition.parts]
        if condition.operator == "and":
            return lambda found: all(test(found) for test in tests)
        if condition.operator == "or":
            return lambda found: any(test(found) for test in tests)
        return lambda found: not tests[0](found)

    def _make_comparison(self, it: Comparison) -> Test:
        if it.field in _DATE_FIELDS:
            return self._make_date_test(it)
        if it.field in {"title", "text", "sitesearch"} and it.operator in {"~", "!~"}:
            return self._make_text_test(it)
        if it.operator not in {"=", "!=", "in", "not in"}:
            raise CqlError(f"the operator {it.operator!r} does not fit the field {it.field!r}")
        wanted = frozenset(self._name_value(value) for value in it.values)
        negated = it.operator in {"!=", "not in"}
        values_of = self._find_values(it.field)
        return lambda found: wanted.isdisjoint(values_of(found)) is negated

    def _name_value(self, value: Operand) -> str:
        if isinstance(value, str):
            return value
        if value.name == "currentuser" and self.view.caller is not None:
            return self.view.caller.account_id
        raise CqlError(f"the function {value.name!r} is not known here")

    def _find_values(self, name: str) -> Callable[[Found], Iterable[str]]:
        tree, spaces = self.view.world.tree, self.view.world.spaces
        readers: dict[str, Callable[[Found], Iterable[str]]] = {
            "type": lambda found: (name_type(found),),
            "id": lambda found: (found.id,),
            "content": lambda found: (found.id,),
            "space": lambda found: (spaces[self.find_holder(found).space_id].key,),
            "parent": lambda found: (self._name_parent(found) or "",),
            "ancestor": lambda found: (
                (item.id for item in tree.list_ancestors(found))
                if isinstance(found, Content)
                else ()
            ),
            "container": lambda found: () if isinstance(found, Content) else (found.container_id,),
            "label": lambda found: () if isinstance(found, Comment) else found.labels,
            "title": lambda found: (self.name_title(found),),
            "creator": lambda found: (found.version.author_id,),
            "contributor": lambda found: (found.version.author_id,),
        }
        if name not in readers:
            raise CqlError(f"the field {name!r} is not known here")
        return readers[name]

    def name_title(self, found: Found) -> str:
        """Return the title; a comment's is its page's."""
        if isinstance(found, Comment):
            return f"Re: {self.find_holder(found).title}"
        return found.title

    def _name_parent(self, found: Found) -> str | None:
        return found.container_id if isinstance(found, Attachment) else found.parent_id

    def _make_text_test(self, it: Comparison) -> Test:
        words = " ".join(self._name_value(value) for value in it.values).casefold().split()
        wanted = [word.strip('"*').casefold() for word in words]

        def holds(found: Found) -> bool:
            text = self._read_text(found, with_body=it.field != "title").casefold()
            return all(word in text for word in wanted) is (it.operator == "~")

        return holds

    def _read_text(self, found: Found, *, with_body: bool) -> str:
        title = self.name_title(found)
        if not with_body or isinstance(found, Attachment):
            return title
        return f"{title} {render_text(found.body)}"

    def _make_date_test(self, it: Comparison) -> Test:
        bound = self._read_date(it.values[0])
        compare: dict[str, Callable[[datetime], bool]] = {
            "=": lambda moment: moment == bound,
            "!=": lambda moment: moment != bound,
            ">": lambda moment: moment > bound,
            ">=": lambda moment: moment >= bound,
            "<": lambda moment: moment < bound,
            "<=": lambda moment: moment <= bound,
        }
        if it.operator not in compare:
            raise CqlError(f"the operator {it.operator!r} does not fit the field {it.field!r}")
        holds = compare[it.operator]
        if it.field == "created":
            return lambda found: holds(_cut_seconds(found.created_at))
        return lambda found: holds(_cut_seconds(found.version.created_at))

    def _read_date(self, value: Operand) -> datetime:
        if isinstance(value, Function):
            return _cut_seconds(self.read_now() + _read_shift(value))
        zone = ZoneInfo(self.view.caller.time_zone if self.view.caller else "UTC")
        for form in _DATE_FORMS:
            try:
                return datetime.strptime(value, form).replace(tzinfo=zone).astimezone(UTC)
            except ValueError:
                continue
        raise CqlError(f"the date {value!r} is invalid: write it as yyyy-MM-dd HH:mm")


def _cut_seconds(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _read_shift(function: Function) -> timedelta:
    if function.name != "now":
        raise CqlError(f"the function {function.name!r} is not known here")
    if not function.arguments:
        return timedelta()
    match = _SHIFT.fullmatch(function.arguments[0])
    if match is None:
        raise CqlError(f"now({function.arguments[0]!r}) is invalid: write it as now('-26h')")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
