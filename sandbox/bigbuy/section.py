"""An account of BigBuy as a world file has it.

Beyond what every world may have, an account takes `attributes`, `attribute_groups`, `manufacturers`, `tags`,
`purse`, `profile` (`production`, or `sandbox`: taxonomies only), `order_access`, `minimum_order`,
`minimum_bankwire`, `order_errors` (reference → code) and `generate` (`sandbox.bigbuy.rows`). A product takes
every field of its row; `information`: one object for all languages, or one for each `isoCode`, null for none;
`images`: a list; `stocks`: rows, `[]`, or null for no entry; `taxonomies`, `tags` and `compliance` (false:
404). A variation takes `attributes` (ids) and `stocks`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from sandbox.bigbuy.limits import Windows
from sandbox.bigbuy.model import FIRST_LEVEL, Account, Rules
from sandbox.bigbuy.rows import Catalogue, Rows
from sandbox.book import Book, Id, Row, Table
from sandbox.clock import Clock
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    WorldError,
    anything,
    counted,
    filled,
    flag,
    listed,
    mapped,
    number,
    one_of,
    optional,
    read,
    shaped,
    text,
    whole,
)
from sandbox.surroundings import Surroundings

FIRST_ORDER: Final = 5_000_001
LEAVES: Final = 10
"""Taxonomies below each first-level one in a generated catalogue."""


def _amount(value: Json, path: Path) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise WorldError(path, "must be an amount such as '10000.00'") from None


def _informed(value: Json, path: Path) -> list[Row]:
    found = value if isinstance(value, list) else [value] if value else []
    return [read(each, path, INFORMATION) for each in found]


def _pictured(value: Json, path: Path) -> list[Row]:
    return [] if isinstance(value, bool) else [read(each, path, IMAGE) for each in value or []]


def _numbered(value: Json, path: Path) -> str:
    """An order's id: the API writes it as text."""
    return str(value) if isinstance(value, int) else filled(value, path)


def _attribute_ids(value: Json, path: Path) -> list[int]:
    return [counted(each["id"] if isinstance(each, dict) else each, path) for each in value]


