"""Tags, products and variants, by the contract sheet's §9."""

from typing import Any

import pytest

from tests.sandbox.shopper import SHOP, Json, Shopper, boot, gid, runner, shopper

PRODUCT = "gid://shopify/Product/101"
TAG = """
mutation T($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}
"""
UNTAG = TAG.replace("tagsAdd", "tagsRemove")
TAGS = "query P($id: ID!) { product(id: $id) { tags status updatedAt variantsCount { count } } }"


@pytest.fixture
def shop() -> Shopper:
    return shopper()


def tags(shop: Shopper) -> list[str]:
    return list(shop.data(TAGS, id=PRODUCT)["tags"])


def test_tags_are_unique_and_sorted_whatever_their_case(shop: Shopper) -> None:
    shop.data(TAG, id=PRODUCT, tags=["summer", "Alpha, beta", "ALPHA"])
    assert tags(shop) == ["Alpha", "beta", "Summer"]


def test_a_tag_goes_whatever_its_case_and_an_absent_one_is_no_error(shop: Shopper) -> None:
    assert shop.data(UNTAG, id=PRODUCT, tags=["SUMMER", "absent"])["userErrors"] == []
    assert tags(shop) == []


def test_a_tag_moves_updated_at(shop: Shopper) -> None:
    shop.sandbox.clock.advance(60)
    shop.data(TAG, id=PRODUCT, tags=["new"])
    assert shop.data(TAGS, id=PRODUCT)["updatedAt"] == "2026-11-21T12:01:00Z"


def test_tagging_what_is_not_there(shop: Shopper) -> None:
    payload = shop.data(TAG, id=gid("Product", 9), tags=["x"])
    assert payload["node"] is None
    assert payload["userErrors"][0]["field"] == ["id"]
    assert shop.codes(TAG, id=gid("Location", 1), tags=["x"]) == ["RESOURCE_NOT_FOUND"]


def test_a_tag_that_is_too_long_is_refused(shop: Shopper) -> None:
    assert shop.data(TAG, id=PRODUCT, tags=["x" * 256])["userErrors"]
    assert tags(shop) == ["Summer"]


UPDATE = """
mutation U($product: ProductUpdateInput!) {
  productUpdate(product: $product) { product { id status tags } userErrors { field message } }
}
"""


def test_an_update_replaces_the_tags_and_archives(shop: Shopper) -> None:
    payload = shop.data(UPDATE, product={"id": PRODUCT, "tags": ["one"], "status": "ARCHIVED"})
    assert payload["product"] == {"id": PRODUCT, "status": "ARCHIVED", "tags": ["one"]}
    assert [(write["what"], write["after"]) for write in shop.sandbox.writes()] == [
        ("tags", ["one"]),
        ("product", "ARCHIVED"),
    ]


def test_what_an_update_does_not_serve_is_named_and_nothing_is_written(shop: Shopper) -> None:
    body = shop.ask(UPDATE, product={"id": PRODUCT, "descriptionHtml": "new"})
    assert "ProductUpdateInput.descriptionHtml" in body["errors"][0]["message"]
    assert shop.sandbox.writes() == []


DELETE = """
mutation D($product: ID!, $variants: [ID!]!) {
  productVariantsBulkDelete(productId: $product, variantsIds: $variants) {
    product { id }
    userErrors { code field }
  }
}
"""


def delete(shop: Shopper, *variants: int, product: int = 101) -> dict[str, Any]:
    ids = [gid("ProductVariant", number) for number in variants]
    return dict(shop.data(DELETE, product=gid("Product", product), variants=ids))


