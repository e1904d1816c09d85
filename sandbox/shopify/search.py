"""The vendor's search syntax: parsed once, then a closure that judges one object after the other.

https://shopify.dev/docs/api/usage/search-syntax

A term whose field is not known is dropped with a warning, so that the rest may match everything: the vendor
does the same. An unquoted timestamp ends at its colon, and what follows is lost without a word.
"""

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property, reduce
from typing import Any, Final

from sandbox.shopify.search_syntax import And, Node, Not, Or, Term, read

__all__ = ["DEFAULT", "Kind", "Predicate", "Query", "parse", "search", "search_extension"]

Get = Callable[[str], object]
"""The value that an object has for a field; a collection for a field with many values."""
Predicate = Callable[[Get], bool]
Test = Callable[[object], bool]
Warnings = list[dict[str, str]]

DEFAULT: Final = "default"
"""The field that a term without one looks in."""

OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ":<": operator.lt,
    ":>": operator.gt,
    ":<=": operator.le,
    ":>=": operator.ge,
}
RANGE_WORDS: Final[Mapping[str, str]] = {":<": "lt", ":>": "gt", ":<=": "lte", ":>=": "gte"}


class Kind(Enum):
    """How the values of a field are compared.

    ID: numbers, also inside a global id · NUMBER · DATE: moments, UTC unless they say otherwise · BOOL ·
    KEYWORD: whole values whatever their case (tags, SKUs, states) · TEXT: words, whatever their case ·
    AUTO: a number if it can be one, else as KEYWORD.
    """

    ID = "id"
    NUMBER = "number"
    DATE = "date"
    BOOL = "bool"
    KEYWORD = "keyword"
    TEXT = "text"
    AUTO = "auto"


def numeric_id(value: object) -> int:
    """123 from 123, '123' or 'gid://shopify/Product/123'; ValueError from anything else."""
    if isinstance(value, int):
        return value
    return int(str(value).rpartition("/")[2].partition("?")[0])


def moment(value: object) -> datetime:
    """A moment with its zone; ValueError from a text that is none."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def number(value: object) -> float:
    """A number; ValueError from a text that is none."""
    return value if isinstance(value, int) else float(str(value))


def truth(value: object) -> bool:
    """A truth value; ValueError from a text that is none."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).casefold()]


def folded(value: object) -> str:
    """The value without its case."""
    return str(value).casefold()


def automatic(value: object) -> object:
    """A number if it can be one, else a folded text."""
    try:
        return number(value)
    except ValueError:
        return folded(value)


READERS: Final[Mapping[Kind, Callable[[object], object]]] = {
    Kind.ID: numeric_id,
    Kind.NUMBER: number,
    Kind.DATE: moment,
    Kind.BOOL: truth,
    Kind.KEYWORD: folded,
    Kind.TEXT: folded,
    Kind.AUTO: automatic,
}


MAX_CHAIN: Final = 20
MANY: Final = (list, tuple, set, frozenset)


def _values(value: object) -> Collection[object]:
    """What a field holds, as a collection: nothing for null."""
    if value is None:
        return ()
    return value if isinstance(value, MANY) else (value,)


def _reading(reader: Callable[[object], object], test: Test) -> Test:
    """The test on every value of a field as the reader understands it; an unreadable value fails."""

    def judge(value: object) -> bool:
        if value is None:
            return False
        try:
            if isinstance(value, MANY):
                return any(test(reader(one)) for one in value)
            return test(reader(value))
        except (ValueError, TypeError, KeyError):
            return False

    return judge


def _exists(value: object) -> bool:
    return any(one != "" for one in _values(value))


def _of_day(wanted: date) -> Test:
    return lambda value: isinstance(value, datetime) and value.date() == wanted


def _with_words(wanted: str) -> Test:
    words = wanted.split()
    return lambda text: set(words) <= set(str(text).split()) or wanted == text


def _comparing(compare: Callable[[object, object], bool], wanted: object) -> Test:
    return lambda value: compare(value, wanted)


def _alternatives(term: Term, kind: Kind) -> Sequence[str]:
    """`a,b` without quotes means either, where values are ids or words of a fixed set."""
    listed = kind in (Kind.ID, Kind.KEYWORD, Kind.AUTO) and not term.quoted
    first = [part for part in term.value.split(",") if part] if listed else [term.value]
    return [*first, *term.others]


def _equal(term: Term, kind: Kind) -> Test:
    reader = READERS[kind]
    wanted = frozenset(reader(part) for part in _alternatives(term, kind))
    if kind is Kind.DATE and len(term.value) == len("2026-11-20"):
        return _of_day(moment(term.value).date())
    if kind is Kind.TEXT:
        return _with_words(folded(term.value))
    return wanted.__contains__


def _test(term: Term, kind: Kind) -> Test:
    """The test of a term; ValueError or KeyError if its value is not of the field's kind."""
    if term.exists:
        return _exists
    if term.prefix:
        return _reading(folded, lambda value: str(value).startswith(folded(term.value)))
    if term.operator in OPERATORS:
        return _reading(READERS[kind], _comparing(OPERATORS[term.operator], READERS[kind](term.value)))
    return _reading(READERS[kind], _equal(term, kind))


def _on(field: str, test: Test) -> Predicate:
    return lambda get: test(get(field))


def _negated(inner: Predicate) -> Predicate:
    return lambda get: not inner(get)


def _all(parts: Sequence[Predicate]) -> Predicate:
    """Two at a time while they are few: plain calls are twice as fast as a generator."""
    if len(parts) > MAX_CHAIN:
        return lambda get: all(part(get) for part in parts)
    return reduce(lambda left, right: lambda get: left(get) and right(get), parts)


