"""What feeds, searches and the list of categories say (https://openservice.aliexpress.com/doc/api.htm).

They only find products: what is not among them is not gone, and they tell neither stock nor a price to trust.
"""

from dataclasses import dataclass
from typing import Final

from connectors.aliexpress import calls
from connectors.aliexpress.envelope import listed, objects, opened, text
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_count, as_id, as_object, as_text

VERSION: Final = 1
"""Of the cursor's form; one of another form begins anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a pass is: behind `search` or at `page`, with so many of what it finds there done."""

    search: str = ""
    page: int = 1
    done: int = 0

    def cursor(self) -> JsonObject:
        """What is stored."""
        return {"version": VERSION, "search": self.search, "page": self.page, "done": self.done}


def place(cursor: JsonObject | None) -> Place:
    """What was stored."""
    if cursor is None or cursor.get("version") != VERSION:
        return Place()
    return Place(
        as_text(cursor.get("search"), "cursor"),
        as_count(cursor.get("page"), "cursor"),
        as_count(cursor.get("done"), "cursor"),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a list: ids, and where it goes on; None at its end."""

    ids: tuple[str, ...]
    following: Place | None


def feed_ids(body: JsonValue, at: Place) -> Found:
    """`aliexpress.ds.feed.itemids.get`: it ends without a cursor, or with one that leads nowhere."""
    found = opened(body, calls.FEED_IDS).result()
    ids = tuple(as_id(each, "product id") for each in listed(found.get("products"), "number"))
    search = text(found, "search_id")
    following = Place(search, at.page + 1) if search and search != at.search and ids else None
    return Found(ids, following)


def feed_page(body: JsonValue, at: Place) -> Found:
    """`aliexpress.ds.recommend.feed.get`."""
    found = opened(body, calls.FEED).result()
    rows = objects(found.get("products"), "traffic_product_d_t_o")
    ids = tuple(as_id(each.get("product_id"), "product_id") for each in rows)
    over = not ids or text(found, "is_finished").lower() == "true"
    return Found(ids, None if over else Place("", at.page + 1))


def searched(body: JsonValue, at: Place, size: int) -> Found:
    """`aliexpress.ds.text.search`."""
    found = opened(body, calls.SEARCH).result("data")
    rows = objects(found.get("products"), "selection_search_product")
    ids = tuple(as_id(each.get("itemId"), "itemId") for each in rows)
    total = as_count(found.get("totalCount") or 0, "totalCount")
    return Found(ids, Place("", at.page + 1) if ids and at.page * size < total else None)


def categories(body: JsonValue) -> dict[str, str]:
    """Names of categories by id."""
    found = as_object(opened(body, calls.CATEGORIES).result(), "categories")
    rows = objects(found.get("categories"), "category")
    return {as_id(each.get("category_id"), "category_id"): text(each, "category_name") for each in rows}
