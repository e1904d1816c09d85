"""The stores of a seller of LEGO on both marketplaces: a small one with what goes wrong, and one of any size.

What is sold on BrickLink is on Brick Owl too, unless it says otherwise, and in the same number.
"""

import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

Json = dict[str, Any]
Ago = Callable[..., str]
"""A moment so long ago."""
FIRST_LOT: Final = 331_700_001
FIRST_OWL_LOT: Final = 7_350_001
OWL_COLORS: Final = {1: 40, 3: 42, 5: 38, 7: 41, 11: 39}
"""Brick Owl's numbers of BrickLink's colours, as its stand-in has them by default."""
OWL_TYPES: Final = {"PART": "Part", "SET": "Set", "MINIFIG": "Minifigure"}
MOST_GENERATED: Final = 10_000
"""Lots of a generated store, however many products the shop has."""


class Goods(NamedTuple):
    """A thing for sale: BrickLink's number, type and colour, Brick Owl's number of it."""

    no: str
    kind: str
    name: str
    color: int
    boid: str
    quantity: int
    price: str
    where: str = ""
    used: bool = False


GOODS: Final = (
    Goods("3001", "PART", "Brick 2 x 4", 5, "771344", 120, "0.1200", "A1"),
    Goods("3001", "PART", "Brick 2 x 4", 11, "771344", 64, "0.1100", "A2"),
    Goods("3001", "PART", "Brick 2 x 4", 5, "771344", 35, "0.0600", "A1", used=True),
    Goods("3003", "PART", "Brick 2 x 2", 1, "235423", 200, "0.0700", "A3"),
    Goods("3004", "PART", "Brick 1 x 2", 7, "550238", 310, "0.0400", "A4 'long' (left) & low"),
    Goods("3020", "PART", "Plate 2 x 4", 11, "904372", 90, "0.0800", "B1"),
    Goods("3023", "PART", "Plate 1 x 2", 3, "117882", 500, "0.0300", "B2"),
    Goods("3069b", "PART", "Tile 1 x 2 with Groove", 5, "687410", 75, "0.0500", "B3"),
    Goods("3626cpb0631", "PART", "Minifigure, Head", 3, "360177", 12, "0.3500", "C1"),
    Goods("sw0001a", "MINIFIG", "Battle Droid", 0, "202391", 6, "2.5000", "C2"),
    Goods("7644-1", "SET", "MX-81 Hypersonic Operations Aircraft", 0, "544096", 2, "89.9000", "Shelf"),
)


def brick_stores(ago: Ago) -> dict[str, Json]:
    """The sections of both marketplaces."""
    return {"bricklink": {"default": _bricklink(ago)}, "brickowl": {"default": _brickowl(ago)}}


def _bricklink(ago: Ago) -> Json:
    lots = [_lot(FIRST_LOT + place, goods) for place, goods in enumerate(GOODS)]
    lots[5] |= {"is_retain": True}
    extra = FIRST_LOT + len(lots)
    lots += [
        _lot(extra, GOODS[0]._replace(color=7, quantity=0)) | {"is_retain": True, "is_stock_room": True},
        _lot(extra + 1, GOODS[3]._replace(quantity=40, where="Box 9")) | {"is_stock_room": True},
        _lot(extra + 2, GOODS[7]._replace(quantity=5, where="Found behind B3")),
    ]
    orders = [
        _order(20_000_001, "COMPLETED", ago(days=40), [(FIRST_LOT + 1, 12), (FIRST_LOT + 6, 50)]),
        _order(20_000_002, "SHIPPED", ago(days=3), [(FIRST_LOT, 8)]),
        _order(20_000_003, "CANCELLED", ago(days=2), [(FIRST_LOT + 3, 20)]),
    ]
    orders[0] |= {"is_filed": True}
    return {"store_name": "Zapata Bricks", "currency": "EUR", "lots": lots, "orders": orders}


def _lot(number: int, goods: Goods) -> Json:
    """A lot of BrickLink."""
    return {
        "inventory_id": number,
        "item": {"no": goods.no, "type": goods.kind, "name": goods.name},
        "color_id": goods.color,
        "quantity": goods.quantity,
        "new_or_used": "U" if goods.used else "N",
        **({"completeness": "S"} if goods.kind == "SET" else {}),
        "unit_price": goods.price,
        "remarks": goods.where,
        "is_retain": False,
    }


def _order(number: int, status: str, at: str, lines: list[tuple[int, int]]) -> Json:
    batch = [{"inventory_id": lot, "quantity": quantity} for lot, quantity in lines]
    return {"order_id": number, "status": status, "date_ordered": at, "items": [batch]}


def _brickowl(ago: Ago) -> Json:
    lots = [_owl_lot(FIRST_OWL_LOT + place, goods) for place, goods in enumerate(GOODS)]
    order = {"order_id": 4_000_001, "status_id": 5, "placed_at": ago(days=3)}
    return {
        "boids": list({goods.boid: _boid(goods) for goods in GOODS}.values()),
        "lots": lots,
        "orders": [{**order, "items": [{"lot_id": FIRST_OWL_LOT + 4, "ordered_quantity": 25}]}],
    }


def _boid(goods: Goods) -> Json:
    kind = OWL_TYPES[goods.kind]
    return {"boid": goods.boid, "type": kind, "name": goods.name, "bl_item_no": goods.no}


def _owl_lot(number: int, goods: Goods) -> Json:
    """A lot of Brick Owl."""
    coloured = f"-{OWL_COLORS[goods.color]}" if goods.color else ""
    new = "news" if goods.kind == "SET" else "new"
    return {
        "lot_id": number,
        "boid": f"{goods.boid}{coloured}",
        "qty": goods.quantity,
        "con": "usedg" if goods.used else new,
        "price": goods.price[:-1],
        "personal_note": goods.where,
    }


def generated_stores(lots: int, seed: int) -> dict[str, Json]:
    """So many parts, in five colours, on both marketplaces; the same for the same seed."""
    chance = random.Random(f"bricks {seed}")
    goods = [_drawn(number, chance) for number in range(min(lots, MOST_GENERATED))]
    owl = {
        "boids": list({each.boid: _boid(each) for each in goods}.values()),
        "lots": [_owl_lot(FIRST_OWL_LOT + place, each) for place, each in enumerate(goods)],
    }
    link = {"lots": [_lot(FIRST_LOT + place, each) for place, each in enumerate(goods)]}
    return {"bricklink": {"default": link}, "brickowl": {"default": owl}}


def _drawn(number: int, chance: random.Random) -> Goods:
    shape, shade = divmod(number, len(OWL_COLORS))
    color, price = list(OWL_COLORS)[shade], f"{chance.randint(2, 300) / 100:.4f}"
    return Goods(
        str(30_000 + shape),
        "PART",
        f"Part {30_000 + shape}",
        color,
        str(100_000 + shape),
        chance.randint(1, 99),
        price,
        f"{'ABCDEFGH'[number % 8]}{number // 8}",
    )
