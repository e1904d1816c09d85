"""Rows as the catalogue's endpoints show them, with the types that are measured on the wire."""

from typing import Any, Final

from sandbox.bigbuy.model import Account
from sandbox.bigbuy.section import IMAGE, PRODUCT, VARIATION
from sandbox.book import Row
from sandbox.reading import REQUIRED

DEFAULTS: Final = {
    name: key.default() if callable(key.default) else key.default
    for name, key in {**VARIATION, **PRODUCT}.items()
    if key.default is not REQUIRED
}
PRICES: Final = ("wholesalePrice", "retailPrice", "inShopsPrice", "priceLargeQuantities")
OWN: Final = (
    "id", "sku", "ean13", "weight", "height", "width", "depth", "dateAdd", "dateUpd", "dateUpdDescription",
    "dateUpdImages", "dateUpdStock", "dateUpdProperties", "dateUpdCategories", "category", "taxonomy",
    "manufacturer", *PRICES, "taxRate", "taxId", "active", "video", "condition", "logisticClass", "intrastat",
    "partNumber", "canon", "categories",
)  # fmt: skip
OF_VARIATION: Final = (
    "id", "sku", "ean13", "extraWeight", "product", *PRICES, "width", "height", "depth", "logisticClass",
)  # fmt: skip
PRICED: Final = ("id", "sku", *PRICES)
COVERS: Final[tuple[Any, ...]] = (True, "TRUE", "true")
"""How a cover is told, differently from answer to answer."""
NO_COVERS: Final[tuple[Any, ...]] = (False, "FALSE", "false")
OF_IMAGE: Final = {
    name: key.default
    for name, key in IMAGE.items()
    if key.default is not None and name not in ("id", "isCover")
}


def _some(row: Row, names: tuple[str, ...]) -> Row:
    return {name: row[name] if name in row else DEFAULTS.get(name) for name in names}


def product(account: Account, row: Row, _: str) -> Row:
    """The product row: no name, no text, no stock, no brand, no image."""
    shown = _some(row, OWN)
    varied = row["id"] in account.varied()
    return {**shown, "attributes": varied, "images": bool(row.get("images")), "tags": bool(row.get("tags"))}


def information(_: Account, row: Row, language: str) -> Row | None:
    """A product's text in a language; None without one."""
    for text in row.get("information") or ():
        if text.get("isoCode") in (None, language):
            own = {
                "id": row["id"],
                "sku": row["sku"],
                "name": text["name"],
                "description": text["description"],
            }
            url = text.get("url") or text["name"].lower().replace(" ", "-")
            changed = text.get("dateUpdDescription")
            extra = {"dateUpdDescription": changed} if changed else {}
            return {**own, "url": url, "isoCode": language, **extra}
    return None


def images(_: Account, row: Row, __: str) -> Row:
    """A product's images, maybe none."""
    return {
        "id": row["id"],
        "images": [_image(row, place, one) for place, one in enumerate(row.get("images", ()))],
    }


def _image(row: Row, place: int, given: Row) -> Row:
    spelling = (COVERS if place == 0 else NO_COVERS)[row["id"] % 3]
    cover = given.get("isCover")
    return {
        **OF_IMAGE,
        **{name: value for name, value in given.items() if value is not None},
        "id": given.get("id") or row["id"] * 10 + place,
        "isCover": spelling if cover is None else cover,
        "name": given.get("name") or f"{row['sku']}_{place:02}",
        "position": place if given.get("position") is None else given["position"],
    }


def price(_: Account, row: Row, __: str) -> Row:
    """What a product costs."""
    return _some(row, PRICED)


def variation_price(_: Account, row: Row, __: str) -> Row:
    """What a variation costs."""
    return _some(row, PRICED)


def stock(_: Account, row: Row, __: str) -> Row | None:
    """Units by handling days; None without an entry."""
    if row.get("stocks") is None:
        return None
    return {"id": row["id"], "sku": row["sku"], "stocks": row["stocks"]}


def variation(_: Account, row: Row, __: str) -> Row:
    """A variation, with the product it belongs to."""
    return _some(row, OF_VARIATION)


def variation_attributes(_: Account, row: Row, __: str) -> Row:
    """Which attributes make a variation."""
    return {"id": row["id"], "attributes": [{"id": number} for number in row["attributes"]]}


def plain(_: Account, row: Row, __: str) -> Row:
    """A row as it is."""
    return row


def attribute(_: Account, row: Row, language: str) -> Row:
    """An attribute or a group of them, in a language."""
    return {**row, "isoCode": language}


def tag(_: Account, row: Row, language: str) -> Row:
    """A tag in a language."""
    return {**row, "language": language}


def tagged(account: Account, row: Row, language: str) -> Row | None:
    """A product with its tag; None for one without."""
    number = next(iter(row.get("tags") or ()), None)
    found = account.tags.rows.get(number) if number else None
    return {"id": row["id"], "sku": row["sku"], "tag": tag(account, found, language)} if found else None


def taxonomy(_: Account, row: Row, language: str) -> Row:
    """A taxonomy in a language."""
    return {**row, "isoCode": language}
