"""A run deletes a variant, and `evenstock variants restore` brings it back: once and whole."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigurationError, LeaseLost
from connectors.ledger import Ledger, Operation, open_ledger
from connectors.settings import load_settings
from tasks.journal import product_resource
from tasks.restore import document, restore
from tests.flows.shell import Shell
from tests.flows.stage import Stage, staged
from tests.worlds import LOCATION, MARK, OWN, World, product, row, variant, world

pytestmark = pytest.mark.orchestrated

PROJECT = Path(__file__).parents[2]
CREATE = "productVariantsBulkCreate"
GONE = 10102
"""The variant that RMS says is sold out."""

WORN: World = {
    "options": {"Size": "38", "Colour": "Red"},
    "barcode": "8412345678905",
    "price": "49.90",
    "compare_at_price": "79.90",
    "taxable": False,
    "cost": "21.50",
    "weight": 420.5,
    "requires_shipping": False,
    "metafields": {"custom.last": "Narrow", "custom.heel": {"value": "4", "type": "number_integer"}},
}
"""All that a snapshot can hold and a creation can take."""


@pytest.fixture
def ledger(shop: Stage) -> Ledger:
    del shop
    return open_ledger(str(load_settings().needed("EVENSTOCK_DATABASE_URL")))


@pytest.fixture(scope="module")
def deleted(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> tuple[World, Path]:
    """The world and the ledger after a run has deleted size 38."""
    del prefect_server
    folder = tmp_path_factory.mktemp("deleted")
    with pytest.MonkeyPatch.context() as patch, staged(folder, patch.setenv) as stage:
        stage.put(a_shoe())
        stage.run()
        assert stage.levels() == {"24X101-37": 5}
        return stage.world(), folder / "ledger.db"


@pytest.fixture
def shop(stage: Stage, tmp_path: Path, deleted: tuple[World, Path]) -> Stage:
    """A shop whose size 38 a run has just deleted."""
    now, books = deleted
    with (
        closing(sqlite3.connect(books)) as kept,
        closing(sqlite3.connect(tmp_path / "ledger.db")) as copied,
    ):
        kept.backup(copied)
    stage.put(now)
    return stage


def a_shoe(**more: object) -> World:
    """Two sizes, of which RMS has only one."""
    left = variant(10101, "24X101-37", 5, inventory_item_id=70_000, options={"Size": "37", "Colour": "Red"})
    worn = variant(GONE, "24X101-38", 2, **{**WORN, **more})
    rows = [row("24X101", "24X101-37", 5), row("24X101", "24X101-38", 0)]
    return world([product(101, "24X101", left, worn)], rows)


def stock(stage: Stage, quantity: object, sku: str = "24X101-38") -> None:
    """Make RMS say so."""
    stage.event(system="rms", kind="edit", ccod="24X101", sku=sku, quantity=quantity)


def restored(variant_id: int = GONE, *, dry_run: bool = False) -> dict[str, Any]:
    return dict(document(restore(load_settings(), variant_id, dry_run=dry_run)))


def shown(stage: Stage, sku: str = "24X101-38") -> list[World]:
    """The variants of the world that carry an SKU."""
    products = stage.world()["shopify"][OWN]["products"]
    return [each for item in products for each in item["variants"] if each["sku"] == sku]


def of(stage: Stage, operation: str) -> int:
    """How many calls of an operation there were."""
    return sum(1 for call in stage.calls() if call["operation"] == operation)


def operations(ledger: Ledger) -> list[Operation]:
    """What the restores meant to write, oldest first."""
    runs = ledger.history("restore-variant")
    return [each for run in reversed(runs) for each in ledger.operations_of(run.id)]


def states(ledger: Ledger) -> list[str]:
    """How the calls that make variants ended."""
    return [each.state.value for each in operations(ledger) if each.kind == "create_variants"]


def kinds(ledger: Ledger) -> list[str]:
    """Of which kinds they were."""
    return [each.kind for each in operations(ledger)]


def killed(when: Callable[[], object]) -> None:
    """Restore in a process of its own, which is killed as soon as something is so."""
    command = [sys.executable, "-m", "flows", "variants", "restore", str(GONE), "--json"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
        try:
            wait_for(when)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(30)


def wait_for(what: Callable[[], object], seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.05)


class TestComesBack:
    def test_with_everything_that_its_snapshot_holds(self, shop: Stage) -> None:
        stock(shop, 4)

        told = restored()

        (made,) = shown(shop)
        assert {name: made.get(name) for name in WORN} == WORN
        assert (made["id"], made["inventory_item_id"]) == (
            told["new"]["variant_id"],
            told["new"]["inventory_item_id"],
        )
        assert told["old"] == {"variant_id": GONE, "inventory_item_id": 60102}
        assert GONE not in {made["id"], made["inventory_item_id"]}
        assert told["success"] is True

    def test_with_the_stock_that_rms_proves_by_a_compared_write(self, shop: Stage) -> None:
        stock(shop, 4)

        told = restored()

        assert shop.levels() == {"24X101-37": 5, "24X101-38": 4}
        assert told["level"] | {"note": ""} == {
            "outcome": "done", "reason": "", "meaning": "", "note": "", "from": 0, "to": 4,
        }  # fmt: skip
        made, *levels = [write for write in shop.writes() if write["what"] in {"variant", "level"}]
        assert made["operation"] == CREATE
        assert [(write["operation"], write["before"], write["after"]) for write in levels] == [
            ("inventorySetQuantities", 0, 4)
        ]

    @pytest.mark.parametrize("quantity", [None, "n/a"])
    def test_at_zero_when_rms_proves_nothing(self, shop: Stage, quantity: object) -> None:
        stock(shop, quantity)

        told = restored()

        assert shop.levels()["24X101-38"] == 0
        assert (told["level"]["outcome"], told["level"]["reason"]) == ("unknown", "unreadable_quantity")
        assert told["success"] is True
        assert of(shop, "inventorySetQuantities") == 0

    def test_at_zero_when_rms_is_down(self, shop: Stage) -> None:
        shop.faults(system="rms", kind="down")

        told = restored()

        assert (told["level"]["outcome"], told["level"]["reason"]) == ("unknown", "rms_unreachable")
        assert shop.levels()["24X101-38"] == 0

    def test_and_the_next_run_looks_at_the_product_again(self, shop: Stage) -> None:
        shop.faults(system="rms", kind="down")
        assert MARK in shop.tags()[101]

        restored()

        assert MARK not in shop.tags()[101]
        shop.sandbox.faults([])
        stock(shop, 7)
        assert shop.run()["balance"]["done"] == 1
        assert shop.levels()["24X101-38"] == 7

    @pytest.mark.usefixtures("shop")
    def test_and_is_warned_of_when_it_would_be_deleted_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = restored(dry_run=True)
        assert "would delete it again" in told["warnings"][0]
        monkeypatch.setenv("REVERSE_SYNC_DELETE_ZERO_STOCK", "false")
        assert restored()["warnings"] == []

    @pytest.mark.usefixtures("shop")
    def test_and_what_cannot_is_listed(self) -> None:
        told = " ".join(restored()["not_restored"])
        for word in ("ids", "orders", "markets", "translations", "selling plans", "place"):
            assert word in told

    def test_as_the_last_value_of_an_option(self, shop: Stage) -> None:
        """Size 38 went from the product's options with its only variant."""
        restored()
        assert {each["options"]["Size"] for each in shown(shop) + shown(shop, "24X101-37")} == {"37", "38"}

    def test_beside_a_lone_variant(self, shop: Stage) -> None:
        restored()
        assert len(shown(shop, "24X101-37")) == 1

    def test_fed_by_the_truth_that_fed_it_before(self, shop: Stage, ledger: Ledger) -> None:
        ledger.move_level(OWN, 60102, LOCATION, "partner:a")
        stock(shop, 4)

        told = restored()

        assert (told["level"]["outcome"], told["level"]["reason"]) == ("refused", "other_truth")
        assert shop.levels()["24X101-38"] == 0
        item = told["new"]["inventory_item_id"]
        assert ledger.levels_of(OWN, LOCATION, [item])[item].owner_truth == "partner:a"


