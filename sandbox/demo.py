"""A small shoe shop with what goes wrong in real ones. Dates are relative to now; nothing else is random.

Most levels are even already, and most others differ by a pair or two, so that the run shows each rule at work
without being held as a whole.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sandbox.bricks import brick_stores
from sandbox.supplies import demo_suppliers

Json = dict[str, Any]

MAIN: Final = "1"
WAREHOUSE: Final = "2"
DOMAIN: Final = "shoes.example"
PARTNERS_KEY: Final = "demo-partner-token"
MODELS: Final = re.findall(
    r"\w+",
    """
    Alba Arena Brisa Cala Duna Estela Faro Galera Horno Isla Jara Kiosko Luna Marea Nube Olmo Palma Quinta
    Roca Sierra Tierra Uva Vela Yedra Zarza Acequia Bahia Campo Delta Encina
    """,
)
"""Thirty plain models; the special ones make it some sixty."""
KINDS: Final = ("Runner", "Sandal", "Boot", "Loafer")
COLORS: Final = ("Black", "Sand", "Navy", "Red")
SIZES: Final = ("37", "38", "39", "40")


@dataclass
class Demo:
    """The world while it is put together."""

    now: datetime
    products: list[Json] = field(default_factory=list)
    items: list[Json] = field(default_factory=list)
    orders: list[Json] = field(default_factory=list)
    partners: dict[str, Json] = field(default_factory=dict)

    def ago(self, **span: float) -> str:
        """A moment so long ago."""
        return (self.now - timedelta(**span)).astimezone(UTC).isoformat(timespec="seconds")

    def rms(self, ccod: str, sku: str, quantity: object, **extra: object) -> None:
        """A row of RMS."""
        updated = (self.now - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S")
        row = {"ccod": ccod, "sku": sku, "quantity": quantity, "last_updated": updated, "price": "59.90"}
        self.items.append({**row, "description": f"Shoe {ccod}", "talla": sku[-2:], **extra})

    def product(self, ccod: str | None, title: str, levels: Mapping[str, int], **extra: object) -> list[Json]:
        """A product with a variant for each SKU, stocked at the main store; gives the variants."""
        number = 101 + len(self.products)
        product: Json = {
            "id": number,
            "title": title,
            "metafields": {"rms.ccod": ccod} if ccod else {},
            "vendor": "Zapata",
            "product_type": "Shoes",
            "created_at": self.ago(days=200),
            **extra,
        }
        product["variants"] = [
            _variant(number, place, sku, available)
            for place, (sku, available) in enumerate(levels.items(), 1)
        ]
        self.products.append(product)
        return list(product["variants"])

    def pair(
        self, ccod: str, title: str, pairs: Mapping[str, tuple[int, object]], **extra: object
    ) -> list[Json]:
        """A product with its rows of RMS: size → (shop, RMS)."""
        for size, (_, quantity) in pairs.items():
            self.rms(ccod, f"{ccod}-{size}", quantity)
        shown = {f"{ccod}-{size}": available for size, (available, _) in pairs.items()}
        return self.product(ccod, title, shown, **extra)

    def order(self, variant: Json, quantity: int = 1, **when: float) -> Json:
        """An order of one line; committed units are the caller's to note."""
        number = 9001 + len(self.orders)
        lines = [{"variant_id": variant["id"], "quantity": quantity, "location_id": int(MAIN)}]
        order = {"id": number, "created_at": self.ago(**when), "lines": lines, "fulfilled": True}
        self.orders.append(order)
        return order

    def partner(self, domain: str, title: str, pairs: Mapping[str, tuple[int, int]]) -> list[Json]:
        """A partner's store, and its goods in the own one: SKU → (own, partner); gives the own variants."""
        own = self.product(
            None, title, {sku: shown for sku, (shown, _) in pairs.items()}, product_type="Extras"
        )
        theirs = Demo(self.now)
        theirs.product(None, title, {sku: units for sku, (_, units) in pairs.items()})
        place = {"id": int(MAIN), "name": "Workshop"}
        self.partners[domain] = {"token": PARTNERS_KEY, "locations": [place], "products": theirs.products}
        return own


