"""Rows that are made when they are looked at: a catalogue of any size in little memory.

World key `generate`: `{"products": 100000, "variations": 0, "seed": 0, "changed": 0.0}` gives that many
products, every tenth of them with so many variations; `changed` is the share of them whose price and stock
are other ones than without it. The same values give the same catalogue.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, Final
from zlib import crc32

from sandbox.book import Id, Row

FIRST: Final = 100_001
VARIED: Final = 10
"""Every how manieth generated product has variations."""


class Rows(MutableMapping[Id, Row]):
    """Rows by id: those of `ids` are made by `make` unless they were replaced or taken away."""

    def __init__(self, ids: Sequence[int], make: Callable[[int], Row]) -> None:
        self._ids = ids
        self._make = make
        self.changed: dict[Id, Row | None] = {}

    def __getitem__(self, key: Id) -> Row:
        if key in self.changed:
            row = self.changed[key]
            if row is None:
                raise KeyError(key)
            return row
        if key not in self._ids:
            raise KeyError(key)
        return self._make(int(key))

    def __setitem__(self, key: Id, row: Row) -> None:
        self.changed[key] = row

    def __delitem__(self, key: Id) -> None:
        self.changed[key] = None

    def __contains__(self, key: object) -> bool:
        if key in self.changed:
            return self.changed[key] is not None
        return key in self._ids

    def __iter__(self) -> Iterator[Id]:
        yield from (key for key in self._ids if self.changed.get(key, ()) is not None)
        yield from (key for key, row in self.changed.items() if key not in self._ids and row is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def noise(text: str, below: int) -> int:
    """A number from 0 that looks like chance and is always the same for the same text."""
    return crc32(text.encode()) % below


class Catalogue:
    """The generated catalogue of one account. `leaves`: the deepest taxonomies."""

    def __init__(self, given: dict[str, Any], leaves: Sequence[int], manufacturers: Sequence[int]) -> None:
        self.count: int = given["products"]
        self.per_product: int = given["variations"]
        self._seed = given["seed"]
        self._changed = given["changed"]
        self._leaves, self._manufacturers = leaves, manufacturers

    def products(self) -> Rows:
        """The products."""
        return Rows(range(FIRST, FIRST + self.count), self._product)

    def variations(self) -> Rows:
        """Their variations."""
        varied = self.count // VARIED if self.per_product else 0
        first = FIRST * 10
        return Rows(range(first, first + varied * self.per_product), self._variation)

    def _product(self, number: int) -> Row:
        sku, price, units = f"G{number:07d}", self._price(number), self._units(number)
        name = f"Article {number}"
        text = f"<p>Article <b>{number}</b>, caf&eacute; edition</p>"
        cover = {"id": number, "url": f"https://cdnbigbuy.example/images/{sku}_00.jpg"}
        return {
            "id": number,
            "sku": sku,
            "ean13": f"84{number:011d}",
            "taxonomy": self._leaves[number % len(self._leaves)],
            "manufacturer": self._manufacturers[number % len(self._manufacturers)],
            **price,
            "information": [{"name": name, "description": text, "isoCode": None}],
            "images": [cover],
            "stocks": _two_rows(units),
        }

    def _variation(self, number: int) -> Row:
        place = number - FIRST * 10
        product = FIRST + (place // self.per_product) * VARIED
        return {
            "id": number,
            "sku": f"G{product:07d}-{place % self.per_product}",
            "ean13": f"85{number:011d}",
            "product": product,
            **self._price(number),
            "attributes": [1 + place % self.per_product],
            "stocks": _two_rows(self._units(number)),
        }

    def _moved(self, number: int) -> int:
        share = noise(f"moved {self._seed} {number}", 1_000_000) / 1_000_000
        return int(share < self._changed)

    def _price(self, number: int) -> Row:
        cents = 100 + noise(f"price {self._seed} {number}", 20_000) + self._moved(number)
        return {
            "wholesalePrice": cents / 100,
            "retailPrice": cents * 2 / 100,
            "inShopsPrice": cents * 3 / 100,
        }

    def _units(self, number: int) -> int:
        return noise(f"units {self._seed} {number}", 40) + self._moved(number)


def _two_rows(units: int) -> list[Row]:
    half = units // 2
    return [
        {"quantity": half, "minHandlingDays": 0, "maxHandlingDays": 1, "warehouse": 1},
        {"quantity": units - half, "minHandlingDays": 1, "maxHandlingDays": 2, "warehouse": 1},
    ]