def test_a_deleted_variant_is_gone_with_its_item(shop: Shopper) -> None:
    assert delete(shop, 1001) == {"product": {"id": PRODUCT}, "userErrors": []}
    ids = [gid("ProductVariant", 1001), gid("InventoryItem", 5001), gid("ProductVariant", 1002)]
    found = shop.data("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert found == [None, None, {"id": ids[2]}]


@pytest.mark.parametrize(
    ("variants", "product", "code", "field"),
    [
        ([1001, 1002], 101, "CANNOT_DELETE_LAST_VARIANT", ["variantsIds"]),
        ([1001, 2001], 101, "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT", ["variantsIds", "1"]),
        ([1001], 9, "PRODUCT_DOES_NOT_EXIST", ["productId"]),
    ],
)
def test_a_deletion_is_refused_as_a_whole(
    shop: Shopper, variants: list[int], product: int, code: str, field: list[str]
) -> None:
    payload = delete(shop, *variants, product=product)
    assert payload["userErrors"] == [{"code": code, "field": field}]
    assert shop.sandbox.writes() == []


def test_deleting_nothing_is_a_success(shop: Shopper) -> None:
    assert delete(shop)["userErrors"] == []


def test_old_orders_lose_sight_of_a_deleted_variant() -> None:
    shop = shopper(runner(), orders=[{"id": 1, "lines": [{"variant_id": 1001}]}])
    delete(shop, 1001)
    lines = shop.data(
        '{ order(id: "gid://shopify/Order/1") { lineItems(first: 5) { nodes { sku variant { id } } } } }'
    )
    assert lines["lineItems"]["nodes"] == [{"sku": "R-37", "variant": None}]


CREATE = """
mutation C($product: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkCreate(productId: $product, variants: $variants, strategy: PRESERVE_STANDALONE_VARIANT) {
    productVariants {
      id
      sku
      price
      selectedOptions { name value }
    }
    userErrors { code field }
  }
}
"""


def test_a_deleted_variant_is_made_again_with_new_ids() -> None:
    product = runner(options={"Size": "37"})
    product["variants"][1]["options"] = {"Size": "38"}
    shop = shopper(product)
    delete(shop, 1001)
    wanted = {
        "price": "59.90",
        "inventoryPolicy": "DENY",
        "optionValues": [{"optionName": "Size", "name": "37"}],
        "inventoryItem": {"sku": "R-37", "tracked": True},
    }
    (made,) = shop.data(CREATE, product=PRODUCT, variants=[wanted])["productVariants"]
    assert (made["sku"], made["price"], made["selectedOptions"]) == (
        "R-37",
        "59.90",
        [{"name": "Size", "value": "37"}],
    )
    assert made["id"] not in (gid("ProductVariant", 1001), gid("ProductVariant", 1002))
    again = shop.data(CREATE, product=PRODUCT, variants=[wanted])
    assert again["userErrors"] == [{"code": "VARIANT_ALREADY_EXISTS", "field": ["variants", "0"]}]


def sized(**shop: object) -> Shopper:
    """A shop whose only product comes in sizes 37 and 38."""
    product = runner(options={"Size": "37"})
    product["variants"][1]["options"] = {"Size": "38"}
    return shopper(product, **shop)  # type: ignore[arg-type]


def size(value: str, **more: object) -> Json:
    return {"optionValues": [{"optionName": "Size", "name": value}], **more}


LEVELS = """
query Levels($id: ID!) {
  productVariant(id: $id) {
    position
    inventoryItem {
      countryCodeOfOrigin
      harmonizedSystemCode
      inventoryLevels(first: 9) { nodes { location { id } quantities(names: ["available"]) { quantity } } }
    }
  }
}
"""


@pytest.mark.parametrize(("where", "places"), [("first", [1]), ("everywhere", [1, 2]), ("nowhere", [])])
def test_where_a_new_variant_is_stocked_is_a_switch(where: str, places: list[int]) -> None:
    shop = sized(switches={"new_variant": where})
    (made,) = shop.data(CREATE, product=PRODUCT, variants=[size("39")])["productVariants"]
    found = shop.data(LEVELS, id=made["id"])
    levels = found["inventoryItem"]["inventoryLevels"]["nodes"]
    assert [level["location"]["id"] for level in levels] == [gid("Location", place) for place in places]
    assert all(level["quantities"] == [{"quantity": 0}] for level in levels)
    assert found["position"] == 3


def test_a_new_variant_may_bring_quantities_and_an_origin() -> None:
    shop = sized()
    item = {"countryCodeOfOrigin": "ES", "harmonizedSystemCode": "640399"}
    stock = [{"locationId": gid("Location", 2), "availableQuantity": 4}]
    wanted = size("39", inventoryQuantities=stock, inventoryItem=item)
    (made,) = shop.data(CREATE, product=PRODUCT, variants=[wanted])["productVariants"]
    found = shop.data(LEVELS, id=made["id"])["inventoryItem"]
    quantities = [level["quantities"][0]["quantity"] for level in found["inventoryLevels"]["nodes"]]
    assert quantities == [0, 4]
    assert (found["countryCodeOfOrigin"], found["harmonizedSystemCode"]) == ("ES", "640399")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (size("38"), "VARIANT_ALREADY_EXISTS"),
        ({"price": "1.00"}, "NEED_TO_ADD_OPTION_VALUES"),
        ({"optionValues": [{"name": "a"}, {"name": "b"}]}, "OPTION_VALUES_FOR_NUMBER_OF_UNKNOWN_OPTIONS"),
        (
            {"optionValues": [{"optionName": "Colour", "name": "a"}]},
            "OPTION_VALUES_FOR_NUMBER_OF_UNKNOWN_OPTIONS",
        ),
        (size("39", price="-1.00"), "NEGATIVE_PRICE_VALUE"),
        (
            size("39", inventoryQuantities=[{"locationId": gid("Location", 9), "availableQuantity": 1}]),
            "TRACKED_VARIANT_LOCATION_NOT_FOUND",
        ),
    ],
)
def test_a_creation_is_refused_as_a_whole(wanted: Json, code: str) -> None:
    shop = sized()
    payload = shop.data(CREATE, product=PRODUCT, variants=[size("40"), wanted])
    assert payload["productVariants"] is None
    assert [error["code"] for error in payload["userErrors"]] == [code]
    assert payload["userErrors"][0]["field"][:2] == ["variants", "1"]
    assert shop.sandbox.writes() == []


