"""From the text of a search to a tree of terms.

https://shopify.dev/docs/api/usage/search-syntax
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_NESTING: Final = 100
"""Parentheses deeper than this are read as if they were not there."""


@dataclass(frozen=True, slots=True)
class Term:
    """`field:value`, or a bare value under the field `default`. `others`: values that will do as well."""

    field: str
    operator: str
    value: str
    quoted: bool = False
    prefix: bool = False
    exists: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """What must all hold."""

    parts: Sequence["Node"]


@dataclass(frozen=True, slots=True)
class Or:
    """Of what one must hold."""

    parts: Sequence["Node"]


Node = Term | Not | And | Or

TOKEN: Final = re.compile(
    r"""
    \s*(?:
        (?P<bracket>[()])
      | (?P<minus>-(?=[^\s)]))
      | (?:(?P<field>[A-Za-z_](?:\\.|[^\s:()'"\\])*)(?P<operator>:(?:<=|>=|<|>)?))?
        (?:'(?P<single>(?:\\.|[^'\\])*)'?
          |"(?P<double>(?:\\.|[^"\\])*)"?
          |(?P<plain>(?:\\.|[^\s:()\\])*)(?P<lost>:(?:\\.|[^\s()\\])*)?
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
"""One token. `lost`: what follows a second colon outside quotes, which nobody reads."""


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _quoted(match: re.Match[str]) -> str | None:
    return match["single"] if match["single"] is not None else match["double"]


def _term(match: re.Match[str]) -> Term | None:
    field = _unescaped(match["field"]) if match["field"] else "default"
    sign = match["operator"] or ":"
    quoted = _quoted(match)
    if quoted is not None:
        return Term(field, sign, _unescaped(quoted), quoted=True)
    plain = match["plain"] or ""
    if plain == "*":
        return Term(field, sign, "", exists=True)
    if plain.endswith("*") and not plain.endswith("\\*"):
        return Term(field, sign, _unescaped(plain[:-1]), prefix=True)
    return Term(field, sign, _unescaped(plain)) if plain else None


Token = str | Term
"""`(`, `)`, `-`, `AND`, `OR`, `NOT`, or a term."""


def _token(match: re.Match[str]) -> Token | None:
    if match["bracket"] or match["minus"]:
        return match["bracket"] or match["minus"]
    if not match["field"] and match["plain"] in ("AND", "OR", "NOT"):
        return str(match["plain"])
    return _term(match)


def tokens(text: str) -> list[Token]:
    """The tokens of a search; characters that belong to none are skipped."""
    found, place = list[Token](), 0
    while place < len(text):
        match = TOKEN.match(text, place)
        token = _token(match) if match else None
        if token is not None:
            found.append(token)
        place = max(place + 1, match.end() if match else 0)
    return found


class _Reader:
    """Recursive descent over the tokens: OR binds least, then AND, then NOT and the minus."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = found
        self.place = 0
        self.depth = 0

    @property
    def ahead(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self) -> Token | None:
        token = self.ahead
        self.place += 1
        return token

    def either(self) -> Node | None:
        parts = [self.every()]
        while self.ahead == "OR":
            self.take()
            parts.append(self.every())
        return _joined(Or, parts)

    def every(self) -> Node | None:
        parts = list[Node | None]()
        while self.ahead is not None and self.ahead not in ("OR", ")"):
            parts.append(self.one())
        return _joined(And, parts)

    def one(self) -> Node | None:
        negated = False
        while self.ahead in ("NOT", "-", "AND"):
            negated ^= self.take() != "AND"
        found = self.bracketed() if self.ahead == "(" else self.plain()
        return Not(found) if negated and found is not None else found

    def plain(self) -> Node | None:
        return self.take() if isinstance(self.ahead, Term) else None  # type: ignore[return-value]

    def bracketed(self) -> Node | None:
        self.take()
        if self.depth >= MAX_NESTING:
            return None
        self.depth += 1
        inner = self.either()
        self.depth -= 1
        if self.ahead == ")":
            self.take()
        return inner


def _joined(kind: type[And | Or], parts: Sequence[Node | None]) -> Node | None:
    left = [part for part in parts if part is not None]
    return kind(tuple(left)) if len(left) > 1 else next(iter(left), None)


def read(text: str) -> Node | None:
    """The tree of a search, None if it asks for nothing. A bracket that closes nothing is skipped."""
    reader = _Reader(tokens(text))
    parts = [reader.either()]
    while reader.take() is not None:
        parts.append(reader.either())
    return _joined(And, parts)
