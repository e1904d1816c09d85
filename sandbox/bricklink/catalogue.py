"""The calls that concern the catalogue: https://www.bricklink.com/v3/api.page?page=get-item and others."""

from sandbox.bricklink.bodies import number_in, shown
from sandbox.bricklink.envelope import done, invalid, not_found
from sandbox.bricklink.model import CATEGORIES, COLORS, TYPES, Account, Item, color_name
from sandbox.http import Response
from sandbox.rest import Asked


def _color(number: int) -> dict[str, object]:
    name, code = COLORS[number]
    return {"color_id": number, "color_name": name, "color_code": code, "color_type": "Solid"}


def get_colors(_: Account, __: Asked) -> Response:
    """GET /colors."""
    return done([_color(number) for number in COLORS])


def get_color(_: Account, asked: Asked) -> Response:
    """GET /colors/{id}."""
    number = number_in(asked, "id")
    if number not in COLORS:
        raise not_found(f"color {number}")
    return done(_color(number))


def _category(number: int) -> dict[str, object]:
    return {"category_id": number, "category_name": CATEGORIES[number], "parent_id": 0}


def get_categories(_: Account, __: Asked) -> Response:
    """GET /categories."""
    return done([_category(number) for number in CATEGORIES])


def get_category(_: Account, asked: Asked) -> Response:
    """GET /categories/{id}."""
    number = number_in(asked, "id")
    if number not in CATEGORIES:
        raise not_found(f"category {number}")
    return done(_category(number))


def _item(account: Account, asked: Asked) -> Item:
    kind, no = asked.arguments["type"].upper(), asked.arguments["no"]
    if kind not in TYPES:
        raise invalid("Invalid parameter value: [type]")
    found = account.catalogue.find(kind, no)
    if found is None:
        raise not_found(f"item {kind} {no}")
    return found


def get_item(account: Account, asked: Asked) -> Response:
    """GET /items/{type}/{no}."""
    return done(shown(account, {**_item(account, asked).told(), "is_obsolete": False}))


def get_item_colors(account: Account, asked: Asked) -> Response:
    """GET /items/{type}/{no}/colors: those in which the store has it."""
    item = _item(account, asked)
    found = {
        lot["color_id"]
        for lot in account.lots.rows.values()
        if (lot["item"]["type"], lot["item"]["no"].lower()) == (item.type, item.no.lower())
    }
    return done([{"color_id": number, "quantity": 1} for number in sorted(found)])


def get_mapping(account: Account, asked: Asked) -> Response:
    """GET /item_mapping/{type}/{no}: parts only, and far from all of them."""
    item = _item(account, asked)
    if item.type != "PART":
        raise invalid("Only parts are mapped")
    color = asked.request.query.get("color_id")
    numbers = [int(color)] if color and color.isdecimal() else [5, 11]
    return done([_mapped(item, number) for number in numbers])


def _mapped(item: Item, color: int) -> dict[str, object]:
    digits = "".join(each for each in item.no if each.isdecimal()) or "0"
    return {
        "item": {"no": item.no, "type": item.type},
        "color_id": color,
        "color_name": color_name(color),
        "element_id": f"{digits}{color:02d}",
    }


def get_element(_: Account, __: Asked) -> Response:
    """GET /item_mapping/{element_id}: this stand-in knows none."""
    return done([])
