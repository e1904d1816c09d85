"""The lists of BigBuy's stand-in, with the types and gaps of the contract."""

from typing import Any

import pytest

from tests.sandbox.bigbuyer import KEY, buyer, product, section, stocks, variation

SHAPED = (
    "products",
    "productsinformation",
    "productsimages",
    "productprices",
    "productsstockbyhandlingdays",
)


def many(count: int, **more: object) -> dict[str, Any]:
    return section(*(product(number) for number in range(1, count + 1)), **more)


class TestAList:
    def test_is_a_bare_array_in_pages_counted_from_0(self) -> None:
        shop = buyer(many(5))
        pages = [shop.ids("products", page=page, pageSize=2) for page in range(4)]
        assert [len(page) for page in pages] == [2, 2, 1, 0]
        assert sorted(each for page in pages for each in page) == [1, 2, 3, 4, 5]

    def test_is_whole_without_a_page_size(self) -> None:
        shop = buyer(many(5))
        assert len(shop.ids("products")) == len(shop.ids("products", pageSize=0)) == 5

    def test_has_an_order_of_its_own_that_stays(self) -> None:
        shop = buyer(many(20))
        orders = {name: tuple(shop.ids(name)) for name in SHAPED}
        assert len(set(orders.values())) == len(SHAPED)
        assert all(tuple(shop.ids(name)) == found for name, found in orders.items())

    @pytest.mark.parametrize("query", [{"page": -1}, {"pageSize": "x"}, {"pageSize": 10_001}])
    def test_refuses_pages_that_cannot_be(self, query: dict[str, object]) -> None:
        answer = buyer(many(1)).get("catalog/products", **query)
        assert (answer.status_code, answer.json()) == (400, {"code": 400, "message": "Bad request"})

    def test_is_filtered_by_the_first_level_above_a_products_taxonomy(self) -> None:
        taxonomies = [
            {"id": 19653, "name": "Electronics"},
            {"id": 500, "name": "Lamps", "parentTaxonomy": 19653},
            {"id": 19650, "name": "Beauty"},
        ]
        account = section(product(1, taxonomy=500), product(2, taxonomy=19650), taxonomies=taxonomies)
        shop = buyer(account | {"variations": [variation(11, 1), variation(12, 2)]})
        assert shop.ids("products", parentTaxonomy=19653) == [1]
        assert shop.ids("productsvariations", parentTaxonomy=19650) == [12]
        assert shop.ids("products", parentTaxonomy=500) == []
        assert shop.ids("taxonomies", firstLevel=1) == [19653, 19650]

    def test_may_have_to_be_filtered(self) -> None:
        shop = buyer(many(2, need_taxonomy=True))
        assert shop.get("catalog/products").status_code == 400
        assert len(shop.ids("products", parentTaxonomy=19653)) == 2

    def test_is_not_there_at_all_in_the_vendors_own_sandbox(self) -> None:
        shop = buyer(many(2, profile="sandbox"))
        assert all(shop.get(f"catalog/{name}", parentTaxonomy=19653).status_code == 400 for name in SHAPED)
        assert len(shop.ids("taxonomies", firstLevel=1)) == 24
        assert shop.get("shipping/carriers").json() == []

    def test_may_not_be_in_the_cache_yet(self) -> None:
        shop = buyer(many(1), {"bigbuy.first_list": "409"})
        first = shop.get("catalog/products")
        assert (first.status_code, first.json()["message"]) == (409, "No products found in cache")
        assert shop.ids("products") == [1]


class TestARow:
    def test_of_a_product_has_no_name_no_stock_and_no_brand(self) -> None:
        (row,) = buyer(section(product(1, active=0))).get("catalog/products").json()
        assert {"name", "description", "stock", "stocks", "brand", "information"} & row.keys() == set()
        assert (row["active"], row["video"], row["ean13"], row["canon"]) == (0, "0", None, None)
        assert (row["images"], row["attributes"], row["wholesalePrice"]) == (True, False, 18.22)

    def test_of_a_text_is_left_out_in_a_language_that_it_lacks(self) -> None:
        text = {"name": "Lamp", "description": "<p>½</p>", "isoCode": "en"}
        shop = buyer(section(product(1, information=[text]), product(2, information=None)))
        assert shop.ids("productsinformation", isoCode="en") == [1]
        assert shop.ids("productsinformation") == []
        assert shop.get("catalog/productinformation/1").status_code == 404

    def test_of_images_tells_the_cover_in_three_ways(self) -> None:
        rows = buyer(many(3)).get("catalog/productsimages").json()
        assert {str(row["images"][0]["isCover"]) for row in rows} == {"True", "TRUE", "true"}
        (bare,) = buyer(section(product(1, images=[]))).get("catalog/productsimages").json()
        assert bare == {"id": 1, "images": []}

    def test_of_stock_is_two_rows_zero_rows_none_or_missing(self) -> None:
        products = [
            product(1),
            product(2, stocks=stocks(0, 0)),
            product(3, stocks=[]),
            product(4, stocks=None),
        ]
        rows = buyer(section(*products)).get("catalog/productsstockbyhandlingdays").json()
        assert {row["id"]: [each["quantity"] for each in row["stocks"]] for row in rows} == {
            1: [2, 3],
            2: [0, 0],
            3: [],
        }

    def test_of_a_variation_points_to_its_product(self) -> None:
        shop = buyer(section(product(1), variations=[variation(11, 1)]))
        (row,) = shop.get("catalog/productsvariations").json()
        assert (row["id"], row["product"], row["sku"]) == (11, 1, "S1-11")
        assert shop.get("catalog/variations").json() == [{"id": 11, "attributes": [{"id": 1}]}]
        assert shop.get("catalog/productvariations/1").json() == [row]
        assert shop.get("catalog/products").json()[0]["attributes"] is True

    def test_of_a_price_has_tiers_as_they_are(self) -> None:
        tiers = [{"id": 1, "quantity": 10, "price": 17.5}]
        (row,) = buyer(section(product(1, priceLargeQuantities=tiers))).get("catalog/productprices").json()
        assert row == {
            "id": 1, "sku": "S1", "wholesalePrice": 18.22, "retailPrice": 55.79, "inShopsPrice": 25.0,
            "priceLargeQuantities": tiers,
        }  # fmt: skip

    def test_of_taxonomies_is_one_for_each_that_a_product_is_in(self) -> None:
        shop = buyer(section(product(1, taxonomies=[19650])))
        found = [row["taxonomy"] for row in shop.get("catalog/productstaxonomies").json()]
        assert found == [19653, 19650]


