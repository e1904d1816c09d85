"""Lots: `inventory/list`, `create`, `update`, `delete` (https://www.brickowl.com/api_docs)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from sandbox.book import Row
from sandbox.brickowl import words
from sandbox.brickowl.model import (
    COARSE_NEW,
    CONDITIONS,
    MAY_HAVE_COLOR,
    NEEDS_COLOR,
    TYPES,
    Account,
    Item,
    active,
    bare,
    color_of,
    final_price,
)
from sandbox.brickowl.section import FIRST_LOT
from sandbox.brickowl.words import Arguments, Problem, needed
from sandbox.reading import Json

FRESH: Final[Row] = {
    "for_sale": True,
    "public_note": "",
    "personal_note": "",
    "sale_percent": 0,
    "tier_price": [],
    "bulk_qty": 1,
    "my_cost": None,
    "lot_weight": None,
}
"""What a create does not say."""
EXTRAS: Final = ("for_sale", "public_note", "personal_note", "tier_price")
"""What a create may take or ignore: switch `create_extras`."""


# ------------------------------------------------------------------------ reading


def listing(account: Account, given: Arguments) -> list[Json]:
    """GET inventory/list: every lot in one answer; without `active_only=0` only those that can be bought."""
    _store(account)
    only = words.flag(given.get("active_only", "1"), "active_only")
    found = [shown(account, lot) for lot in account.lots.rows.values() if active(lot) or not only]
    return [lot for lot in found if _wanted(lot, given)]


def _store(account: Account) -> None:
    if not account.store:
        raise Problem(400, "Store not found, you may need to set list_type=customer")


def _wanted(lot: Row, given: Arguments) -> bool:
    external = lot["external_lot_ids"] or {"other": None}
    asked = {"type": lot["type"], "lot_id": lot["lot_id"], "external_id_1": external["other"]}
    if given.get("type") and given["type"] not in TYPES:
        raise Problem(400, "Invalid type")
    return all(given[name] == value for name, value in asked.items() if given.get(name))


def shown(account: Account, lot: Row) -> Row:
    """A lot as answers have it: numbers are text, and what is empty is null or an empty list."""
    item = account.item(lot["boid"])
    price = str(final_price(lot))
    return {
        "lot_id": str(lot["lot_id"]),
        "boid": lot["boid"],
        "owl_id": bare(lot["boid"]),
        "type": item.type if item else "Part",
        "qty": str(lot["qty"]),
        "con": "new" if lot["con"] in COARSE_NEW else "used",
        "full_con": lot["con"],
        "base_price": lot["price"],
        "price": price,
        "final_price": price,
        "sale_percent": str(lot["sale_percent"]),
        "tier_price": [[str(quantity), cost] for quantity, cost in lot["tier_price"]],
        "bulk_qty": str(lot["bulk_qty"]),
        "for_sale": "1" if lot["for_sale"] else "0",
        "my_cost": lot["my_cost"],
        "personal_note": lot["personal_note"] or None,
        "public_note": lot["public_note"] or None,
        "reserve_uid": "0",
        "external_lot_ids": {"other": lot["external_id"]} if lot["external_id"] else [],
        "ids": ids(item) if item else [],
        "url": f"https://www.brickowl.com/boid/{lot['boid']}",
    }


def ids(item: Item) -> list[Json]:
    """An item's numbers elsewhere."""
    known = [{"id": item.boid, "type": "boid"}]
    return known + ([{"id": item.bl_item_no, "type": "bl_item_no"}] if item.bl_item_no else [])


# ------------------------------------------------------------------------ writing


def create(account: Account, given: Arguments) -> Row:
    """POST inventory/create: a lot that is on sale at once."""
    _store(account)
    item = _item(account, needed(given, "boid"))
    lot: Row = {
        "lot_id": max([FIRST_LOT - 1, *(int(number) for number in account.lots.rows)]) + 1,
        "boid": _with_color(account, item, given),
        "qty": words.natural(needed(given, "quantity"), "quantity"),
        "con": _condition(needed(given, "condition")),
        "price": words.price(needed(given, "price")),
        "external_id": given.get("external_id") or None,
        **FRESH,
    }
    if lot["qty"] < 1:
        raise Problem(400, "Invalid quantity: must be at least 1")
    if account.at("create_extras") == "taken":
        lot |= _changes(account, lot, {name: given[name] for name in EXTRAS if name in given})
    _check_external_id(account, lot["external_id"])
    account.lots.put(lot["lot_id"], lot)
    return {**success(account), "lot_id": str(lot["lot_id"])}


def update(account: Account, given: Arguments) -> Row:
    """POST inventory/update: the fields that are given, of the one lot that is named."""
    _store(account)
    lot = _named(account, given)
    _not_retiring(account, lot["boid"])
    if not UPDATES.keys() & given.keys():
        raise Problem(400, "Nothing to update")
    if {"absolute_quantity", "relative_quantity"} <= given.keys():
        raise Problem(400, "Only one of absolute_quantity and relative_quantity may be given")
    changes = _changes(account, lot, {name: given[name] for name in UPDATES if name in given})
    if any(lot[name] != value for name, value in changes.items()):
        account.lots.alter(lot["lot_id"], **changes)
    return success(account)


