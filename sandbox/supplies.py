"""What a shoe shop buys from suppliers: the demo's BigBuy account, and one of any size."""

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
    """A small catalogue with the gaps that real ones have."""
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
    return {"bigbuy": {"default": account}}


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