def _variant(product: int, place: int, sku: str, available: int) -> Json:
    number = product * 10 + place
    return {
        "id": 40_000 + number,
        "inventory_item_id": 50_000 + number,
        "sku": sku,
        "barcode": f"843{number:010d}",
        "price": "59.90",
        "position": place,
        "options": {"Size": sku[-2:]},
        "weight": 900,
        "levels": {MAIN: {"available": available}},
    }


def demo_world(now: datetime) -> Json:
    """The world as it is at this moment."""
    demo = Demo(now)
    for make in (
        _plain,
        _spellings,
        _twins,
        _gaps,
        _odd_numbers,
        _kept_from_deletion,
        _deletable,
        _set_apart,
        _partners,
    ):
        make(demo)
    shop = {
        "token": "demo-token",
        "timezone": "Europe/Madrid",
        "search_lag_seconds": 2,
        "locations": [{"id": int(MAIN), "name": "Main store"}, {"id": int(WAREHOUSE), "name": "Warehouse"}],
        "products": demo.products,
        "orders": demo.orders,
    }
    shops = {DOMAIN: shop, **demo.partners}
    return {"shopify": shops, "rms": {"items": demo.items}, **brick_stores(demo.ago), **demo_suppliers()}


def _moved(place: int, index: int) -> int:
    """Every seventh level differs a little."""
    step = place * len(SIZES) + index
    return (1, -1, 2, -2, 1)[step % 5] if step % 7 == 0 else 0


def _marks(demo: Demo) -> Iterator[list[str]]:
    """Marks of earlier days, as earlier runs left them."""
    while True:
        yield [f"RMS-SYNC-{demo.now - timedelta(days=1):%y-%m-%d}"]
        yield ["summer", f"RMS-SYNC-{demo.now - timedelta(days=2):%y-%m-%d}"]
        yield ["summer"]


def _plain(demo: Demo) -> None:
    """What most of the shop is like."""
    for place, (model, tags) in enumerate(zip(MODELS, _marks(demo), strict=False)):
        title = f"{model} {KINDS[place % 4]} {COLORS[place // 4 % 4]}"
        pairs: dict[str, tuple[int, object]] = {}
        for index, size in enumerate(SIZES):
            quantity = 3 + (place * 5 + index * 3) % 8
            pairs[size] = (quantity + _moved(place, index), quantity)
        variants = demo.pair(f"24X{101 + place}", title, pairs, tags=tags)
        if place % 9 == 4:
            variants[0]["levels"][WAREHOUSE] = {"available": 12}


def _spellings(demo: Demo) -> None:
    """The same names, written otherwise."""
    demo.product("25a201", "Lower-case loafer", {"25a201-37": 4, "25a201-38": 6})
    demo.product(" 25A202 ", "Loafer with spaces", {" 25A202-37": 2, "25A202-38 ": 3})
    other = {"metafields": {"custom.ccod": "25A203"}}
    demo.product(None, "Loafer with the other metafield", {"25A203-39": 5}, **other)
    for sku, quantity in {"201-37": 5, "201-38": 6, "202-37": 2, "202-38": 1, "203-39": 4}.items():
        demo.rms(f"25A{sku[:3]}", f"25A{sku}", quantity)


def _twins(demo: Demo) -> None:
    """Two of what should be one."""
    demo.pair("25B301", "Twin in the shop, first", {"39": (3, 5), "40": (2, 2)})
    demo.product("25B302", "Twin in the shop, second", {"25b301-39": 3, "25B302-40": 6})
    demo.rms("25B302", "25B302-40", 5)
    demo.pair("25B303", "Twin in RMS", {"38": (4, 3), "39": (4, 4)})
    demo.rms("25B303", "25b303-38", 7)


def _gaps(demo: Demo) -> None:
    """What one side does not know."""
    demo.product(None, "Handmade, without CCOD", {"HAND-1": 2})
    demo.product("25C401", "Sandal with a size that RMS forgot", {"25C401-37": 3, "25C401-38": 4})
    demo.rms("25C401", "25C401-37", 2)
    demo.product("25C402", "Sandal that RMS forgot", {"25C402-37": 5})
    demo.pair("25C403", "Boot with a size that the shop lacks", {"41": (1, 2)})
    demo.rms("25C403", "25C403-42", 6)
    nameless = demo.product("25C404", "Boot with a variant without SKU", {"25C404-40": 3, "25C404-41": 2})
    nameless[1]["sku"] = None
    demo.rms("25C404", "25C404-40", 3)