INFORMATION: Final = {
    "id": Key(anything),
    "sku": Key(anything),
    "name": Key(text, ""),
    "description": Key(text, ""),
    "url": Key(optional(text)),
    "isoCode": Key(optional(text)),
    "dateUpdDescription": Key(optional(text)),
}
IMAGE: Final = {
    "id": Key(optional(whole)),
    "isCover": Key(anything),
    "name": Key(optional(text)),
    "url": Key(text, "https://cdnbigbuy.example/images/none.jpg"),
    "position": Key(optional(whole)),
    "logo": Key(flag, False),
    "whiteBackground": Key(flag, False),
    "energyEfficiency": Key(whole, 0),
    "icon": Key(whole, 0),
    "marketingPhoto": Key(whole, 0),
    "packagingPhoto": Key(whole, 0),
    "brand": Key(whole, 0),
    "gpsrLabel": Key(flag, False),
    "gpsrWarning": Key(flag, False),
}
STOCK: Final = {
    "quantity": Key(whole, REQUIRED),
    "minHandlingDays": Key(whole, 0),
    "maxHandlingDays": Key(whole, 1),
    "warehouse": Key(whole, 1),
}
_PRICES: Final = {
    "wholesalePrice": Key(anything, 10.0),
    "retailPrice": Key(anything, 20.0),
    "inShopsPrice": Key(anything, 25.0),
    "priceLargeQuantities": Key(listed(anything), list),
}
_SIZES: Final = {name: Key(anything, 1) for name in ("height", "width", "depth")}
PRODUCT: Final = {
    "id": Key(whole, REQUIRED),
    "sku": Key(text, ""),
    "ean13": Key(anything),
    "weight": Key(anything, 1),
    **_SIZES,
    **{name: Key(text, "2026-11-01 08:00:00") for name in ("dateAdd", "dateUpd")},
    **{
        f"dateUpd{name}": Key(optional(text))
        for name in ("Description", "Images", "Stock", "Properties", "Categories")
    },
    "category": Key(whole, 1),
    "taxonomy": Key(whole, 19653),
    "manufacturer": Key(whole, 1),
    **_PRICES,
    "taxRate": Key(whole, 21),
    "taxId": Key(whole, 1),
    "active": Key(anything, 1),
    "attributes": Key(anything),
    "categories": Key(anything, True),
    "images": Key(_pictured, list),
    "tags": Key(anything, list),
    "video": Key(text, "0"),
    "condition": Key(text, "NEW"),
    "logisticClass": Key(text, "A"),
    "intrastat": Key(text, "85166050"),
    "partNumber": Key(optional(text)),
    "canon": Key(anything),
    "information": Key(_informed, list),
    "stocks": Key(optional(listed(shaped(STOCK)))),
    "taxonomies": Key(listed(whole), list),
    "compliance": Key(flag, True),
}
VARIATION: Final = {
    "id": Key(whole, REQUIRED),
    "sku": Key(text, ""),
    "ean13": Key(anything),
    "extraWeight": Key(anything, 0),
    "product": Key(whole, REQUIRED),
    **_PRICES,
    **_SIZES,
    "logisticClass": Key(text, "A"),
    "attributes": Key(_attribute_ids, list),
    "stocks": Key(optional(listed(shaped(STOCK)))),
}
TAXONOMY: Final = {
    "id": Key(whole, REQUIRED),
    "name": Key(text, ""),
    "url": Key(text, ""),
    "parentTaxonomy": Key(whole, 0),
    "dateAdd": Key(text, "2021-10-20 12:00:00"),
    "dateUpd": Key(text, "2023-10-20 12:00:00"),
    "urlImages": Key(text, ""),
    "isoCode": Key(optional(text)),
}
TRACKING: Final = {
    "trackingNumber": Key(text, ""),
    "statusDescription": Key(text, "In transit"),
    "statusDate": Key(text, "2026-11-20 09:00:00"),
    "carrier": Key(anything, lambda: {"id": "2"}),
    "descriptionTranslated": Key(optional(text)),
}
ORDER: Final = {
    "id": Key(_numbered, REQUIRED),
    "status": Key(optional(text)),
    "trackings": Key(optional(listed(shaped(TRACKING)))),
    "internalReference": Key(text, ""),
    "placed_at": Key(optional(number)),
    "dateAdd": Key(text, "2026-11-20 08:00:00"),
    "total": Key(text, "0.00"),
    "shipping": Key(text, "0.00"),
    "carriers": Key(listed(anything), list),
    "shippingAddress": Key(mapped(anything), dict),
    "products": Key(listed(anything), list),
}
_NAMED: Final = {"id": Key(counted, REQUIRED), "name": Key(text, "")}
GENERATE: Final = {
    "products": Key(whole, REQUIRED),
    "variations": Key(whole, 0),
    "seed": Key(whole, 0),
    "changed": Key(number, 0.0),
}
ACCOUNT: Final = {
    "key": Key(filled, "bigbuy-key"),
    "limits_scale": Key(number, 1.0),
    "need_taxonomy": Key(flag, False),
    "profile": Key(one_of("production", "sandbox"), "production"),
    "order_access": Key(flag, True),
    "purse": Key(_amount, Decimal("10000.00")),
    "minimum_order": Key(_amount, Decimal(0)),
    "minimum_bankwire": Key(_amount, Decimal(100)),
    "order_errors": Key(mapped(text), dict),
    "generate": Key(optional(shaped(GENERATE))),
    "products": Key(listed(shaped(PRODUCT)), list),
    "delisted_products": Key(listed(whole), list),
    "variations": Key(listed(shaped(VARIATION)), list),
    "delisted_variations": Key(listed(whole), list),
    "taxonomies": Key(listed(shaped(TAXONOMY)), list),
    "manufacturers": Key(
        listed(shaped({**_NAMED, "urlImage": Key(text, ""), "reference": Key(whole, 0)})), list
    ),
    "attributes": Key(listed(shaped({**_NAMED, "attributeGroup": Key(counted, 1)})), list),
    "attribute_groups": Key(listed(shaped(_NAMED)), list),
    "tags": Key(listed(shaped({**_NAMED, "linkRewrite": Key(text, "")})), list),
    "orders": Key(listed(shaped(ORDER)), list),
}
_RULES: Final = (
    "need_taxonomy",
    "profile",
    "order_access",
    "minimum_order",
    "minimum_bankwire",
    "order_errors",
)
_KEPT: Final = (
    "key",
    "limits_scale",
    *_RULES,
    "generate",
    "manufacturers",
    "attributes",
    "attribute_groups",
    "tags",
)


