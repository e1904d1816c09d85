"""Items and colours: the area `catalog`, which Brick Owl opens on request (https://www.brickowl.com/api_docs)."""

from typing import Final

from sandbox.book import Row
from sandbox.brickowl.inventory import ids
from sandbox.brickowl.model import CONDITIONS, CONDITIONS_OF, TYPES, Account, Color, Item
from sandbox.brickowl.words import Arguments, Problem, needed
from sandbox.reading import Json

ID_TYPES: Final = ("bl_item_no", "item_no", "design_id", "set_number")
MOST: Final = 100
"""BOIDs in one `catalog/bulk_lookup`."""


def id_lookup(account: Account, given: Arguments) -> Row:
    """GET catalog/id_lookup: the BOIDs of a number, which may be several or none."""
    number, kind = needed(given, "id"), needed(given, "type")
    if kind not in TYPES:
        raise Problem(400, "Invalid type")
    if given.get("id_type", "item_no") not in ID_TYPES:
        raise Problem(400, "Invalid id_type")
    found = (item for item in account.items.values() if item.type == kind and item.bl_item_no == number)
    return {"boids": [item.boid for item in found]}


def color_list(account: Account, _: Arguments) -> Json:
    """GET catalog/color_list: colours by number; no colour at all is an empty list."""
    return {str(color.id): _shown(color) for color in account.colors.values()} or []


def _shown(color: Color) -> Row:
    return {
        "id": str(color.id),
        "name": color.name,
        "hex": "9ba19d",
        "ldraw_ids": [],
        "peeron_names": [],
        "bl_ids": [str(number) for number in color.bl_ids],
        "bl_names": [color.name] if color.bl_ids else [],
        "lego_colors": [],
    }


def condition_list(_: Account, __: Arguments) -> Row:
    """GET catalog/condition_list: the codes that suit each type."""
    return {kind: {code: CONDITIONS[code] for code in codes} for kind, codes in CONDITIONS_OF.items()}


def lookup(account: Account, given: Arguments) -> Row:
    """GET catalog/lookup: one item."""
    return _item(account, needed(given, "boid"))


def bulk_lookup(account: Account, given: Arguments) -> Row:
    """GET catalog/bulk_lookup: several items; those that are none are left out."""
    boids = needed(given, "boids").split(",")
    if len(boids) > MOST:
        raise Problem(400, f"At most {MOST} BOIDs may be looked up at once")
    return {"items": {boid: _told(boid, item) for boid in boids if (item := account.item(boid))}}


def _item(account: Account, boid: str) -> Row:
    item = account.item(boid)
    if item is None:
        raise Problem(404, "Invalid BOID")
    return _told(boid, item)


def _told(boid: str, item: Item) -> Row:
    url = f"https://www.brickowl.com/boid/{boid}"
    return {"boid": boid, "type": item.type, "name": item.name, "url": url, "ids": ids(item)}
