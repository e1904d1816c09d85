"""Deleting when the ledger or the shop does not play along: nothing goes, and each candidate is told once."""

from collections.abc import Sequence

import pytest

from connectors.errors import Transient
from connectors.records import JsonObject, LevelsEverywhere, Row, Stock, VariantFacts
from tasks.delete import Deleter
from tasks.plan import Line

LINES = [
    Line(product_id=1, variant_id=number, item_id=number, sku=f"A-{number}", ccod="A", position=number)
    for number in (1, 2, 3)
]


class Shop:
    """A product of so many variants; the first has stock on its way, the others are empty everywhere."""

    def __init__(self, siblings: int = 5) -> None:
        self.siblings = siblings
        self.deleted: list[int] = []
        self.archived: list[int] = []

    def levels_everywhere(self, items: Sequence[int]) -> dict[int, LevelsEverywhere]:
        return {
            item: LevelsEverywhere(item, (Stock(1, 0, 0, 0, 4 if item == 1 else 0),), complete=True)
            for item in items
        }

    def snapshots(self, variants: Sequence[int]) -> dict[int, VariantFacts]:
        return {
            each: VariantFacts(each, 1, each, "DENY", False, False, 0, self.siblings, {"id": each})
            for each in variants
        }

    def delete_variants(self, product: int, variants: Sequence[int]) -> None:
        assert product == 1
        self.deleted.extend(variants)

    def archive(self, product: int) -> None:
        self.archived.append(product)


class Journal:
    def intend(self, kind: str, lines: Sequence[Line], rows: Sequence[Row]) -> str:
        return f"{kind} {len(lines)} {len(rows)}"

    def conclude(self, key: str, state: str, note: str = "") -> None:
        assert key, (state, note)


def no_room(snapshots: Sequence[tuple[Line, JsonObject]]) -> None:
    raise Transient(f"the ledger took none of {len(snapshots)} snapshots")


def test_what_passes_goes_after_its_snapshot() -> None:
    shop, kept = Shop(), []

    ended = Deleter(shop, Journal(), kept.extend, frozenset, lambda wanted: wanted).delete(LINES, frozenset())

    assert sorted(shop.deleted) == sorted(line.variant_id for line, _ in kept) == [2, 3]
    assert [data["stockedAt"] for _, data in kept] == [[1], [1]]
    assert shop.archived == []
    assert [(failed.line.variant_id, failed.check) for failed in ended.failed] == [(1, "incoming_inventory")]


def test_without_a_snapshot_nothing_goes_and_each_is_told_once() -> None:
    shop = Shop()

    ended = Deleter(shop, Journal(), no_room, frozenset, lambda wanted: wanted).delete(LINES, frozenset())

    assert shop.deleted == []
    assert [(failed.line.variant_id, failed.check) for failed in ended.failed] == [
        (1, "check_failed"),
        (2, "check_failed"),
        (3, "check_failed"),
    ]


@pytest.mark.parametrize(
    ("siblings", "candidates", "archived"),
    [
        (2, LINES[1:], True),
        (3, LINES[1:], False),  # another one is new, or its level could not be written to zero
        (2, LINES[:2], False),  # one failed a check
    ],
)
def test_a_product_is_archived_only_if_none_of_its_variants_stays(
    siblings: int, candidates: Sequence[Line], *, archived: bool
) -> None:
    shop = Shop(siblings)
    deleter = Deleter(shop, Journal(), lambda _: None, frozenset, lambda wanted: wanted)

    ended = deleter.delete(candidates, frozenset({1}))

    assert (shop.archived == ended.archived == [1]) == archived
    assert shop.deleted == []
    assert {line.check for line in ended.failed if line.line.variant_id == 2} == {
        "product_archived" if archived else "not_all_go"
    }
