"""What feeds, searches and the list of categories say (https://openservice.aliexpress.com/doc/api.htm).

They only find products: what is not among them is not gone, and they tell neither stock nor a price to trust.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from connectors.aliexpress import calls
from connectors.aliexpress.envelope import listed, objects, opened, text
from connectors.errors import Malformed
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_count, as_id, as_object, as_text
from connectors.supplier import sound_id

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
    """A piece of a list: ids, and where it goes on; None at its end. `problems`: rows without an id."""

    ids: tuple[str, ...]
    following: Place | None
    problems: tuple[str, ...] = ()


def _named(method: str, values: Iterable[JsonValue]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids that can be read, and what is wrong with the others."""
    ids: list[str] = []
    problems: list[str] = []
    for value in values:
        try:
            ids.append(sound_id(as_id(value, "product id")))
        except Malformed as error:
            problems.append(f"{method}: {error}")
    return tuple(ids), tuple(problems)


def feed_ids(body: JsonValue, at: Place) -> Found:
    """`aliexpress.ds.feed.itemids.get`: it ends without a cursor, or with one that leads nowhere."""
    found = opened(body, calls.FEED_IDS).result()
    rows = listed(found.get("products"), "number")
    search = text(found, "search_id")
    following = Place(search, at.page + 1) if search and search != at.search and rows else None
    ids, problems = _named(calls.FEED_IDS, rows)
    return Found(ids, following, problems)


def feed_page(body: JsonValue, at: Place) -> Found:
    """`aliexpress.ds.recommend.feed.get`."""
    found = opened(body, calls.FEED).result()
    rows = objects(found.get("products"), "traffic_product_d_t_o")
    over = not rows or text(found, "is_finished").lower() == "true"
    ids, problems = _named(calls.FEED, (each.get("product_id") for each in rows))
    return Found(ids, None if over else Place("", at.page + 1), problems)


def searched(body: JsonValue, at: Place, size: int) -> Found:
    """`aliexpress.ds.text.search`."""
    found = opened(body, calls.SEARCH).result("data")
    rows = objects(found.get("products"), "selection_search_product")
    total = as_count(found.get("totalCount") or 0, "totalCount")
    ids, problems = _named(calls.SEARCH, (each.get("itemId") for each in rows))
    return Found(ids, Place("", at.page + 1) if rows and at.page * size < total else None, problems)


def categories(body: JsonValue) -> dict[str, str]:
    """Names of categories by id."""
    found = as_object(opened(body, calls.CATEGORIES).result(), "categories")
    rows = objects(found.get("categories"), "category")
    return {text(each, "category_id"): text(each, "category_name") for each in rows}