def _odd_numbers(demo: Demo) -> None:
    """Quantities that are no plain stock."""
    odd = {"37": (1, -2), "38": (3, 2.5), "39": (2, None), "40": (2, "n/a")}
    demo.pair("25D501", "Odd numbers in RMS", odd)
    oversold = demo.pair("25D502", "Oversold", {"38": (-1, 0), "39": (4, 4)})
    oversold[0]["levels"][MAIN]["committed"] = 1
    demo.order(oversold[0], hours=5)["fulfilled"] = False


def _kept_from_deletion(demo: Demo) -> None:
    """RMS says 0, and yet the variant must stay."""
    coming = demo.pair("25E601", "On its way", {"37": (1, 0), "38": (5, 5)})
    coming[0]["levels"][MAIN]["incoming"] = 6
    sold = demo.pair("25E602", "Sold last week", {"38": (1, 0), "39": (3, 3)})
    demo.order(sold[0], days=6)
    demo.pair("25E603", "The only size", {"40": (1, 0)})
    elsewhere = demo.pair("25E604", "More in the warehouse", {"37": (0, 0), "38": (2, 2)})
    elsewhere[0]["levels"][WAREHOUSE] = {"available": 7}
    backorder = demo.pair("25E605", "Made to order", {"39": (0, 0), "40": (4, 4)})
    backorder[0]["policy"] = "CONTINUE"
    planned = demo.pair("25E606", "Sock subscription", {"37": (0, 0), "38": (9, 9)})
    planned[0]["selling_plans"] = 1
    demo.pair("25E607", "Sold out", {"37": (0, 0), "38": (1, 0)})


def _deletable(demo: Demo) -> None:
    """Sizes that are over: nothing there, nothing coming, no order for a month."""
    last = demo.pair("25F701", "End of line", {"36": (0, 0), "37": (1, 0), "38": (4, 4)})
    demo.order(last[0], days=45)
    demo.pair("25F702", "End of another line", {"44": (0, 0), "45": (0, 0), "43": (6, 6)})


def _set_apart(demo: Demo) -> None:
    """What is not an ordinary level of an ordinary product."""
    demo.pair("25G801", "Not tracked", {"40": (0, 5), "41": (3, 3)})[0]["tracked"] = False
    demo.pair("25G802", "Shoe and care kit", {"40": (0, 4)})[0]["bundle"] = True
    demo.pair("25G803", "Managed by hand", {"40": (2, 9)}, tags=["evenstock-ignore"])
    demo.pair("25G804", "Archived", {"40": (2, 1)}, status="ARCHIVED")
    demo.pair("25G805", "Draft", {"40": (2, 3)}, status="DRAFT")
    demo.pair("25G806", "Unlisted", {"40": (4, 3)}, status="UNLISTED")
    inactive = demo.pair("25G807", "Not stocked here any more", {"39": (1, 2), "40": (3, 3)})
    inactive[0]["levels"] = {MAIN: {"available": 1, "active": False}, WAREHOUSE: {"available": 2}}
    missing = demo.pair("25G808", "Warehouse only", {"39": (0, 4)})
    missing[0]["levels"] = {WAREHOUSE: {"available": 8}}
    demo.pair("25G809", "Just ordered", {"38": (4, 4), "39": (2, 3)})[0]["levels"][MAIN]["committed"] = 1
    demo.order(demo.products[-1]["variants"][0], minutes=40)["fulfilled"] = False


def _partners(demo: Demo) -> None:
    """Goods of partners: their stock is the truth, RMS does not know them."""
    bags = demo.partner("bags.example", "Tote bag", {"BAG-S": (7, 12), "BAG-M": (15, 13), "BAG-L": (14, 14)})
    bags[0]["levels"][MAIN]["committed"] = 3
    demo.order(bags[0], 3, hours=2)["fulfilled"] = False
    demo.partner("socks.example", "Wool socks", {"SOCK-36": (6, 6), "SOCK-38": (18, 15), "SOCK-40": (11, 14)})
    demo.partner("belts.example", "Leather belt", {"BELT-85": (3, 5), "BELT-95": (2, 2)})