def _any(parts: Sequence[Predicate]) -> Predicate:
    """For short lists only; see `_gathered` for the long ones."""
    return lambda get: any(part(get) for part in parts)


def _everything(_get: Get) -> bool:
    return True


KindOf = Callable[[str], Kind | None]
"""The kind of a field, None for one that is not known."""


class _Compiler:
    """Turns a tree into a closure; `warnings` collects the terms it had to drop."""

    def __init__(self, kind_of: KindOf) -> None:
        self.kind_of = kind_of
        self.warnings: Warnings = []

    def compiled(self, node: Node | None) -> Predicate | None:
        """The closure of a node, or None if nothing of it is left."""
        match node:
            case Term():
                return self.term(node)
            case Not(inner):
                part = self.compiled(inner)
                return _negated(part) if part else None
            case And(parts):
                return self.joined(parts, _all)
            case Or(parts):
                return self.joined(_gathered(parts), _any)
        return None

    def joined(
        self, nodes: Sequence[Node], join: Callable[[Sequence[Predicate]], Predicate]
    ) -> Predicate | None:
        """The closures of these nodes as one; dropped ones do not count."""
        parts = [part for part in map(self.compiled, nodes) if part]
        return join(parts) if len(parts) > 1 else next(iter(parts), None)

    def term(self, term: Term) -> Predicate | None:
        """The closure of a term, or None and a warning."""
        field, opposite = self.target(term.field)
        kind = self.kind_of(field)
        if kind is None:
            self.drop(term, "invalid_field", "Invalid search field for this query.")
            return None
        try:
            found = _on(field, _test(term, kind))
        except (ValueError, KeyError):
            self.drop(term, "invalid_value", f"Invalid value for this field: {term.value}")
            return None
        return _negated(found) if opposite else found

    def target(self, field: str) -> tuple[str, bool]:
        """`tag_not` looks at `tag` and means the opposite."""
        base = field.removesuffix("_not")
        return (base, True) if base != field and self.kind_of(base) else (field, False)

    def drop(self, term: Term, code: str, message: str) -> None:
        """Leave a term out, as the vendor does."""
        self.warnings.append({"field": term.field, "message": message, "code": code})


def _plain_field(node: Node) -> str | None:
    """The field of a term that only compares whole values with others of its field."""
    if not isinstance(node, Term) or node.operator != ":" or node.prefix or node.exists:
        return None
    return node.field if node.field in ("id", "sku", "product_id") and "," not in node.value else None


def _gathered(parts: Sequence[Node]) -> Sequence[Node]:
    """`id:1 OR id:2 OR …` as one term, so that a long list costs one look-up an object."""
    terms = [part for part in parts if isinstance(part, Term)]
    fields = {_plain_field(part) for part in parts}
    if len(fields) != 1 or None in fields:
        return parts
    return [replace(terms[0], quoted=True, others=tuple(term.value for term in terms[1:]))]


def _guessed(field: str) -> Kind:
    if field == "id" or field.endswith(("_id", "_ids")):
        return Kind.ID
    if field.endswith("_at"):
        return Kind.DATE
    return Kind.TEXT if field == DEFAULT else Kind.AUTO


def _terms(node: Node | None) -> Iterator[Term]:
    match node:
        case Term():
            yield node
        case Not(inner):
            yield from _terms(inner)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _terms(part)


@dataclass(frozen=True)
class Query:
    """A parsed query; `tree` is None for an empty one, which matches everything."""

    text: str
    tree: Node | None

    @cached_property
    def fields(self) -> frozenset[str]:
        """Fields that the query names."""
        return frozenset(term.field for term in _terms(self.tree))

    @cached_property
    def _predicate(self) -> Predicate:
        return _Compiler(_guessed).compiled(self.tree) or _everything

    def matches(self, get: Get) -> bool:
        """True if an object with these values is found; kinds of fields are guessed from their names."""
        return self._predicate(get)


def parse(query: str) -> Query:
    """The query behind its text. Any text is one; what cannot be understood is left out."""
    return Query(query, read(query))


def search(query: str | None, known: Mapping[str, Kind]) -> tuple[Predicate, Warnings]:
    """A test for objects, and a warning for each term that was dropped from it.

    `known`: the fields of the resource that may be searched, with their kinds; `metafields.*` stands for all
    metafields. Terms without a field ask for `DEFAULT`, as TEXT.
    """
    kinds = {DEFAULT: Kind.TEXT, **known}

    def kind_of(field: str) -> Kind | None:
        general = "metafields.*" if field.startswith("metafields.") else field
        return kinds.get(field, kinds.get(general))

    compiler = _Compiler(kind_of)
    predicate = compiler.compiled(read(query or ""))
    return predicate or _everything, compiler.warnings


def _described(node: Node | None) -> dict[str, object]:
    match node:
        case Term(field, op, value) if op in RANGE_WORDS:
            return {"field": field, "range": {RANGE_WORDS[op]: value}}
        case Term(field, _, value):
            return {"field": field, "match_all": f"{value}*" if node.prefix or node.exists else value}
        case Not(inner):
            return {"not": _described(inner)}
        case And(parts):
            return {"and": [_described(part) for part in parts]}
        case Or(parts):
            return {"or": [_described(part) for part in parts]}
    return {}


def search_extension(path: Sequence[str], query: str, warnings: Warnings) -> dict[str, object]:
    """One entry of a reply's `extensions.search`."""
    return {"path": list(path), "query": query, "parsed": _described(read(query)), "warnings": warnings}
