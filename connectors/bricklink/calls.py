"""What we say to BrickLink's store API, version 1: builders of calls, without any I/O.

https://www.bricklink.com/v3/api.page?page=resource-representations-inventory
"""

from decimal import ROUND_CEILING, Decimal
from typing import Final
from urllib.parse import quote

from connectors.http import Call
from connectors.market import Change, Condition, Lane, Lot, NewLot, Part, join
from connectors.records import JsonObject

LIST_SECONDS: Final = 120.0
"""How long the list of all lots may take: a store has tens of thousands, and there are no pages."""

_STEP = Decimal("0.0001")
_STOCK_ROOM: Final = "A"
_LETTERS: Final[dict[Condition, str]] = {"new": "N", "used": "U"}
CONDITIONS: Final[dict[str, Condition]] = {letter: word for word, letter in _LETTERS.items()}


def key_of(part: Part) -> str:
    """What a lot sells, in one text: `PART/3001/5/N/-`. Numbers are the same in either case."""
    letter = _LETTERS[part.condition]
    return (
        f"{part.item_type}/{part.no.casefold()}/{part.color_id}/{letter}/{part.completeness or '-'}".upper()
    )


def price(amount: Decimal) -> Decimal:
    """An amount with the four digits that BrickLink keeps; it rounds up."""
    return amount.quantize(_STEP, ROUND_CEILING)


# ------------------------------------------------------------------ inventories


def lots(lane: Lane, part: Part | None = None) -> Call:
    """All lots, whatever their status; or those of a part's type and colour, the finest that can be asked."""
    only = {} if part is None else {"item_type": part.item_type, "color_id": str(part.color_id)}
    return Call("GET /inventories", "inventories", "GET", params=only, lane=lane, timeout=LIST_SECONDS)


def lot(lot_id: str, lane: Lane) -> Call:
    """One lot."""
    return Call("GET /inventories/{id}", _lot_path(lot_id), "GET", lane=lane)


def create(new: NewLot, *, retain: bool) -> Call:
    """Make a lot, on sale at once. One at a time: an array of them would be answered without their ids."""
    part = new.part
    body: JsonObject = {
        "item": {"no": part.no, "type": part.item_type},
        "color_id": part.color_id,
        "quantity": new.quantity,
        "new_or_used": _LETTERS[part.condition],
        "unit_price": str(price(new.price)),
        "description": new.public_text,
        "remarks": join(new.text, new.marker),
        "is_retain": retain,
        "is_stock_room": False,
    }
    if part.completeness:
        body["completeness"] = part.completeness
    return Call("POST /inventories", "inventories", "POST", json=body, writes=True, lane="creations")


def change(seen: Lot, wanted: Change) -> Call:
    """Change a lot as it was just seen.

    Its quantity is a signed text that is added to whatever is there, and left out if it stays. Texts and
    stockroom are sent along unchanged, since BrickLink may forget or refuse what is left out.
    """
    text = seen.text if wanted.text is None else wanted.text
    public_text = seen.public_text if wanted.public_text is None else wanted.public_text
    body: JsonObject = {
        "description": public_text,
        "remarks": join(text, wanted.marker or seen.marker),
        **_room(seen, wanted.delta),
    }
    if wanted.delta:
        body["quantity"] = f"{wanted.delta:+d}"
    if wanted.price is not None:
        body["unit_price"] = str(price(wanted.price))
    path = _lot_path(seen.lot_id)
    return Call("PUT /inventories/{id}", path, "PUT", json=body, writes=True, lane=wanted.lane)


def delete(lot_id: str) -> Call:
    """Delete a lot for ever."""
    return Call("DELETE /inventories/{id}", _lot_path(lot_id), "DELETE", writes=True, lane="deletions")


def _room(seen: Lot, delta: int) -> JsonObject:
    """Where a lot is to be: nowhere but in a stockroom it may be empty, and out of it it is sold again."""
    if delta < 0 and seen.quantity + delta <= 0:
        return _in_room(seen.stock_room or _STOCK_ROOM, retain=True)
    if seen.stock_room is None or (delta > 0 and seen.quantity == 0):
        return {"is_retain": seen.retain, "is_stock_room": False}
    return _in_room(seen.stock_room, retain=seen.retain)


def _in_room(name: str, *, retain: bool) -> JsonObject:
    return {"is_retain": retain, "is_stock_room": True, "stock_room_id": name}


def _lot_path(lot_id: str) -> str:
    return f"inventories/{quote(lot_id, safe='')}"


def color(number: int) -> Call:
    """One colour of the catalogue: the least that a token can be tried with.

    https://www.bricklink.com/v3/api.page?page=get-color
    """
    return Call("GET /colors/{id}", f"colors/{number}", "GET", lane="orders")


# ------------------------------------------------------------------ orders


def orders(*, filed: bool = False) -> Call:
    """All orders that came in, in every status: those not filed away, or those that are."""
    params = {"direction": "in"} | ({"filed": "true"} if filed else {})
    return Call(
        "GET /orders", "orders", "GET", params=params, lane="orders", personal=True, timeout=LIST_SECONDS
    )


def order_items(order_id: str) -> Call:
    """What was sold in one order."""
    path = f"orders/{quote(order_id, safe='')}/items"
    return Call("GET /orders/{id}/items", path, "GET", lane="orders", personal=True)
