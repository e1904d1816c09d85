"""Lists and single things below /rest/catalog (https://api.bigbuy.eu/rest/doc)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sandbox.bigbuy.answers import bad_request, problem
from sandbox.bigbuy.limits import endpoint_of
from sandbox.bigbuy.model import LANGUAGES, Account
from sandbox.bigbuy.shown import (
    attribute,
    images,
    information,
    plain,
    price,
    product,
    stock,
    tag,
    tagged,
    taxonomy,
    variation,
    variation_attributes,
    variation_price,
)
from sandbox.book import Id, Row, Table
from sandbox.http import Response, answer
from sandbox.rest import Asked, RefusedError, Route

MAX_PAGE: Final = 10_000
Shown = Callable[[Account, Row, str], Row | None]
"""A row as an endpoint shows it, in a language; None where it is left out."""


@dataclass(frozen=True)
class Listing:
    """One list. `shaped`: of products or their variations, with pages and taxonomies."""

    endpoint: str
    table: Callable[[Account], Table]
    shown: Shown
    shaped: bool = True


def _products(account: Account) -> Table:
    return account.products


def _variations(account: Account) -> Table:
    return account.variations


LISTS: Final = (
    Listing("products", _products, product),
    Listing("productsinformation", _products, information),
    Listing("productsimages", _products, images),
    Listing("productprices", _products, price),
    Listing("productsstockbyhandlingdays", _products, stock),
    Listing("productstags", _products, tagged),
    Listing("productsvariations", _variations, variation),
    Listing("productvariationprices", _variations, variation_price),
    Listing("productsvariationsstockbyhandlingdays", _variations, stock),
    Listing("variations", _variations, variation_attributes),
    Listing("manufacturers", lambda account: account.manufacturers, plain, shaped=False),
    Listing("attributes", lambda account: account.attributes, attribute, shaped=False),
    Listing("attributegroups", lambda account: account.groups, attribute, shaped=False),
    Listing("tags", lambda account: account.tags, tag, shaped=False),
)
SINGLES: Final = (
    ("product", LISTS[0], None),
    ("productinformation", LISTS[1], None),
    ("productimages", LISTS[2], None),
    ("productstockbyhandlingdays", LISTS[4], None),
    ("producttags", LISTS[5], "tags"),
    ("productvariations", LISTS[6], "variations"),
    ("productvariationsstockbyhandlingdays", LISTS[8], "variations"),
    ("variation", LISTS[9], None),
    ("manufacturer", LISTS[10], None),
    ("attribute", LISTS[11], None),
    ("attributegroup", LISTS[12], None),
    ("tag", LISTS[13], None),
)
IN_ALL: Final = (
    ("productinformationalllanguages", LISTS[1]),
    ("attributealllanguages", LISTS[11]),
    ("attributegroupalllanguages", LISTS[12]),
    ("tagalllanguages", LISTS[13]),
)


# ------------------------------------------------------------------ lists


def listed(listing: Listing, account: Account, asked: Asked) -> Response:
    """One page of a list."""
    language = _language(asked)
    rows, ids = listing.table(account).rows, _page(listing, account, asked, language)
    found = (listing.shown(account, rows[each], language) for each in ids)
    return answer(200, [row for row in found if row is not None])


def _page(listing: Listing, account: Account, asked: Asked, language: str) -> list[Id]:
    number, size = _natural(asked, "page"), _natural(asked, "pageSize")
    parent = _natural(asked, "parentTaxonomy") if listing.shaped else 0
    if listing.shaped:
        _permit(account, asked, parent)
    if size > MAX_PAGE:
        raise _rejected(account, asked)
    ids = _ids(listing, account, parent, language)
    return ids[number * size : (number + 1) * size] if size else ids


def _permit(account: Account, asked: Asked, parent: int) -> None:
    """Whether the account may have product lists at all, this one without a filter, and now."""
    if account.rules.profile == "sandbox" or (account.rules.need_taxonomy and not parent):
        raise _rejected(account, asked)
    first, account.listed_once = not account.listed_once, True
    if first and account.switches["bigbuy.first_list"] == "409":
        raise RefusedError(problem(409, "No products found in cache"))


def _rejected(account: Account, asked: Asked) -> RefusedError:
    """A query that cannot be; somebody saw that it does not count."""
    if account.switches["bigbuy.rejected"] == "free":
        asked.headers = account.windows.give_back(endpoint_of(asked.call.operation))
    return bad_request()


def _ids(listing: Listing, account: Account, parent: int, language: str) -> list[Id]:
    """The ids of a list in its own order, those of one first-level taxonomy if one is given."""
    if not parent:
        return account.in_order(listing.endpoint, 0, language, lambda: _present(listing, account, language))
    everything = _ids(listing, account, 0, language)
    levels = account.levels(listing.table(account).what)
    return account.in_order(
        listing.endpoint, parent, language, lambda: [each for each in everything if levels[each] == parent]
    )


def _present(listing: Listing, account: Account, language: str) -> list[Id]:
    rows = listing.table(account).rows
    return [each for each, row in rows.items() if listing.shown(account, row, language) is not None]


def _language(asked: Asked) -> str:
    code = asked.request.query.get("isoCode", "es").lower()
    if code not in LANGUAGES:
        raise bad_request()
    return code


def _natural(asked: Asked, name: str) -> int:
    text = asked.request.query.get(name, "0")
    if not text.isdecimal():
        raise bad_request()
    return int(text)


# ------------------------------------------------------------------ single things


def single(listing: Listing, account: Account, asked: Asked) -> Response:
    """One thing by its id."""
    row = listing.table(account).rows.get(_id(asked))
    found = listing.shown(account, row, _language(asked)) if row else None
    return answer(200, found) if found is not None else problem(404, "Not found")


def of_product(listing: Listing, kind: str, account: Account, asked: Asked) -> Response:
    """What belongs to a product: a list, empty if there is no such product."""
    number, language = _id(asked), _language(asked)
    rows = listing.table(account).rows
    if kind == "tags":
        row = rows.get(number)
        found = [listing.shown(account, row, language)] if row else []
    else:
        found = [listing.shown(account, row, language) for row in rows.values() if row["product"] == number]
    return answer(200, [each for each in found if each is not None])


def in_all_languages(listing: Listing, account: Account, asked: Asked) -> Response:
    """One thing in each language that it has."""
    row = listing.table(account).rows.get(_id(asked))
    found = [listing.shown(account, row, code) for code in LANGUAGES] if row else []
    return answer(200, [each for each in found if each is not None])


def _id(asked: Asked) -> int:
    text = asked.arguments["id"]
    if not text.isdecimal():
        raise RefusedError(problem(404, "Not found"))
    return int(text)


def by_sku(account: Account, asked: Asked) -> Response:
    """A product's information by its reference."""
    language = _language(asked)
    rows = (row for row in account.products.rows.values() if row["sku"] == asked.arguments["sku"])
    found = [information(account, row, language) for row in rows]
    return answer(200, found[0]) if found and found[0] else problem(404, "Product not found")