class TestOnce:
    def test_a_second_time_is_refused_with_the_new_id(self, shop: Stage) -> None:
        first = restored()
        with pytest.raises(ConfigurationError, match=f"already.*{first['new']['variant_id']}"):
            restored()
        assert len(shown(shop)) == 1

    def test_a_lost_answer_is_settled_by_reading(self, shop: Stage, ledger: Ledger) -> None:
        shop.faults(operation=CREATE, kind="lost_answer")

        told = restored()

        assert of(shop, CREATE) == 1
        assert [each["id"] for each in shown(shop)] == [told["new"]["variant_id"]]
        assert states(ledger) == ["settled"]

    @pytest.mark.parametrize("kind", ["malformed", "http_after"])
    def test_and_so_is_any_answer_that_tells_nothing(self, shop: Stage, kind: str) -> None:
        shop.faults(operation=CREATE, kind=kind, status=500)
        assert restored()["success"]
        assert (of(shop, CREATE), len(shown(shop))) == (1, 1)

    def test_what_was_not_made_is_sent_again(self, shop: Stage, ledger: Ledger) -> None:
        shop.faults(operation=CREATE, kind="timeout_before")
        assert restored()["success"]
        assert (of(shop, CREATE), len(shown(shop))) == (2, 1)
        assert states(ledger) == ["settled", "applied"]

    def test_killed_between_the_call_and_the_ledger(
        self, shop: Stage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process dies while the call is under way; the call arrives all the same."""
        monkeypatch.setenv("REVERSE_SYNC_LOCK_SECONDS", "4")
        stock(shop, 4)
        shop.faults(operation=CREATE, kind="slow", seconds=1)
        killed(shop.has_met)
        assert states(ledger) == ["intended"]
        wait_for(lambda: shown(shop))
        with pytest.raises(LeaseLost):
            restored()
        wait_for(lambda: ledger.live("product:", datetime.now(UTC)) == 0)

        told = restored()

        assert told["made_before"] is True
        assert [each["id"] for each in shown(shop)] == [told["new"]["variant_id"]]
        assert shop.levels()["24X101-38"] == 4
        assert states(ledger) == ["settled"]
        assert of(shop, CREATE) == 1

    def test_killed_while_its_level_is_written(
        self, shop: Stage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The variant is back and known by its new ids; the next run finishes its level."""
        monkeypatch.setenv("REVERSE_SYNC_LOCK_SECONDS", "4")
        stock(shop, 4)
        shop.faults(operation="inventorySetQuantities", kind="timeout_before", seconds=1)
        killed(lambda: "set_quantities" in kinds(ledger))
        with pytest.raises(ConfigurationError, match="restored already"):
            restored()
        wait_for(lambda: ledger.live("product:", datetime.now(UTC)) == 0)

        report = shop.run()

        assert report["balance"]["failed"] == 0
        assert shop.levels() == {"24X101-37": 5, "24X101-38": 4}
        assert (of(shop, CREATE), len(shown(shop))) == (1, 1)

    def test_killed_before_the_new_ids_are_in_the_ledger(self, shop: Stage, ledger: Ledger) -> None:
        """The variant is made and its answer heard, but the ledger takes no new ids."""
        stock(shop, 4)
        with ledger.database.writing() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER full BEFORE UPDATE OF restored_at ON snapshots "
                "BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
        with pytest.raises(Exception, match="no room"):
            restored()
        with ledger.database.writing() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")

        told = restored()

        assert told["made_before"] is True
        assert [each["id"] for each in shown(shop)] == [told["new"]["variant_id"]]
        assert (of(shop, CREATE), shop.levels()["24X101-38"]) == (1, 4)

    def test_of_two_at_once_one_makes_it(self, shop: Stage) -> None:
        shop.faults(operation=CREATE, kind="slow", seconds=0.3)

        def attempt() -> str:
            try:
                return str(restored()["new"]["variant_id"])
            except (LeaseLost, ConfigurationError) as error:
                return str(error)

        with ThreadPoolExecutor(3) as pool:
            answers = [each.result() for each in [pool.submit(attempt) for _ in range(3)]]

        (made,) = shown(shop)
        assert answers.count(str(made["id"])) == 1
        assert of(shop, CREATE) == 1

    def test_not_while_another_run_works_on_the_product(self, shop: Stage, ledger: Ledger) -> None:
        fences = ledger.acquire([product_resource(OWN, 101)], "a run", 300, datetime.now(UTC))
        with pytest.raises(LeaseLost):
            restored()
        assert shop.writes() == []
        ledger.release(fences, "a run")
        assert restored()["success"]

    def test_a_run_that_had_looked_before_leaves_the_product_alone(self, ledger: Ledger) -> None:
        since = datetime.now(UTC)
        restored()
        assert ledger.written_by_others(OWN, "a run", since, takes=timedelta(0), marking=None) == {101}

    def test_after_a_refusal_it_may_be_tried_again(self, shop: Stage, ledger: Ledger) -> None:
        shop.faults(operation=CREATE, kind="graphql_error", code="ACCESS_DENIED")
        with pytest.raises(Exception, match="ACCESS_DENIED"):
            restored()
        kept = ledger.deleted_variant(OWN, GONE)
        assert kept
        assert kept.restore_key is None
        assert restored()["made_before"] is False


class TestRefused:
    def refused(self, why: str, stage: Stage, variant_id: int = GONE) -> None:
        stage.forget_calls()
        for dry_run in (True, False):
            with pytest.raises(ConfigurationError, match=why):
                restored(variant_id, dry_run=dry_run)
        assert stage.writes() == []

    def change(self, stage: Stage, **more: object) -> None:
        """Put the product as it is now, with some of it changed."""
        now = stage.world()
        now["shopify"][OWN]["products"][0] |= more
        stage.put(now)

    def add(self, stage: Stage, *variants: World) -> None:
        now = stage.world()
        now["shopify"][OWN]["products"][0]["variants"] += variants
        stage.put(now)

    def test_without_a_snapshot(self, shop: Stage) -> None:
        self.refused("no snapshot of a deleted variant 10101", shop, 10101)

    def test_of_another_account(self, shop: Stage, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            connection.exec_driver_sql("UPDATE snapshots SET account = 'other.example'")
        self.refused("no snapshot", shop)

    def test_when_the_product_is_gone(self, shop: Stage) -> None:
        shop.event(kind="delete_product", product_id=101)
        self.refused("product 101 is gone", shop)

    def test_when_the_product_is_archived(self, shop: Stage) -> None:
        self.change(shop, status="ARCHIVED")
        self.refused("archived", shop)

    def test_when_it_still_exists(self, shop: Stage) -> None:
        self.add(shop, variant(GONE, "24X101-38", 0, options={"Size": "39", "Colour": "Red"}))
        self.refused("still exists", shop)

    def test_when_its_options_are_taken(self, shop: Stage) -> None:
        self.add(shop, variant(10109, "other", 0, options={"Size": "38", "Colour": "Red"}))
        self.refused("Size 38, Colour Red already: variant 10109", shop)

    def test_when_somebody_made_it_by_hand(self, shop: Stage) -> None:
        self.add(shop, variant(10109, "24X101-38", 0, options={"Size": "38", "Colour": "Red"}))
        self.refused("already: variant 10109", shop)

    def test_when_its_sku_has_a_twin_anywhere(self, shop: Stage) -> None:
        now = shop.world()
        now["shopify"][OWN]["products"].append(product(102, "X", variant(10201, " 24x101-38", 1)))
        shop.put(now)
        self.refused("variant 10201 of the shop has the SKU", shop)

    def test_when_the_products_options_are_others(self, shop: Stage) -> None:
        now = shop.world()
        now["shopify"][OWN]["products"][0]["variants"][0]["options"] = {"Size": "37"}
        shop.put(now)
        self.refused("had the options Size, Colour, but product 101 has Size now", shop)

    def test_when_the_product_is_full(self, shop: Stage) -> None:
        many = [
            variant(200_000 + n, f"N-{n}", 0, options={"Size": f"{n}", "Colour": "Blue"})
            for n in range(2_047)
        ]
        self.add(shop, *many)
        self.refused("full: it has 2048 variants", shop)


class TestCommand:
    def test_lists_what_was_deleted_and_what_came_back(self, evenstock: Shell, shop: Stage) -> None:
        (before,) = evenstock("variants", "list", "--json").document["variants"]
        assert (before["variant_id"], before["sku"], before["restored_at"]) == (GONE, "24X101-38", None)
        assert before["options"] == {"Size": "38", "Colour": "Red"}

        told = evenstock("variants", "restore", f"gid://shopify/ProductVariant/{GONE}", "--json")

        assert told.status == 0
        (after,) = evenstock("variants", "list", "--json").document["variants"]
        assert after["restored_variant_id"] == told.document["new"]["variant_id"]
        text = evenstock("variants", "list").out
        assert "24X101-38" in text
        assert str(after["restored_variant_id"]) in text
        assert len(shown(shop)) == 1

    def test_a_dry_run_tells_the_same_and_writes_nothing(
        self, evenstock: Shell, shop: Stage, ledger: Ledger
    ) -> None:
        stock(shop, 4)

        said = evenstock("variants", "restore", str(GONE), "--dry-run")
        document = evenstock("variants", "restore", str(GONE), "--dry-run", "--json").document

        assert said.status == 0
        assert "Its level would be set to 4, as RMS says." in said.out
        assert (document["dry_run"], document["new"], document["level"]["outcome"]) == (
            True,
            None,
            "not_sent",
        )
        assert document["not_restored"]
        assert shop.writes() == []
        assert ledger.history("restore-variant") == []
        assert MARK in shop.tags()[101]

    def test_tells_people_the_new_ids_and_what_is_lost(self, evenstock: Shell, shop: Stage) -> None:
        stock(shop, 4)

        said = evenstock("variants", "restore", str(GONE))

        (made,) = shown(shop)
        assert said.status == 0
        assert f"variant {GONE} is back as variant {made['id']}" in said.out
        assert "Its level was set to 4, as RMS says." in said.out
        assert "- translations" in said.out

    def test_is_offered_when_a_deleted_variant_is_in_stock_again(self, evenstock: Shell, shop: Stage) -> None:
        stock(shop, 4)
        said = evenstock("run", "reverse-stock-sync", "--products", "[101]")
        assert said.status == 0
        assert "evenstock variants list|restore ID" in said.out

    def test_takes_no_name_for_a_command(self, evenstock: Shell, shop: Stage) -> None:
        now = shop.world()
        now["shopify"][OWN]["products"][0]["title"] = "[red]Shoe\x1b[2J"
        shop.put(now)
        said = evenstock("variants", "restore", str(GONE), "--dry-run")
        assert "[red]Shoe" in said.out
        assert "\x1b" not in said.out

    def test_respects_the_emergency_stop(
        self, evenstock: Shell, shop: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EVENSTOCK_WRITES", "off")
        said = evenstock("variants", "restore", str(GONE))
        assert said.status == 1
        assert "EVENSTOCK_WRITES=off" in said.err
        assert evenstock("variants", "restore", str(GONE), "--dry-run").status == 0
        assert shop.writes() == []

    def test_ends_with_1_when_the_stock_could_not_be_set(self, evenstock: Shell, shop: Stage) -> None:
        stock(shop, 4)
        shop.faults(operation="inventorySetQuantities", kind="http", status=403)
        said = evenstock("variants", "restore", str(GONE), "--json")
        assert (said.status, said.document["success"]) == (1, False)
        assert said.document["new"]
        assert shop.levels()["24X101-38"] == 0

    @pytest.mark.usefixtures("shop")
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["variants"], "list|restore"),
            (["variants", "restore"], "ID"),
            (["variants", "restore", "24X101-38"], "is no variant's number or gid"),
            (["variants", "restore", "7"], "no snapshot of a deleted variant 7"),
        ],
    )
    def test_bad_input_is_one_clear_line(self, evenstock: Shell, words: list[str], expected: str) -> None:
        said = evenstock(*words)
        assert (said.status, said.out) == (2, "")
        assert expected in said.err
        assert said.err.count("\n") == 1


