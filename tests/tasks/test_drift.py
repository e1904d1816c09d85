from dataclasses import replace
from decimal import Decimal

from tasks.drift import Believed, Difference, Kind, compare, tally
from tasks.owed import Face
from tests.tasks.test_settling import MINE, OTHERS, lot

FACE = Face(Decimal("0.1"))


def believed(lot_id: str = "1", expected: int = 5, face: Face | None = None) -> Believed:
    return Believed("aaaaaaaaaaaa", MINE, lot_id, expected, face)


def test_says_nothing_when_all_is_as_believed() -> None:
    shown = replace(lot("1", MINE), price=Decimal("0.1"))
    assert compare([believed(face=FACE)], [shown]) == []


def test_tells_what_is_missing_below_and_above() -> None:
    assert compare([believed()], []) == [Difference(Kind.MISSING, "1", "aaaaaaaaaaaa", 5, 0)]
    assert compare([believed()], [lot("1", MINE, 4)]) == [
        Difference(Kind.BELOW, "1", "aaaaaaaaaaaa", 5, 4),
    ]
    assert compare([believed()], [lot("1", MINE, 6)])[0].kind is Kind.ABOVE


def test_lists_lots_that_no_item_has() -> None:
    found = compare([believed()], [lot("1", MINE), lot("2", MINE), lot("3", OTHERS), lot("4")])
    assert [(each.kind, each.lot_id) for each in found] == [
        (Kind.TWICE, "2"),
        (Kind.ORPHAN, "3"),
        (Kind.FOREIGN, "4"),
    ]
    assert tally(found) == {"twice": 1, "orphan": 1, "foreign": 1}


def test_names_looks_that_somebody_changed() -> None:
    shown = replace(lot("1", MINE), price=Decimal("0.2"), public_text="Mended")
    assert [each.note for each in compare([believed(face=FACE)], [shown])] == ["price, notes"]