def compliance(account: Account, asked: Asked) -> Response:
    """Product-safety data; many products have none."""
    row = account.products.rows.get(_id(asked))
    if not row or not row.get("compliance", True):
        return problem(404, "Product compliance not found")
    body = {"id": row["id"], "sku": row["sku"]}
    return answer(200, {**body, "generalProductSafetyRegulations": [], "productComplianceDocuments": []})


def new_products(account: Account, asked: Asked) -> Response:
    """What was added within a week."""
    _permit(account, asked, _natural(asked, "parentTaxonomy"))
    since = f"{account.book.clock.now() - timedelta(days=7):%Y-%m-%d %H:%M:%S}"
    shown = (product(account, row, "es") for row in account.products.rows.values())
    return answer(200, [row for row in shown if row["dateAdd"] >= since])


# ------------------------------------------------------------------ look-ups


def taxonomies(account: Account, asked: Asked) -> Response:
    """The tree of taxonomies, or its first level."""
    first = asked.request.query.get("firstLevel", "").lower() in {"1", "true"}
    rows = account.taxonomies.rows
    shown = (taxonomy(account, row, _language(asked)) for row in rows.values())
    return answer(200, [row for row in shown if not first or row["parentTaxonomy"] not in rows])


def taxonomy_in_all(account: Account, asked: Asked) -> Response:
    """One taxonomy in all languages."""
    row = account.taxonomies.rows.get(_id(asked))
    return answer(200, [taxonomy(account, row, code) for code in LANGUAGES] if row else [])


def products_taxonomies(account: Account, asked: Asked) -> Response:
    """Which product is in which taxonomies: all products, or the one asked for."""
    rows = account.products.rows
    one = [_id(asked)] if "id" in asked.arguments else list(rows)
    pairs = (
        {"id": taxon, "taxonomy": taxon, "product": number}
        for number in one
        if number in rows
        for taxon in dict.fromkeys([rows[number]["taxonomy"], *rows[number].get("taxonomies", ())])
    )
    return answer(200, list(pairs))


def languages(_: Account, __: Asked) -> Response:
    """All languages."""
    return answer(200, [{"isoCode": code, "name": name} for code, name in LANGUAGES.items()])


def nothing(_: Account, __: Asked) -> Response:
    """What was given up but still answers."""
    return answer(200, [])


def _route(path: str, handle: Callable[[Account, Asked], Response]) -> Route[Account]:
    return Route("GET", f"/rest/catalog/{path}.json", handle)


ROUTES: Final = (
    *(_route(each.endpoint, partial(listed, each)) for each in LISTS),
    *(_route(f"{name}/{{id}}", partial(single, each)) for name, each, kind in SINGLES if kind is None),
    *(_route(f"{name}/{{id}}", partial(of_product, each, kind)) for name, each, kind in SINGLES if kind),
    *(_route(f"{name}/{{id}}", partial(in_all_languages, each)) for name, each in IN_ALL),
    _route("new-products", new_products),
    _route("productinformationbysku/{sku}", by_sku),
    _route("productcompliance/{id}", compliance),
    _route("taxonomies", taxonomies),
    _route("taxonomyalllanguages/{id}", taxonomy_in_all),
    _route("productstaxonomies", products_taxonomies),
    _route("producttaxonomies/{id}", products_taxonomies),
    _route("languages", languages),
    *(
        _route(name, nothing)
        for name in ("categories", "category/{id}", "productscategories", "productcategories/{id}")
    ),
)
