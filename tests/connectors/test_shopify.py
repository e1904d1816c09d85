"""What the connector says to Shopify and what it makes of the answers, against the stand-in in process."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from graphql import build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

import sandbox.shopify
from connectors.errors import (
    ConfigurationError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import Answer, Call
from connectors.records import (
    JsonObject,
    JsonValue,
    Level,
    Metafield,
    NewVariant,
    Quantities,
    Row,
    TagChange,
    Variant,
)
from connectors.shopify import STALE, Shopify, calls, documents, inner, readers
from connectors.shopify.walk import DEPTH
from sandbox.shopify.idempotency import Verdict
from sandbox.shopify.service import APP
from tests.connectors.store import Store, stored
from tests.worlds import LOCATION, MARK, NOW, OWN, TOKEN, World, product, variant, world

SCHEMA = build_schema(
    Path(sandbox.shopify.__file__).with_name("schema.graphql").read_text("utf-8"), assume_valid=True
)
DOCUMENTS = {
    name: text
    for name, text in vars(documents).items()
    if name.isupper() and name[0] != "_" and not name.endswith("_FIELDS")
}

RED = NewVariant(
    options=(("Size", "37"), ("Colour", "Red")),
    sku="24X-37-R",
    barcode="8412345678905",
    price="59.90",
    compare_at_price="79.90",
    policy="DENY",
    taxable=False,
    tracked=True,
    requires_shipping=True,
    cost="21.5",
    weight=(420.0, "GRAMS"),
    country=None,
    province=None,
    tariff_code=None,
    metafields=(Metafield("custom", "last", "single_line_text_field", "Narrow"),),
)
"""A variant to be made."""

BUILT = [
    calls.shop(),
    calls.locations(),
    calls.products(calls.without_tag("x"), LOCATION),
    calls.products(calls.without_tag("x", above=7), LOCATION),
    calls.product_ids(calls.without_tag("x")),
    calls.products_by_id([101], LOCATION),
    calls.more_variants(101, LOCATION, None),
    calls.skus(calls.anything()),
    calls.skus(calls.with_tag("x")),
    calls.variant_heads([1011]),
    calls.offers([1011]),
    calls.variants([1011], LOCATION),
    calls.available_everywhere([51_001]),
    calls.more_available(51_001, "x"),
    calls.stocked_products([101]),
    calls.stocked_products([101], first=250),
    calls.levels([51_001], LOCATION),
    calls.levels_everywhere([51_001]),
    calls.snapshots([1001]),
    calls.assortment(101),
    calls.orders(),
    calls.more_lines(9001, None),
    calls.set_quantities(
        [Row(51_001, 5, 4)], location=LOCATION, name="available", reference="evenstock://r", key="k1"
    ),
    calls.activate(51_001, LOCATION, "k2"),
    calls.add_tags(101, ["x"]),
    calls.remove_tags(101, ["x"]),
    calls.archive(101),
    calls.delete_variants(101, [1001]),
    calls.count_products(calls.without_tag("x")),
    calls.count_variants(),
    calls.tags([101]),
    calls.run_bulk_query(inner.heads(calls.without_tag("x"))),
    calls.stage_upload("x.jsonl"),
    calls.run_bulk_mutation(inner.ADD_TAGS, "tmp/none", "evenstock-1"),
    calls.bulk_operation("gid://shopify/BulkOperation/1"),
    calls.bulk_operations(),
    calls.cancel_bulk("gid://shopify/BulkOperation/1"),
    calls.create_variants(101, [RED]),
]


@pytest.fixture
def store() -> Iterator[Store]:
    with stored() as made:
        yield made


def one(number: int = 101, available: int | None = 5, **more: object) -> World:
    """A product with one variant, its level as given."""
    return product(number, "24X", variant(number * 10 + 1, f"SKU-{number}", available, **more))


def wide(number: int, count: int) -> World:
    """A product with many variants."""
    first = number * 10_000
    return product(number, "24X", *(variant(first + n, f"{number}-{n}", n % 9) for n in range(1, count + 1)))


def item(number: int = 101) -> int:
    """The inventory item of `one(number)`."""
    return number * 10 + 1 + 50_000


def set_one(store: Store, *rows: Row, key: str = "key-1") -> None:
    store.shop().set_quantities(rows, name="available", reference="evenstock://run/1", key=key)


class TestDocuments:
    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_are_valid_in_the_published_schema(self, name: str) -> None:
        assert validate(SCHEMA, parse(DOCUMENTS[name])) == []

    @pytest.mark.parametrize(
        "text",
        [
            inner.products(calls.without_tag('it\'s \\ "odd" \x01 ñ 日本'), LOCATION),
            inner.heads(calls.with_tag("x", above=7)),
            inner.skus(calls.anything()),
            inner.orders(calls.placed(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))),
            inner.ADD_TAGS,
            inner.REMOVE_TAGS,
        ],
    )
    def test_that_run_in_bulk_are_valid_too(self, text: str) -> None:
        assert validate(SCHEMA, parse(text)) == []

    def test_are_all_used(self) -> None:
        used = {str((call.json or {})["query"]) for call in BUILT}
        assert used == set(DOCUMENTS.values())

    @pytest.mark.parametrize("call", BUILT, ids=lambda call: call.operation)
    def test_reserve_what_they_are_asked_for_and_little_more(self, store: Store, call: Call) -> None:
        store.put(world([one()], []))
        body = store.http(checked=False).send(call).body
        assert isinstance(body, dict)
        asked = body["extensions"]["cost"]["requestedQueryCost"]  # type: ignore[index,call-overload]
        assert asked <= call.cost <= max(asked * 1.15, asked + 12)  # type: ignore[operator]

    def test_those_that_write_say_so(self) -> None:
        assert {call.operation for call in BUILT if call.writes} == {
            "inventorySetQuantities",
            "inventoryActivate",
            "productVariantsBulkCreate",
            "productVariantsBulkDelete",
            "tagsAdd",
            "tagsRemove",
            "productUpdate",
            "stagedUploadsCreate",
            "bulkOperationRunMutation",
        }
        # A bulk query writes nothing, but nobody wants to run it twice for a lost answer.
        assert {call.operation for call in BUILT if call.starts} == {
            "bulkOperationRunQuery",
            "bulkOperationCancel",
        }
        # Deletion and levels are settled by reading; only what cannot do harm is sent again blindly.
        assert {call.operation for call in BUILT if call.repeatable} == {
            "tagsAdd",
            "tagsRemove",
            "productUpdate",
            "stagedUploadsCreate",
            "bulkOperationCancel",
        }


class TestProducts:
    @pytest.mark.parametrize("count", [0, 1, 10, 11, 250, 251, 2_048])
    def test_come_with_all_their_variants_once(self, store: Store, count: int) -> None:
        shop = store.put(world([wide(7, count)], []))
        for found in (list(shop.products_without(MARK)), shop.products([7])):
            (shown,) = found
            assert [each.id for each in shown.variants] == [70_000 + n for n in range(1, count + 1)]
            assert all(each.level and each.level.quantities for each in shown.variants)

    def test_were_seen_when_the_last_of_their_variants_were(self, store: Store) -> None:
        """An order between two pages shows in the second; taken for one to come, its units are sold twice."""
        shop = store.put(world([wide(7, 251)], []))

        def later(_: httpx.Request, response: httpx.Response) -> httpx.Response:
            store.sandbox.clock.advance(5)
            return response

        store.tampering = later
        (shown,) = shop.products([7])
        assert len(store.seen) == 2
        assert shown.seen_at >= NOW + timedelta(seconds=5)

    def test_come_page_by_page_to_the_end(self, store: Store) -> None:
        shop = store.put(world([one(n) for n in range(1, 602)], []))
        assert [each.id for each in shop.products_without(MARK)] == list(range(1, 602))
        assert len(store.calls("products")) == 3

    def test_many_wide_ones_are_asked_for_together(self, store: Store) -> None:
        shop = store.put(world([wide(n, 12) for n in range(1, 31)], []))
        found = list(shop.products_without(MARK))
        assert sorted(each.id for each in found) == list(range(1, 31))
        assert {len(each.variants) for each in found} == {12}
        assert len(store.calls("nodes")) == 2

    def test_an_empty_shop_has_none(self, store: Store) -> None:
        shop = store.put(world([], []))
        assert list(shop.products_without(MARK)) == []
        assert list(shop.heads_without(MARK)) == []
        assert list(shop.skus(None)) == []
        assert shop.products([1, 2]) == []
        assert shop.levels([1]) == {}
        assert shop.order_lines(datetime(2026, 1, 1, tzinfo=UTC)) == []

    def test_that_do_not_exist_are_left_out(self, store: Store) -> None:
        shop = store.put(world([one(1), one(3)], []))
        assert [each.id for each in shop.products([1, 2, 3])] == [1, 3]

    def test_keep_their_spelling(self, store: Store) -> None:
        skus = ["LÉGO-🧱 37½", "ﬁg ½", " 24x104 ", "日本", "e\u0301", 'a"b\\c', ""]
        variants = [variant(n, sku, 1) for n, sku in enumerate(skus, 1)]
        shop = store.put(world([product(1, "24Ñ 104", *variants, title="Ñandú <b>")], []))
        (found,) = shop.products_without(MARK)
        assert [each.sku for each in found.variants] == skus
        assert (found.ccod, found.title) == ("24Ñ 104", "Ñandú <b>")
        assert [sku for _, sku in shop.skus(None)] == skus

    def test_a_missing_sku_is_none_and_doubles_are_counted(self, store: Store) -> None:
        shop = store.put(
            world([product(1, "X", variant(1, None, 1), variant(2, "A", 1), variant(3, "A", 1))], [])
        )
        (found,) = shop.products_without(MARK)
        assert [(each.sku, each.duplicates) for each in found.variants][1:] == [("A", 1), ("A", 1)]
        assert found.variants[0].sku is None

    @pytest.mark.parametrize("field", ["rms.ccod", "rms.product_code", "rms.codigo", "custom.ccod"])
    def test_carry_their_ccod_in_one_of_four_places(self, store: Store, field: str) -> None:
        shop = store.put(world([product(1, None, metafields={field: "24X104", "other.ccod": "no"})], []))
        (found,) = shop.products_without(MARK)
        assert found.ccod == "24X104"

    def test_a_blank_ccod_gives_way_to_the_next_place(self, store: Store) -> None:
        shop = store.put(world([product(1, None, metafields={"rms.ccod": "  ", "custom.ccod": "24X"})], []))
        assert [each.ccod for each in shop.products_without(MARK)] == ["24X"]

    @pytest.mark.parametrize(
        "tag", ["it's", "back\\slash", "a'b\\'c", "tag:x OR id:1", "(odd)", "*", '"q"', "ñ 日本"]
    )
    def test_are_found_by_the_absence_of_any_tag(self, store: Store, tag: str) -> None:
        shop = store.put(world([product(1, "X", tags=(tag,)), product(2, "X", tags=("other",))], []))
        assert [each.id for each in shop.products_without(tag)] == [2]
        assert [number for number, _ in shop.heads_without(tag)] == [2]

    @given(st.text(max_size=20))
    def test_a_quoted_value_ends_only_at_its_end(self, value: str) -> None:
        quoted = calls.quoted(value)
        assert quoted[0] == quoted[-1] == "'"
        inside = quoted[1:-1].replace("\\\\", "").replace("\\'", "")
        assert "'" not in inside
        assert not inside.endswith("\\")

    def test_a_walk_beyond_the_depth_of_a_search_starts_again_behind_the_last_id(self, store: Store) -> None:
        count = DEPTH + 300
        shop = store.put(world([product(n, None) for n in range(1, count + 1)], []))
        found = [number for number, _ in shop.heads_without(MARK)]
        assert found == list(range(1, count + 1))

    def test_a_search_that_was_not_understood_is_fatal(self, store: Store) -> None:
        store.put(world([one(1), one(2)], []))
        with pytest.raises(Refused, match="return everything"):
            store.http().send(calls.product_ids("nonsense:1 AND tag_not:'x'"))


class TestVersion:
    def test_another_one_that_answers_is_a_setting_to_mend(self, store: Store) -> None:
        store.put(world([], []))
        store.version = "2025-01"
        with pytest.raises(ConfigurationError, match=r"version 2026-01 instead of 2026-10"):
            store.shop().facts()

    def test_of_a_writes_answer_is_not_looked_at(self, store: Store) -> None:
        store.put(world([one()], []))
        store.version = "2026-07"
        set_one(store, Row(item(), 5, 4))
        assert [write["after"] for write in store.sandbox.writes() if write["name"] == "available"] == [4]

    def test_facts_tell_the_store_and_its_rights(self, store: Store) -> None:
        facts = store.put(world([], [], timezone="Europe/Madrid", scopes=["read_products"])).facts()
        assert (facts.timezone, facts.version) == ("Europe/Madrid", "2026-10")
        assert facts.scopes == {"read_products"}

    def test_locations_come_with_the_inactive_ones(self, store: Store) -> None:
        places = [{"id": 1, "name": "Main"}, {"id": 2, "name": "Old", "active": False}]
        found = store.put(world([], [], locations=places)).locations()
        assert [(each.id, each.name, each.active) for each in found] == [(1, "Main", True), (2, "Old", False)]


class TestLevels:
    def test_missing_inactive_and_gone_are_told_apart(self, store: Store) -> None:
        shown = [one(1, 5, committed=2), one(2, None), one(3, 4, active=False), one(4, -2)]
        found = store.put(world(shown, [])).levels([item(1), item(2), item(3), item(4), item(5)])
        assert found == {
            item(1): Level(active=True, quantities=Quantities(5, 2, 7)),
            item(2): None,
            item(3): Level(active=False, quantities=Quantities(4, 0, 4)),
            item(4): Level(active=True, quantities=Quantities(-2, 0, -2)),
        }

    def test_are_read_250_a_call(self, store: Store) -> None:
        shop = store.put(world([one(n) for n in range(1, 502)], []))
        assert len(shop.levels([item(n) for n in range(1, 502)])) == 501
        assert len(store.calls("nodes")) == 3

    def test_a_list_cut_short_is_not_taken_for_absence(self) -> None:
        node: JsonObject = {"__typename": "InventoryItem", "id": "gid://shopify/InventoryItem/1"}
        answer = Answer(200, {}, {"data": {"nodes": [node]}}, datetime.now(UTC))
        with pytest.raises(Malformed, match="asked for 2 objects, answered 1"):
            readers.levels(answer, [1, 2])

    def test_an_answer_to_another_question_is_not_taken_for_absence(self) -> None:
        node: JsonObject = {"__typename": "InventoryItem", "id": "gid://shopify/InventoryItem/1"}
        for asked in ([2], [1, 2]):
            answer = Answer(200, {}, {"data": {"nodes": [node] * len(asked)}}, datetime.now(UTC))
            with pytest.raises(Malformed, match="InventoryItem 1, which was not asked for"):
                readers.levels(answer, asked)

    def test_a_number_that_is_missing_is_unknown_not_zero(self) -> None:
        names: list[JsonObject] = [
            {"name": "available", "quantity": 3},
            {"name": "on_hand", "quantity": None},
        ]
        found = readers.level({"isActive": True, "quantities": list(names)})
        assert found == Level(active=True, quantities=None)

    @pytest.mark.parametrize("quantity", ["1e400", "-1e999", "2.5", '"3"', "true", "[]"])
    def test_a_number_of_units_is_a_whole_one(self, quantity: str) -> None:
        quantities = json.loads(f'[{{"name": "available", "quantity": {quantity}}}]')
        with pytest.raises(Malformed, match="expected a whole number"):
            readers.level({"isActive": True, "quantities": quantities})

    def test_everywhere_shows_all_places_active_or_not(self, store: Store) -> None:
        places = [{"id": 1, "name": "Main"}, {"id": 2, "name": "Shed"}]
        spread = variant(11, "A", 5) | {
            "levels": {
                "1": {"available": 5, "committed": 1},
                "2": {"available": 2, "incoming": 7, "active": False},
            }
        }
        shop = store.put(world([product(1, "X", spread)], [], locations=places))
        found = shop.levels_everywhere([50_011, 999_999])
        assert list(found) == [50_011]
        assert found[50_011].complete
        assert {
            (each.location_id, each.available, each.on_hand, each.incoming) for each in found[50_011].levels
        } == {
            (1, 5, 6, 0),
            (2, 2, 2, 7),
        }

    def test_snapshots_have_what_decides_over_a_deletion(self, store: Store) -> None:
        plain, odd = variant(11, "A", 5), variant(12, "B", 0, bundle=True, policy="CONTINUE", selling_plans=2)
        found = store.put(world([product(1, "X", plain, odd)], [])).snapshots([11, 12, 13])
        assert found.keys() == {11, 12}
        facts = found[12]
        assert (facts.product_id, facts.item_id, facts.siblings) == (1, 50_012, 2)
        assert (facts.policy, facts.is_bundle, facts.selling_plans) == ("CONTINUE", True, 2)
        assert facts.data["sku"] == "B"


class TestVariantsMadeAgain:
    """What a snapshot holds comes back by one call, and stands in the shop as it was."""

    WORN: ClassVar[World] = {
        "options": {"Size": "38", "Colour": "Red"},
        "barcode": "8412345678905",
        "price": "59.90",
        "compare_at_price": "79.90",
        "taxable": False,
        "cost": "21.50",
        "weight": 420.5,
        "requires_shipping": False,
        "metafields": {"custom.last": "Narrow", "custom.heel": {"value": "4", "type": "number_integer"}},
    }

    def put(self, store: Store, **more: object) -> Shopify:
        other = variant(11, "A", 5, options={"Size": "37", "Colour": "Red"})
        worn = variant(12, "B", 0, **{**self.WORN, **more})
        return store.put(world([product(1, "X", other, worn)], []))

    def test_with_all_that_their_snapshot_holds(self, store: Store) -> None:
        shop = self.put(store)
        before = shop.snapshots([12])[12]
        was = readers.recorded(before.data)
        shop.delete_variants(1, [12])

        (made,) = shop.create_variants(1, [was.variant])

        after = shop.snapshots([made.id])[made.id]
        assert (was.item_id, made.id == 12, made.item_id == was.item_id) == (50_012, False, False)
        assert readers.recorded(after.data).variant == was.variant
        assert {name for name in before.data if before.data[name] != after.data[name]} <= {
            "id",
            "inventoryItem",
            "product",
        }

    @pytest.mark.parametrize(("count", "whole"), [(0, True), (250, True), (251, False)])
    def test_a_snapshot_says_when_it_was_cut(self, store: Store, count: int, *, whole: bool) -> None:
        shop = self.put(store, metafields={f"custom.n{number}": "x" for number in range(count)})
        facts = shop.snapshots([12])[12]
        assert (facts.is_whole, readers.recorded(facts.data).metafields_cut) == (whole, not whole)

    def test_what_is_unknown_is_left_out(self) -> None:
        bare = replace(RED, sku=None, barcode=None, cost=None, weight=None, metafields=())
        given = calls.variant_input(bare)
        item = given["inventoryItem"]
        assert isinstance(item, dict)
        assert not {"barcode", "mediaId", "metafields", "inventoryQuantities"} & given.keys()
        assert not {"sku", "cost", "measurement"} & item.keys()

    def test_options_that_are_taken_are_refused(self, store: Store) -> None:
        shop = self.put(store)
        was = readers.recorded(shop.snapshots([12])[12].data)
        with pytest.raises(Refused) as refused:
            shop.create_variants(1, [was.variant])
        assert refused.value.codes == {"VARIANT_ALREADY_EXISTS"}

    def test_a_lost_answer_is_not_sent_again(self, store: Store) -> None:
        shop = self.put(store)
        store.sandbox.faults(
            [{"system": "shopify", "operation": "productVariantsBulkCreate", "kind": "lost_answer"}]
        )
        with pytest.raises(UnknownOutcome):
            shop.create_variants(1, [RED])
        assert len(store.calls("productVariantsBulkCreate")) == 1

    @pytest.mark.parametrize("count", [1, 250, 251, 600])
    def test_an_assortment_has_every_choice(self, store: Store, count: int) -> None:
        found = store.put(world([wide(7, count)], [])).assortment(7)
        assert found
        assert [each.id for each in found.choices] == [70_000 + n for n in range(1, count + 1)]
        assert found.options == ("Title",)

    def test_of_a_product_that_is_gone_there_is_none(self, store: Store) -> None:
        assert store.put(world([], [])).assortment(7) is None


def order(number: int, created: str, *quantities: int, **more: object) -> World:
    lines = [{"variant_id": 1011, "quantity": quantity} for quantity in quantities]
    return {"id": number, "created_at": created, "lines": lines} | more


class TestOrders:
    def at(self, hours: float) -> str:
        return (NOW - timedelta(hours=hours)).isoformat()

    def test_lines_since_a_moment_without_cancelled_and_test_orders(self, store: Store) -> None:
        orders = [
            order(1, self.at(1), 1, 2),
            order(2, self.at(2), 4, cancelled_at=self.at(1)),
            order(3, self.at(3), 8, test=True),
            order(4, self.at(4), 16),
            order(5, self.at(30), 32),
        ]
        shop = store.put(world([one()], [], orders=orders))
        lines = shop.order_lines(NOW - timedelta(hours=24))
        assert [(line.order_id, line.quantity) for line in lines] == [(1, 1), (1, 2), (4, 16)]
        assert {line.variant_id for line in lines} == {1011}

    def test_lines_beyond_the_first_page_are_followed(self, store: Store) -> None:
        shop = store.put(world([one()], [], orders=[order(1, self.at(1), *range(1, 601))]))
        lines = shop.order_lines(NOW - timedelta(hours=2))
        assert [line.quantity for line in lines] == list(range(1, 601))

    def test_the_walk_stops_at_the_moment(self, store: Store) -> None:
        shop = store.put(world([one()], [], orders=[order(n, self.at(n), 1) for n in range(1, 351)]))
        assert len(shop.order_lines(NOW - timedelta(hours=120.5))) == 120
        assert len(store.calls("orders")) == 2

    def test_a_line_without_a_variant_is_left_out(self, store: Store) -> None:
        custom = order(1, self.at(1), 3) | {"lines": [{"quantity": 3}, {"variant_id": 1011, "quantity": 1}]}
        shop = store.put(world([one()], [], orders=[custom]))
        assert [line.quantity for line in shop.order_lines(NOW - timedelta(hours=2))] == [1]


class TestSetQuantities:
    def test_sets_all_rows(self, store: Store) -> None:
        store.put(world([one(n) for n in range(1, 251)], []))
        set_one(store, *(Row(item(n), 5, n) for n in range(1, 251)))
        found = store.shop().levels([item(n) for n in range(1, 251)])
        assert [
            level and level.quantities and level.quantities.available for level in found.values()
        ] == list(range(1, 251))

    def test_on_hand_takes_the_committed_units_along(self, store: Store) -> None:
        shop = store.put(world([one(101, 5, committed=2)], []))
        shop.set_quantities([Row(item(), 7, 9)], name="on_hand", reference="evenstock://run/1", key="k")
        assert shop.levels([item()])[item()] == Level(active=True, quantities=Quantities(7, 2, 9))

    def test_a_lost_compare_writes_nothing_and_names_no_row(self, store: Store) -> None:
        store.put(world([one(1), one(2)], []))
        with pytest.raises(Refused) as caught:
            set_one(store, Row(item(1), 5, 3), Row(item(2), 4, 3))
        assert caught.value.codes == {STALE}
        assert [complaint.row for complaint in caught.value.complaints] == [None]
        assert store.sandbox.writes() == []

    def test_a_refused_row_is_named(self, store: Store) -> None:
        store.put(world([one(1), one(2, bundle=True)], []))
        with pytest.raises(Refused) as caught:
            set_one(store, Row(item(1), 5, 3), Row(999_999, 1, 2), Row(item(2), 5, 3))
        assert {(each.code, each.row) for each in caught.value.complaints} >= {("INVALID_INVENTORY_ITEM", 1)}
        with pytest.raises(Refused) as caught:
            set_one(store, Row(item(1), 5, 3), Row(item(2), 5, 3), key="key-2")
        assert [(each.code, each.row) for each in caught.value.complaints] == [
            ("NON_MUTABLE_INVENTORY_ITEM", 1)
        ]
        assert not caught.value.is_whole
        assert store.sandbox.writes() == []

    @pytest.mark.parametrize(("name", "reference"), [("committed", "evenstock://run/1"), ("available", "no")])
    def test_a_refusal_of_something_else_than_a_row_is_of_the_whole_call(
        self, store: Store, name: str, reference: str
    ) -> None:
        shop = store.put(world([one()], []))
        with pytest.raises(Refused) as caught:
            shop.set_quantities([Row(item(), 5, 3)], name=name, reference=reference, key="key-1")
        assert caught.value.is_whole
        assert store.sandbox.writes() == []

    @pytest.mark.parametrize("field", [None, [], ["input", "quantities"]])
    def test_a_refusal_may_name_no_row(self, field: list[str] | None) -> None:
        error: JsonObject = {"field": field, "message": "a bundle", "code": "NON_MUTABLE_INVENTORY_ITEM"}  # type: ignore[dict-item]
        (complaint,) = readers.complaints({"userErrors": [error]})
        assert (complaint.code, complaint.row) == ("NON_MUTABLE_INVENTORY_ITEM", None)

    def test_an_sku_has_characters_that_any_ledger_takes(self) -> None:
        node: JsonObject = {"id": "gid://shopify/ProductVariant/1", "sku": "24X\0-\ud800 ñ☂"}
        assert readers.sku(node) == (1, "24X\ufffd-\ufffd ñ☂")

    def test_a_refusal_is_in_words_that_any_ledger_takes(self) -> None:
        error: JsonObject = {"field": None, "message": "half\0 a\ud800", "code": "X" * 65}
        (complaint,) = readers.complaints({"userErrors": [error]})
        assert (len(complaint.code), complaint.message) == (64, "half a")

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "lost_answer"},
            {"kind": "malformed"},
            {"kind": "http_after", "status": 500},
            {"kind": "graphql_error", "after": True},
        ],
        ids=lambda fault: fault["kind"],
    )
    def test_a_lost_answer_is_told_and_not_sent_again(self, store: Store, fault: dict[str, object]) -> None:
        store.put(world([one()], []))
        store.fault(operation="inventorySetQuantities", **fault)
        with pytest.raises(UnknownOutcome):
            set_one(store, Row(item(), 5, 3))
        assert len(store.calls("inventorySetQuantities")) == 1
        assert [write["after"] for write in store.sandbox.writes() if write["name"] == "available"] == [3]

    @pytest.mark.parametrize(
        "body", [None, [], {}, {"data": None}, {"data": {"inventorySetQuantities": None}}]
    )
    def test_an_answer_that_tells_nothing_is_a_lost_one(self, store: Store, body: JsonValue) -> None:
        store.put(world([one()], []))
        store.tampering = lambda _, response: httpx.Response(response.status_code, json=body)
        with pytest.raises(UnknownOutcome, match="it may have been done"):
            set_one(store, Row(item(), 5, 3))
        assert len(store.calls("inventorySetQuantities")) == 1
        assert [write["after"] for write in store.sandbox.writes() if write["name"] == "available"] == [3]

    @pytest.mark.parametrize(
        "fault", [{"kind": "http", "status": 502}, {"kind": "graphql_error"}, {"kind": "timeout_before"}]
    )
    def test_nor_is_one_that_was_not_done(self, store: Store, fault: dict[str, object]) -> None:
        store.put(world([one()], []))
        store.fault(operation="inventorySetQuantities", **fault)
        with pytest.raises(UnknownOutcome):
            set_one(store, Row(item(), 5, 3))
        assert store.sandbox.writes() == []

    def test_an_empty_bucket_is_waited_for_with_the_same_key(self, store: Store) -> None:
        store.put(world([one()], []))
        store.fault(operation="inventorySetQuantities", kind="throttled", times=2)
        set_one(store, Row(item(), 5, 3), key="same")
        assert [call["key"] for call in store.calls("inventorySetQuantities")] == ["same"] * 3
        assert len(store.slept) == 2
        assert len([write for write in store.sandbox.writes() if write["name"] == "available"]) == 1

    def test_the_same_write_still_running_is_asked_for_again_with_the_same_key(self, store: Store) -> None:
        store.put(world([one()], []))
        set_one(store, Row(item(), 5, 3), key="same")
        (attempt,) = store.sandbox.shops[OWN].keys._attempts.values()
        attempt.verdict = Verdict.RUNNING

        def ends() -> None:
            attempt.verdict = Verdict.REPLAY

        store.meanwhile = ends
        set_one(store, Row(item(), 5, 3), key="same")
        assert [call["key"] for call in store.calls("inventorySetQuantities")] == ["same"] * 3
        assert [call["code"] for call in store.calls("inventorySetQuantities")] == [
            None,
            "IDEMPOTENCY_CONCURRENT_REQUEST",
            None,
        ]
        assert len(store.slept) == 1

    def test_a_write_that_never_stops_running_may_have_been_done(self, store: Store) -> None:
        store.put(world([one()], []))
        set_one(store, Row(item(), 5, 3), key="same")
        (attempt,) = store.sandbox.shops[OWN].keys._attempts.values()
        attempt.verdict = Verdict.RUNNING
        with pytest.raises(UnknownOutcome, match="still running"):
            set_one(store, Row(item(), 5, 3), key="same")
        assert (APP, OWN, "same") in store.sandbox.shops[OWN].keys._attempts

    def test_an_earlier_failure_with_the_key_is_told(self, store: Store) -> None:
        store.put(world([one()], []))
        for code in (STALE, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"):
            with pytest.raises(Refused) as caught:
                set_one(store, Row(item(), 1, 3), key="same")
            assert caught.value.codes == {code}


class TestOtherWrites:
    def test_tags_are_added_and_removed_and_survive_a_lost_answer(self, store: Store) -> None:
        shop = store.put(world([product(1, "X", tags=("old", "keep"))], []))
        store.fault(operation="tagsAdd", kind="lost_answer")
        assert shop.change_tags([TagChange(1, add=(MARK,))]) == {}
        shop.remove_tags(1, ["old", "never there"])
        (found,) = shop.products([1])
        assert set(found.tags) == {MARK, "keep"}

    def test_activation_brings_the_earlier_quantity_back(self, store: Store) -> None:
        shop = store.put(world([one(1, 4, active=False), one(2, None)], []))
        shop.activate(item(1), "a")
        shop.activate(item(2), "b")
        found = shop.levels([item(1), item(2)])
        assert {level and level.active for level in found.values()} == {True}
        assert found[item(1)] == Level(active=True, quantities=Quantities(4, 0, 4))

    def test_deletion_is_all_or_none(self, store: Store) -> None:
        shop = store.put(world([product(1, "X", variant(11, "A", 0), variant(12, "B", 0))], []))
        with pytest.raises(Refused) as caught:
            shop.delete_variants(1, [11, 999])
        assert [each.row for each in caught.value.complaints] == [1]
        with pytest.raises(Refused):
            shop.delete_variants(1, [11, 12])
        shop.delete_variants(1, [11])
        assert [each.id for each in shop.products([1])[0].variants] == [12]

    def test_a_product_is_archived(self, store: Store) -> None:
        shop = store.put(world([one(1)], []))
        shop.archive(1)
        assert shop.products([1])[0].status == "ARCHIVED"


class TestErrors:
    def test_no_right_is_unauthorised(self, store: Store) -> None:
        shop = store.put(world([one()], [], scopes=["read_products"]))
        with pytest.raises(Unauthorised, match="ACCESS_DENIED"):
            shop.levels([item()])

    def test_throttled_for_ever_is_told_with_the_wait(self, store: Store) -> None:
        shop = store.put(world([one()], []))
        store.fault(operation="*", kind="throttled", times=-1)
        with pytest.raises(RateLimited) as caught:
            shop.facts()
        assert caught.value.retry_after
        assert shop.http.usage.throttled == 4

    def test_a_part_of_an_answer_is_no_answer(self, store: Store) -> None:
        shop = store.put(world([one()], []))
        store.fault(operation="nodes", kind="graphql_error", times=-1)
        with pytest.raises(Transient, match="request id"):
            shop.levels([item()])

    @pytest.mark.parametrize(
        "gid",
        [
            "gid://shopify/Product/",
            "",
            "x",
            "gid://shopify/Product/1a",
            "gid://shopify/Product/²",
            f"gid://shopify/Product/{10**18}",
            None,
            7,
        ],
    )
    def test_an_id_that_is_none_is_malformed(self, gid: str | int | None) -> None:
        with pytest.raises(Malformed):
            readers.number(gid)

    def test_the_query_of_a_levels_id_is_not_its_number(self) -> None:
        assert readers.number("gid://shopify/InventoryLevel/12?inventory_item_id=34") == 12


class TestSecrets:
    def test_stay_out_of_logs_reprs_and_errors(self, store: Store, caplog: pytest.LogCaptureFixture) -> None:
        store.token = "shpat_0123456789abcdef0123456789abcdef"
        store.put(world([one()], [], token="another-token-than-ours"))
        shop = store.shop()
        with caplog.at_level(logging.DEBUG), pytest.raises(Unauthorised) as caught:
            shop.facts()
        seen = [caplog.text, repr(shop), repr(shop.http), str(caught.value), repr(caught.value)]
        assert all(store.token not in text for text in seen)
        assert "401" in str(caught.value)

    def test_of_calls_and_answers_stay_out_too(self, store: Store) -> None:
        store.put(world([one()], []))
        answer = store.http().send(calls.shop())
        assert TOKEN not in repr(answer) + repr(calls.shop())
        assert OWN not in repr(answer)


def test_a_variant_is_read_with_its_level(store: Store) -> None:
    shop = store.put(
        world([product(1, "X", variant(11, "A", 5, committed=1, tracked=False, position=1))], [])
    )
    (found,) = shop.products([1])
    level = Level(active=True, quantities=Quantities(5, 1, 6))
    assert found.variants == (
        Variant(
            id=11, product_id=1, item_id=50_011, sku="A", position=1, tracked=False, duplicates=0, level=level
        ),
    )
