"""Which of a partner's variants may be which own one, by SKU. Nothing is bound here: a person looks first."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from connectors.folding import fold

Listed = tuple[int, str | None]
"""A variant's id and SKU."""

_ALIKE = str.maketrans({"o": "0", "i": "1", "l": "1"})


@dataclass(frozen=True, slots=True)
class Pair:
    """A variant of the partner and an own one."""

    partner_variant: int
    partner_sku: str
    own_variant: int
    own_sku: str


@dataclass(frozen=True, slots=True)
class Twins:
    """Variants of one store whose SKUs mean the same: `partner` or `own` says of which."""

    store: str
    variants: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """`pairs`: one of each, with the same SKU. `near`: SKUs that only look alike. `taken`: pairs whose own
    variant something else feeds already. `bound`: how many of the partner's variants are mapped already,
    `blank`: how many have no SKU, `unmatched`: how many found nothing.
    """

    pairs: tuple[Pair, ...]
    near: tuple[Pair, ...]
    twins: tuple[Twins, ...]
    taken: tuple[Pair, ...]
    bound: int
    blank: int
    unmatched: int


def propose(
    partner: Iterable[Listed],
    own: Iterable[Listed],
    *,
    bound: AbstractSet[int] = frozenset(),
    fed: AbstractSet[int] = frozenset(),
) -> Proposals:
    """Compare two stores. `bound`: the partner's variants that are mapped; `fed`: own ones that are fed."""
    theirs, ours = list(partner), list(own)
    by_sku, own_by_sku = _by(fold, theirs), _by(fold, ours)
    free = {sku: found for sku, found in by_sku.items() if not all(each in bound for each, _ in found)}
    same = [sku for sku in sorted(free) if sku in own_by_sku]
    single = [sku for sku in same if len(free[sku]) == len(own_by_sku[sku]) == 1]
    pairs = [_pair(free[sku][0], own_by_sku[sku][0]) for sku in single]
    lonely = {sku: found for sku, found in free.items() if sku not in own_by_sku}
    near = _near(lonely, ours)
    found_something = {each.partner_variant for each in near}
    return Proposals(
        pairs=tuple(pair for pair in pairs if pair.own_variant not in fed),
        near=tuple(near),
        twins=tuple(_twins(same, by_sku, own_by_sku)),
        taken=tuple(pair for pair in pairs if pair.own_variant in fed),
        bound=sum(number in bound for number, _ in theirs),
        blank=sum(not fold(sku or "") for _, sku in theirs),
        unmatched=sum(number not in found_something for found in lonely.values() for number, _ in found),
    )


Index = Mapping[str, Sequence[tuple[int, str]]]


def _by(key: Callable[[str], str], variants: Iterable[Listed]) -> dict[str, list[tuple[int, str]]]:
    """Variants by what their SKUs mean; those without one mean nothing."""
    found: dict[str, list[tuple[int, str]]] = {}
    for number, sku in variants:
        if sku and (meaning := key(sku)):
            found.setdefault(meaning, []).append((number, sku))
    return found


def _pair(theirs: tuple[int, str], ours: tuple[int, str]) -> Pair:
    return Pair(*theirs, *ours)


def _twins(same: Iterable[str], theirs: Index, ours: Index) -> Iterator[Twins]:
    """Of SKUs that are in both stores, those that are in one of them more than once."""
    for sku in same:
        for store, found in (("partner", theirs[sku]), ("own", ours[sku])):
            if len(found) > 1:
                yield Twins(store, tuple(sorted(found)))


def _near(lonely: Index, ours: Iterable[Listed]) -> list[Pair]:
    """Pairs whose SKUs differ in punctuation, leading zeros, or letters that look like digits."""
    alike = _by(_squeezed, ours)
    return [
        _pair(each, other)
        for sku in sorted(lonely)
        for each in lonely[sku]
        for other in alike.get(_squeezed(each[1]), ())
    ]


def _squeezed(sku: str) -> str:
    letters = re.sub(r"[\W_]+", "", fold(sku))
    return letters.translate(_ALIKE).lstrip("0")
