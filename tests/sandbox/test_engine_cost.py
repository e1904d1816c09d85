import pytest

from sandbox.shopify.cost import actual, debug_fields, page_factor, requested
from sandbox.shopify.documents import Prepared, prepare
from tests.sandbox.operations import ready

PRICES = {
    "Probe": 1,
    "Identity": 5,
    "Places": 13,
    "Names": 2,
    "Unmarked": 233,
    "UnmarkedFlat": 24,
    "VariantsOf": 47,
    "Walk": 57,
    "WalkLean": 46,
    "VariantsAgain": 4,
    "ItemsAgain": 3,
    "Everywhere": 15,
    "Shelf": 36,
    "OneProduct": 2,
    "Sales": 155,
    "LinesOf": 25,
    "LastSale": 53,
    "Set": 13,
    "SetLean": 10,
    "BulkSet": 10,
    "Adjust": 10,
    "Activate": 10,
    "Track": 10,
    "Delete": 10,
    "BulkDelete": 10,
    "Tag": 10,
    "Untag": 10,
    "TagThree": 30,
    "Update": 10,
    "Note": 10,
    "RunQuery": 10,
    "RunMutation": 10,
    "Stage": 11,
    "Cancel": 10,
    "OneBulk": 1,
    "Bulks": 6,
    "Subscribe": 10,
    "Unsubscribe": 10,
    "Hooks": 16,
}


@pytest.mark.parametrize(("name", "price"), PRICES.items())
def test_prices_of_the_catalogue(name: str, price: int) -> None:
    assert requested(ready(name)) == price


@pytest.mark.parametrize(
    ("size", "inner", "price"),
    [(50, 50, 233), (250, 10, 233), (250, 100, 453), (250, 250, 541), (25, 250, 296)],
)
def test_page_sizes_scale_the_price_by_their_logarithm(size: int, inner: int, price: int) -> None:
    assert requested(ready("Unmarked", size=size, inner=inner)) == price


def test_orders_in_wide_pages() -> None:
    assert requested(ready("Sales", size=250, inner=20)) == 145


@pytest.mark.parametrize(
    ("size", "factor"),
    [
        (0, 0),
        (1, 1),
        (2, 1),
        (4, 2),
        (7, 3),
        (12, 4),
        (20, 5),
        (33, 6),
        (54, 7),
        (90, 8),
        (148, 9),
        (244, 10),
    ],
)
def test_factor_of_a_page(size: int, factor: int) -> None:
    assert page_factor(size) == factor
    if size > 2:
        assert page_factor(size + 1) == factor + 1


def test_many_ids_and_many_rows_cost_what_one_does() -> None:
    assert requested(ready("VariantsAgain", ids=["gid://shopify/ProductVariant/1"] * 250)) == 4


VARIANT_COST = """
    { productVariant(id: "gid://shopify/ProductVariant/1") { inventoryItem { unitCost { amount } } } }
"""
DEAREST_TYPE = """
    { node(id: "gid://shopify/Product/1") {
        id
        ... on Product { seo { title } featuredImage { id } }
        ... on Order { id }
    } }
"""


def _document(text: str) -> Prepared:
    prepared = prepare(text, {}, None)
    assert isinstance(prepared, Prepared), prepared
    return prepared


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("{ productsCount { count } }", 10),
        ("{ products(first: 0) { nodes { id } } }", 2),
        ("{ products(first: 2) { nodes { id } edges { node { id } } } }", 4),
        ("{ a: shop { id } b: shop { id } }", 2),
        ("{ shop { id } ... { shop { name } } }", 1),
        ("{ shop { id plan @skip(if: true) { shopifyPlus } } }", 1),
        (VARIANT_COST, 2),
        (DEAREST_TYPE, 2),
        ('{ __type(name: "Shop") { name } }', 1),
    ],
)
def test_rules_of_the_table(text: str, price: int) -> None:
    assert requested(_document(text)) == price


def _page(*nodes: object) -> dict[str, object]:
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": False}}


def test_a_full_page_costs_what_was_asked_for_and_an_empty_one_almost_nothing() -> None:
    places = ready("Places")
    assert actual(places, {"locations": _page(*[{"id": 1}] * 250)}) == requested(places)
    assert actual(places, {"locations": _page()}) == 2


def test_inner_pages_count_by_how_full_they_are() -> None:
    sales = ready("Sales", size=2, inner=50)
    order = {"id": 1, "lineItems": _page({"id": 1})}
    # Two orders of one line each: 2 + 1 x (2 x (1 + 2 + 2 x 7 / 50)) / 2
    assert actual(sales, {"orders": _page(order, order)}) == 5
    assert requested(sales) == 19


def test_a_refused_mutation_costs_ten() -> None:
    refused = {"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": [{"code": "X"}]}}
    done = {
        "inventorySetQuantities": {"inventoryAdjustmentGroup": {"id": 1, "changes": []}, "userErrors": []}
    }
    assert actual(ready("Set"), refused) == 10
    assert actual(ready("Set"), done) == 13
    assert actual(ready("Set"), {"inventorySetQuantities": None}) == 10


def test_debug_lists_every_field_with_its_price() -> None:
    lines = debug_fields(ready("Places"))
    assert lines[0] == {
        "path": ["locations"],
        "definedCost": 2,
        "requestedTotalCost": 13,
        "requestedChildrenCost": 11,
    }
    assert ["locations", "nodes", "id"] in [line["path"] for line in lines]