@pytest.mark.parametrize("quantity", [4, None])
def test_is_stocked_at_the_configured_location(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, quantity: int | None
) -> None:
    """Shopify stocks a new variant where it likes; the level of the other location is left alone."""
    monkeypatch.setenv("SHOPIFY_LOCATION_ID", "2")
    now = a_shoe()
    now["shopify"][OWN]["locations"] = [{"id": 1, "name": "Attic"}, {"id": 2, "name": "Main"}]
    for each in now["shopify"][OWN]["products"][0]["variants"]:
        each["levels"] = {"2": each["levels"].pop("1")}
    stage.put(now)
    stage.run()
    stock(stage, quantity)

    told = restored()

    (made,) = shown(stage)
    assert made["levels"]["2"]["available"] == (quantity or 0)
    assert made["levels"].get("1", {"available": 0})["available"] == 0
    assert "other locations" not in " ".join(told["not_restored"])


pytest_plugins = ["tests.databases"]


def test_on_postgresql_too(stage: Stage, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", postgres_url)
    stage.put(a_shoe())
    stage.run()
    stock(stage, 4)
    stage.faults(operation=CREATE, kind="lost_answer")

    told = restored()

    assert [each["id"] for each in shown(stage)] == [told["new"]["variant_id"]]
    assert stage.levels()["24X101-38"] == 4
    with pytest.raises(ConfigurationError, match="restored already"):
        restored()
