"""What a shoe shop buys from suppliers: the demo's accounts, and one of any size."""

from typing import Any, Final

Json = dict[str, Any]

KEY: Final = "demo-bigbuy-key"
TAXONOMIES: Final = (
    {"id": 19669, "name": "Footwear"},
    {"id": 1966901, "name": "Shoe care", "parentTaxonomy": 19669},
    {"id": 1966902, "name": "Insoles and laces", "parentTaxonomy": 19669},
    {"id": 19668, "name": "Clothing"},
    {"id": 1966801, "name": "Socks", "parentTaxonomy": 19668},
)
MAKERS: Final = ({"id": 1, "name": "Lustre & Söhne"}, {"id": 2, "name": "PasoFirme"})
SIZES: Final = ("37", "38", "39", "40")


def demo_suppliers() -> Json:
    """Small catalogues with the gaps of real ones: BigBuy's, AliExpress's, and a list in a CSV file."""
    account = {
        "key": KEY,
        "taxonomies": [dict(each) for each in TAXONOMIES],
        "manufacturers": [dict(each) for each in MAKERS],
        "attributes": [{"id": n, "name": size, "attributeGroup": 1} for n, size in enumerate(SIZES, 1)],
        "attribute_groups": [{"id": 1, "name": "Size"}],
        "products": _products(),
        "variations": [_size(n, size) for n, size in enumerate(SIZES, 1)],
        "orders": _orders(),
    }
    return {
        "bigbuy": {"default": account},
        "aliexpress": {"default": _bazaar()},
        "csv": {"default": _list()},
    }


def generated_suppliers(products: int, variants: int, seed: int) -> Json:
    """A catalogue of so many products, made as it is looked at."""
    given = {"products": products, "variations": variants if variants > 1 else 0, "seed": seed}
    return {"bigbuy": {"default": {"key": KEY, "generate": given}}}


def _products() -> list[Json]:
    """Sold out as zero rows, as no rows and without an entry; withdrawn; without a text or an image."""
    return [
        _product(334_001, "Shoe cream, neutral", 1_966_901, 3.10, _units(40, 25)),
        _product(334_002, "Shoe cream, black", 1_966_901, 3.10, _units(0, 0)),
        _product(334_003, "Horsehair brush", 1_966_901, 4.75, []),
        _product(334_004, "Waterproofing spray", 1_966_901, 5.20, None),
        _product(334_005, "Cork insoles", 1_966_902, 2.40, None),
        _product(334_006, "Waxed laces, 90 cm", 1_966_902, 0.95, _units(310)),
        _product(334_007, "Wool socks, old colour", 1_966_801, 4.00, _units(2), active=0),
        _product(334_008, "Cotton socks", 1_966_801, 1.80, _units(55), information=None, images=[]),
    ]


def _product(
    number: int, name: str, taxonomy: int, price: float, stocks: list[Json] | None, **more: object
) -> Json:
    text = f"<p><b>{name}</b>, for shoes that last. Caf&eacute;-proof.</p>"
    return {
        "id": number,
        "sku": f"V{number:07d}",
        "ean13": f"84{number:011d}",
        "taxonomy": taxonomy,
        "manufacturer": 1 + number % 2,
        "wholesalePrice": price,
        "retailPrice": round(price * 2.4, 2),
        "inShopsPrice": round(price * 3, 2),
        "information": [{"name": name, "description": text}],
        "images": [{"url": f"https://cdnbigbuy.example/images/V{number:07d}_00.jpg"}],
        "stocks": stocks,
        **more,
    }


def _units(*counts: int) -> list[Json]:
    return [
        {"quantity": count, "minHandlingDays": days, "maxHandlingDays": days + 1, "warehouse": 1}
        for days, count in enumerate(counts)
    ]


def _size(number: int, size: str) -> Json:
    return {
        "id": 77_000 + number,
        "sku": f"V0334005-{size}",
        "product": 334_005,
        "wholesalePrice": 2.40,
        "retailPrice": 5.76,
        "attributes": [number],
        "stocks": _units(number * 6),
    }


def _orders() -> list[Json]:
    parcel = {"trackingNumber": "RR123456785ES", "statusDescription": "In transit", "carrier": {"id": "2"}}
    return [
        {"id": "5000001", "internalReference": "PO-1001", "status": "Processing order"},
        {
            "id": "5000002",
            "internalReference": "PO-1002",
            "status": "Shipped by the warehouse",
            "trackings": [parcel],
        },
    ]


# ------------------------------------------------------------------ AliExpress

FEED: Final = "shoe-care"
COLOURS: Final = ("Black", "Brown", "White")


def _bazaar() -> Json:
    """In three colours; sold out in one; withdrawn but still in the feed."""
    laces = _ware(1, "Elastic laces, no tying", "1.89", {"Black": 240, "Brown": 0, "White": 75})
    trees = _ware(2, "Cedar shoe trees", "7.45", dict.fromkeys(COLOURS, 12))
    horns = _ware(3, "Shoe horn, 80 cm", "3.20", {"Black": 31}) | {"status": "offline"}
    wares = [laces, trees, horns]
    orders = [
        {"order_id": 8_180_000_001, "order_status": "WAIT_SELLER_SEND_GOODS"},
        {
            "order_id": 8_180_000_002,
            "order_status": "WAIT_BUYER_ACCEPT_GOODS",
            "logistics": {"logistics_no": "LP00700000001CN"},
        },
    ]
    return {
        "app_key": "500001",
        "app_secret": "demo-aliexpress-secret",
        "session": "demo-aliexpress-session",
        "products": wares,
        "feeds": {FEED: [each["product_id"] for each in wares]},
        "orders": orders,
    }


def _ware(number: int, name: str, price: str, units: dict[str, int]) -> Json:
    first = 12_000_030_000_000_000 + 10 * number
    skus = [
        {
            "sku_id": first + n,
            "sku_attr": f"14:{n}",
            "price": price,
            "stock": count,
            "options": {"Color": colour},
        }
        for n, (colour, count) in enumerate(units.items(), 1)
    ]
    return {"product_id": 1_005_006_500_000_000 + number, "subject": name, "skus": skus}


# ------------------------------------------------------------------------- CSV


def _list() -> Json:
    """A workshop's list from a spreadsheet: semicolons, decimal commas, words where a number belongs."""
    rows = (
        ("W-01", "Dubbin, 100 ml", "36", "4,90"),
        ("W-02", "Heel taps, pair", "0", "1,20"),
        ("W-03", "Saddle soap", "on request", "6,50"),
        ("W-04", "Suède block", "18", "3,75"),
    )
    columns = ["Artikel", "Bezeichnung", "Bestand", "Preis"]
    products = [dict(zip(columns, row, strict=True)) for row in rows]
    return {"columns": columns, "separator": ";", "bom": True, "products": products}