def read_account(name: str, section: Json, path: Path, around: Surroundings) -> Account:
    """An account of a world file, complete; WorldError if it cannot be."""
    found = read(section, path, ACCOUNT)
    book = Book("bigbuy", name, around.ledger, around.clock)
    taxonomies = _taxonomies(found)
    manufacturers = found["manufacturers"] or _makers()
    made = _generated(found, taxonomies, manufacturers)
    products = _table(
        book, "product", found["products"], made.products() if made else None, found["delisted_products"]
    )
    variations = _table(
        book, "variation", found["variations"], _variations_of(made), found["delisted_variations"]
    )
    return Account(
        name,
        found["key"],
        book,
        Windows(found["limits_scale"]),
        Rules(**{each: found[each] for each in _RULES}),
        {each: _plain(found[each]) for each in _KEPT},
        products,
        variations,
        taxonomies=_table(book, "taxonomy", taxonomies),
        manufacturers=_table(book, "manufacturer", manufacturers),
        attributes=_table(book, "attribute", found["attributes"] or _choices(found["generate"])),
        groups=_table(book, "attribute group", found["attribute_groups"] or [{"id": 1, "name": "Size"}]),
        tags=_table(book, "tag", found["tags"]),
        orders=_table(book, "order", [_dated(order, around.clock) for order in found["orders"]]),
        purse=book.table("purse", {"purse": {"amount": f"{found['purse']:.2f}"}}),
        switches=around.switches,
    )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def _table(
    book: Book, what: str, rows: Iterable[Row], made: Rows | None = None, gone: Iterable[Id] = ()
) -> Table:
    """A table of these rows, on top of those that are made."""
    own = {row["id"]: row for row in rows}
    if made is None:
        return book.table(what, own)
    made.changed.update(own)
    made.changed.update(dict.fromkeys(gone))
    return Table(what, cast("dict[Id, Row]", made), book)


def _taxonomies(found: Mapping[str, Any]) -> list[Row]:
    """Those of the world; else all of the first level, and some below them if there is much to sort in."""
    rows: list[Row] = found["taxonomies"]
    if not rows:
        below = range(LEAVES if found["generate"] else 1)
        rows = [_taxonomy(number, name, 0) for number, name in FIRST_LEVEL.items()]
        rows += [_taxonomy(number * 100 + n, f"{row['name']} {n}", number) for row in list(rows)
                 for number in [row["id"]] for n in below]  # fmt: skip
    known = {row["id"] for row in rows}
    named = {product["taxonomy"] for product in found["products"]}
    return rows + [_taxonomy(number, f"Taxonomy {number}", 0) for number in sorted(named - known)]


def _taxonomy(number: int, name: str, parent: int) -> Row:
    return read({"id": number, "name": name, "parentTaxonomy": parent}, (), TAXONOMY)


def _generated(found: Mapping[str, Any], taxonomies: list[Row], makers: list[Row]) -> Catalogue | None:
    if not found["generate"]:
        return None
    parents = {row["parentTaxonomy"] for row in taxonomies}
    leaves = [row["id"] for row in taxonomies if row["id"] not in parents]
    return Catalogue(found["generate"], leaves, [row["id"] for row in makers])


def _variations_of(made: Catalogue | None) -> Rows | None:
    return made.variations() if made else None


def _makers() -> list[Row]:
    return [{"id": n, "name": f"Maker {n}", "urlImage": "", "reference": n} for n in range(1, 21)]


def _choices(generate: Mapping[str, Any] | None) -> list[Row]:
    sizes = generate["variations"] if generate else 0
    return [{"id": n, "name": f"{35 + n}", "attributeGroup": 1} for n in range(1, sizes + 1)]


def _dated(order: Row, clock: Clock) -> Row:
    """An order without a status goes on by itself, from now."""
    if order["status"] is None and order["placed_at"] is None:
        return {**order, "placed_at": clock.seconds()}
    return order