def delete(account: Account, given: Arguments) -> Row:
    """POST inventory/delete: the lot is gone for good."""
    _store(account)
    account.lots.drop(_named(account, given)["lot_id"])
    return success(account)


def success(account: Account) -> Row:
    """What a write answers."""
    return {"status": "success" if account.at("success") == "lower" else "Success"}


def _item(account: Account, boid: str) -> Item:
    item = account.item(boid)
    if item is None or ("-" in boid and color_of(boid) is None):
        raise Problem(400, f"Invalid BOID {boid}")
    _not_retiring(account, boid)
    return item


def _not_retiring(account: Account, boid: str) -> None:
    item = account.item(boid)
    if item and item.retiring:
        raise Problem(400, f"The item {bare(boid)} is scheduled for deletion")


def _with_color(account: Account, item: Item, given: Arguments) -> str:
    """The BOID of a new lot: with a colour where its type has one."""
    boid, color = given["boid"], given.get("color_id")
    found = color_of(boid) if "-" in boid else None
    if color:
        number = words.natural(color, "color_id")
        if found not in (None, number):
            raise Problem(400, "Invalid color_id: the BOID has another color")
        found = number
    if found is None:
        if item.type in NEEDS_COLOR:
            raise Problem(400, "Missing parameter: color_id")
        return bare(boid)
    if item.type not in MAY_HAVE_COLOR or found not in account.colors:
        raise Problem(400, f"Invalid color_id {found} for type {item.type}")
    return f"{bare(boid)}-{found}"


def _condition(code: str) -> str:
    if code not in CONDITIONS:
        raise Problem(400, f"Invalid condition {code}")
    return code


def _check_external_id(account: Account, external_id: str | None) -> None:
    taken = {lot["external_id"] for lot in account.lots.rows.values()}
    if external_id and external_id in taken and account.at("external_id") == "unique":
        raise Problem(400, "external_id is already in use")


def _named(account: Account, given: Arguments) -> Row:
    """The lot that exactly one of two arguments names."""
    named = [name for name in ("lot_id", "external_id") if given.get(name)]
    if len(named) != 1:
        raise Problem(400, "Exactly one of lot_id and external_id must be given")
    found = list(_matching(account, named[0], given[named[0]]))
    if not found:
        raise Problem(404, "Lot not found")
    if len(found) > 1:
        raise Problem(400, "Several lots have this external_id")
    return found[0]


def _matching(account: Account, name: str, value: str) -> Iterator[Row]:
    return (lot for lot in account.lots.rows.values() if str(lot[name]) == value)


def _changes(account: Account, lot: Row, given: Arguments) -> Row:
    """What becomes of a lot's fields; refused as a whole if one of the arguments is."""
    found: Row = {}
    for name, text in given.items():
        field, make = UPDATES[name]
        found[field] = make(lot, text)
    if "external_id" in found and found["external_id"] != lot["external_id"]:
        _check_external_id(account, found["external_id"])
    return found


def _moved(lot: Row, text: str) -> int:
    found = int(lot["qty"]) + words.whole(text, "relative_quantity")
    if found < 0:
        raise Problem(400, "Invalid relative_quantity: not that many are left")
    return found


def _percent(_: Row, text: str) -> int:
    found = words.whole(text, "sale_percent")
    if abs(found) > 95:
        raise Problem(400, "Invalid sale_percent: must be between -95 and 95")
    return found


Make = Callable[[Row, str], Json]
UPDATES: Final[Mapping[str, tuple[str, Make]]] = {
    "absolute_quantity": ("qty", lambda _, text: words.natural(text, "absolute_quantity")),
    "relative_quantity": ("qty", _moved),
    "for_sale": ("for_sale", lambda _, text: words.flag(text, "for_sale")),
    "price": ("price", lambda _, text: words.price(text)),
    "sale_percent": ("sale_percent", _percent),
    "my_cost": ("my_cost", lambda _, text: words.price(text, "my_cost")),
    "lot_weight": ("lot_weight", lambda _, text: words.price(text, "lot_weight")),
    "personal_note": ("personal_note", lambda _, text: words.note(text)),
    "public_note": ("public_note", lambda _, text: words.note(text)),
    "bulk_qty": ("bulk_qty", lambda _, text: max(1, words.natural(text, "bulk_qty"))),
    "tier_price": ("tier_price", lambda _, text: words.tiers(text)),
    "condition": ("con", lambda _, text: _condition(text)),
    "update_external_id_1": ("external_id", lambda _, text: text or None),
}
"""Arguments of an update: the field of the lot, and its new value from the lot and the text. Others are
ignored without a word."""