class TestAPath:
    def test_may_leave_its_ending_to_a_parameter(self) -> None:
        shop = buyer(many(1))
        assert shop.client.get("catalog/products?_format=json").status_code == 200
        assert shop.client.get("catalog/products").status_code == 404

    @pytest.mark.parametrize("name", ["productsstock", "productsvariationsstock", "productsstockavailable"])
    def test_that_was_removed_is_not_found(self, name: str) -> None:
        answer = buyer(many(1)).get(f"catalog/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, 404)

    def test_that_is_deprecated_answers_nothing(self) -> None:
        assert buyer(many(1)).get("catalog/categories").json() == []

    def test_of_one_thing_that_is_not_there_is_not_found(self) -> None:
        shop = buyer(section(product(1, compliance=False)))
        assert shop.get("catalog/product/2").status_code == 404
        assert shop.get("catalog/productcompliance/1").status_code == 404
        assert shop.get("catalog/producttags/1").json() == []


class TestAKey:
    @pytest.mark.parametrize("given", ["", "Bearer wrong", KEY])
    def test_that_is_missing_or_wrong_is_told_without_limits(self, given: str) -> None:
        shop = buyer(many(1))
        answer = shop.client.get("catalog/products.json", headers={"authorization": given})
        assert (answer.status_code, answer.json()) == (401, {"message": "Invalid Token"})
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]

    def test_is_tested_by_an_empty_answer_and_has_a_purse_of_text(self) -> None:
        shop = buyer(many(0))
        status = shop.get("user/auth/status")
        assert (status.status_code, status.content) == (200, b"")
        assert shop.get("user/purse").json() == "10000.00"


class TestAGeneratedCatalogue:
    WORLD = section(generate={"products": 1_000, "variations": 2, "seed": 3})

    def test_is_the_same_each_time(self) -> None:
        rows = [buyer(self.WORLD).get("catalog/productprices").json() for _ in range(2)]
        assert rows[0] == rows[1]
        assert len(rows[0]) == 1_000

    def test_changes_in_the_share_that_is_asked_for(self) -> None:
        moved = section(generate={"products": 1_000, "variations": 2, "seed": 3, "changed": 0.01})
        before, after = (
            {row["id"]: row for row in buyer(world).get("catalog/productprices").json()}
            for world in (self.WORLD, moved)
        )
        changed = [number for number, row in after.items() if row != before[number]]
        assert 1 <= len(changed) <= 30

    def test_remembers_what_happened_in_its_world(self) -> None:
        shop = buyer(self.WORLD)
        first, second, *_ = shop.ids("products")
        shop.sandbox.event({"system": "bigbuy", "kind": "edit", "product": first, "stock": 77})
        shop.sandbox.event({"system": "bigbuy", "kind": "delist", "product": second})
        again = buyer(shop.account())
        rows = {row["id"]: row for row in again.get("catalog/productsstockbyhandlingdays").json()}
        assert (rows[first]["stocks"], second in rows, len(rows)) == (stocks(77), False, 999)


class TestAnEvent:
    def test_edits_stock_and_price_and_delists(self) -> None:
        shop = buyer(many(2))
        shop.sandbox.event({"system": "bigbuy", "kind": "edit", "product": 1, "stock": 9, "price": "7.5"})
        shop.sandbox.event({"system": "bigbuy", "kind": "delist", "product": 2})
        assert [row["wholesalePrice"] for row in shop.get("catalog/productprices").json()] == [7.5]
        (row,) = shop.get("catalog/productsstockbyhandlingdays").json()
        assert row["stocks"] == stocks(9)
        assert [write["what"] for write in shop.sandbox.writes()] == ["product"] * 3

    def test_of_a_thing_that_is_not_there_is_refused(self) -> None:
        result = buyer(many(1)).sandbox.event({"system": "bigbuy", "kind": "delist", "product": 5})
        assert result == {"refused": "there is no product 5"}


def test_an_account_reads_back_as_it_was_written() -> None:
    taxonomies = [{"id": 19653, "name": "Electronics"}]
    tags = [{"id": 3, "name": "New"}]
    rest = {"taxonomies": taxonomies, "tags": tags, "purse": "5.5", "orders": [{"id": 9}]}
    found = buyer(
        section(product(1), product(2, stocks=None), variations=[variation(11, 1)], **rest)
    ).account()
    assert buyer(found).account() == found