def test_a_product_has_2048_variants_at_most() -> None:
    shop = sized()
    full = [size(f"S{number}") for number in range(2046)]
    payload = shop.data(CREATE, product=PRODUCT, variants=full)
    assert payload["userErrors"] == []
    assert len(payload["productVariants"]) == 2046
    more = shop.data(CREATE, product=PRODUCT, variants=[size("one more")])
    assert more["userErrors"] == [{"code": "INVALID_INPUT", "field": ["variants"]}]
    everything = [size(f"T{number}") for number in range(2049)]
    assert shop.codes(CREATE, product=PRODUCT, variants=everything) == ["MAX_INPUT_SIZE_EXCEEDED"]


@pytest.mark.parametrize(
    ("strategy", "options", "left"),
    [
        ("DEFAULT", {}, ["New"]),
        ("DEFAULT", {"Title": "Only"}, ["Only", "New"]),
        ("REMOVE_STANDALONE_VARIANT", {"Title": "Only"}, ["New"]),
        ("PRESERVE_STANDALONE_VARIANT", {}, ["Default Title", "New"]),
    ],
)
def test_what_becomes_of_the_only_variant(strategy: str, options: Json, left: list[str]) -> None:
    product = boot()
    product["variants"][0]["options"] = options
    shop = shopper(product)
    wanted = {"optionValues": [{"optionName": "Title", "name": "New"}]}
    query = CREATE.replace("PRESERVE_STANDALONE_VARIANT", strategy)
    shop.data(query, product=gid("Product", 102), variants=[wanted])
    (product,) = shop.sandbox.world()["shopify"][SHOP]["products"]
    titles = [variant.get("options", {}).get("Title", "Default Title") for variant in product["variants"]]
    assert titles == left


METAFIELDS = """
mutation M($fields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $fields) {
    metafields { namespace key value }
    userErrors { code field elementIndex }
  }
}
"""


def test_metafields_are_set_all_or_none(shop: Shopper) -> None:
    good = {"ownerId": PRODUCT, "namespace": "rms", "key": "seen", "value": "1", "type": "number_integer"}
    bad = {**good, "ownerId": gid("Product", 9)}
    assert [one["elementIndex"] for one in shop.data(METAFIELDS, fields=[good, bad])["userErrors"]] == [1]
    assert shop.sandbox.writes() == []
    assert shop.data(METAFIELDS, fields=[good])["metafields"] == [
        {"namespace": "rms", "key": "seen", "value": "1"}
    ]
    read = shop.data(
        '{ product(id: "gid://shopify/Product/101") { metafield(namespace: "rms", key: "seen") { value } } }'
    )
    assert read["metafield"] == {"value": "1"}


def test_duplicates_are_counted_in_the_whole_shop() -> None:
    twin = boot()
    twin["variants"][0]["sku"] = "R-37"
    shop = shopper(runner(), twin)
    counts = shop.data("{ inventoryItems(first: 9) { nodes { sku duplicateSkuCount } } }")["nodes"]
    assert {(one["sku"], one["duplicateSkuCount"]) for one in counts} == {("R-37", 1), ("R-38", 0)}
    delete(shop, 1001)
    after = shop.data("{ inventoryItems(first: 9) { nodes { duplicateSkuCount } } }")["nodes"]
    assert {one["duplicateSkuCount"] for one in after} == {0}


def test_what_decides_about_a_deletion_is_served() -> None:
    variant = {"bundle": True, "policy": "CONTINUE", "selling_plans": 2, "barcode": "843", "cost": "12.5"}
    shop = shopper({**runner(**variant), "gift_card": True})
    found = shop.data(
        """query V($id: ID!) { productVariant(id: $id) {
          barcode inventoryPolicy requiresComponents
          sellingPlanGroupsCount { count } media(first: 5) { nodes { id } }
          product { isGiftCard } inventoryItem { unitCost { amount currencyCode } } } }""",
        id=gid("ProductVariant", 1001),
    )
    assert found == {
        "barcode": "843",
        "inventoryPolicy": "CONTINUE",
        "requiresComponents": True,
        "sellingPlanGroupsCount": {"count": 2},
        "media": {"nodes": []},
        "product": {"isGiftCard": True},
        "inventoryItem": {"unitCost": {"amount": "12.50", "currencyCode": "EUR"}},
    }
