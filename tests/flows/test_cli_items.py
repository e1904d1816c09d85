"""`evenstock accounts`, `items`, `orders` and `migrate-queue`: what they say, store and refuse."""

import io
import json
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.ledger import Ledger, ListingKey, ListingNote, ListingStatus, open_ledger
from connectors.settings import load_settings
from flows.cli import main
from tasks.market_accounts import credentials, enabled_markets
from tests.connectors.market_samples import a_write, an_order, cancelled
from tests.flows.test_cli_partners import KEY, Said
from tests.ledgers import sqlite_in
from tests.worlds import NOW

LINK = {"consumer_key": "CK-1", "consumer_secret": "CS-hush", "token": "TV-1", "token_secret": "TS-hush"}
BRICK = (
    "name=Brick 2 x 4",
    "partNumber=3001",
    "colorId=5",
    "quantityAvailable=10",
    "condition=new",
    "price=0.25",
)


class Desk:
    """Types commands, with something on standard input."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._patch, self._capsys = folder, patch, capsys

    def __call__(self, *words: str, typed: str = "") -> Said:
        self._capsys.readouterr()
        self._patch.setattr("sys.stdin", io.StringIO(typed))
        status = main(words)
        return Said(status, *self._capsys.readouterr())

    @property
    def ledger(self) -> Ledger:
        return open_ledger(load_settings().needed("EVENSTOCK_DATABASE_URL"))

    def enter(self, account: str = "default") -> str:
        """Credentials for both marketplaces, and an item; its id."""
        typed = "\n".join(f"{name}={value}" for name, value in (LINK | {"api_key": "owl-hush"}).items())
        assert self("accounts", "add", account, "--unchecked", typed=typed).status == 0
        return str(self("items", "add", *BRICK, "--account", account, "--json").document["item_id"])

    def migrate(self, *rows: object, dry_run: bool = False) -> Said:
        file = self.folder / "queue.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        file.write_text("\n".join([*lines, ""]))
        return self("migrate-queue", str(file), "--json", *(["--dry-run"] if dry_run else []))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", sqlite_in(tmp_path))
    monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
    monkeypatch.setenv("EVENSTOCK_NOW", NOW.isoformat())
    return Desk(tmp_path, monkeypatch, capsys)


class TestAccounts:
    @pytest.mark.parametrize(
        "typed",
        [
            "\n".join(f"{name}={value}" for name, value in LINK.items()),
            "\n".join(f"BRICKLINK_{name.upper()}={value}" for name, value in LINK.items()),
            "\n".join(json.dumps({name: value}) for name, value in LINK.items()),
            json.dumps(LINK, indent=2),
            json.dumps({"bricklink": LINK}),
        ],
        ids=["lines", "settings", "json-lines", "json", "nested"],
    )
    def test_secrets_come_in_by_any_common_form_and_stay_secret(self, desk: Desk, typed: str) -> None:
        said = desk("accounts", "add", "shop-2", "--bricklink", "--unchecked", typed=typed)

        assert (said.status, said.err) == (0, "")
        settings = load_settings()
        kept = credentials(settings, desk.ledger, "shop-2", "bricklink")
        assert {name: secret.get_secret_value() for name, secret in kept.items()} == LINK
        assert enabled_markets(settings, desk.ledger, "shop-2") == ("bricklink",)
        assert enabled_markets(settings, desk.ledger, "default") == ()
        for place in (said.out, *map(str, _everything(desk.folder))):
            assert "hush" not in place

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ("", "must give consumer_key, consumer_secret, token, token_secret, as name=value or JSON"),
            ("consumer_key=CK-1\ntoken=TV-1", "must give consumer_secret, token_secret,"),
            ("CS-hush", "line 1 of standard input is not name=value"),
            ("{CS-hush", "neither JSON objects nor name=value"),
            ("CS-hush!=x", "nobody knows a name but consumer_key, consumer_secret"),
            ("tokem=CS-hush", "nobody knows the name tokem (did you mean token?)"),
            ('{"token": 5}', "token must be a text of 4 to 500 letters"),
        ],
    )
    def test_what_cannot_be_credentials_is_refused_without_repeating_it(
        self, desk: Desk, typed: str, sentence: str
    ) -> None:
        said = desk("accounts", "add", "shop-2", "--bricklink", "--unchecked", typed=typed)

        assert (said.status, said.out) == (2, "")
        assert sentence in said.err
        assert "hush" not in said.err
        assert desk.ledger.market_accounts() == []

    def test_without_a_key_nothing_is_stored(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("EVENSTOCK_SECRET_KEY")
        said = desk("accounts", "add", "shop-2", typed="api_key=owl-hush")
        assert (said.status, desk.ledger.market_accounts()) == (2, [])
        assert "not set: EVENSTOCK_SECRET_KEY" in said.err

    def test_the_default_account_may_live_in_the_settings(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BRICKOWL_API_KEY", "owl-hush")
        rows = desk("accounts", "list", "--json").document["accounts"]
        assert [(row["account"], row["marketplace"], row["credentials"]) for row in rows] == [
            ("default", "bricklink", "none"),
            ("default", "brickowl", "settings"),
        ]
        monkeypatch.setenv("BRICKLINK_TOKEN", "TV-1")
        said = desk("accounts", "list")
        assert said.status == 2
        assert (
            "not set: BRICKLINK_CONSUMER_KEY, BRICKLINK_CONSUMER_SECRET, BRICKLINK_TOKEN_SECRET" in said.err
        )

    def test_switched_off_is_listed_nowhere_and_removed_has_no_secrets(self, desk: Desk) -> None:
        item = desk.enter()
        assert desk("accounts", "disable", "default", "--brickowl").status == 0
        assert [key.marketplace for key in desk.ledger.behind(NOW)] == ["bricklink"]
        assert "takes no part" in desk("accounts", "list").out
        assert desk("accounts", "enable", "default").status == 0
        assert len(desk.ledger.behind(NOW)) == 2

        assert desk("accounts", "remove", "default").status == 0
        assert desk.ledger.secret_names("default") == []
        assert desk.ledger.behind(NOW) == []
        assert desk.ledger.item("default", item) is not None
        assert "there is no account nobody; those are: default" in desk("accounts", "disable", "nobody").err


def _everything(folder: Path) -> list[Any]:
    with sqlite3.connect(folder / "ledger.db") as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return [row for name in tables for row in connection.execute(f'SELECT * FROM "{name}"')]  # noqa: S608


class TestItems:
    def test_an_item_is_added_changed_shown_and_deleted(self, desk: Desk) -> None:
        item = desk.enter()
        assert len(item) == 12

        changed = desk("items", "change", item, "quantityAvailable=7", "--reason", "counted", "--json")
        assert changed.document["revision"] == 2
        assert changed.document["marketplaces"]["bricklink"] | {"expected": None} == {
            "enabled": True,
            "status": "syncing",
            "lot_id": None,
            "synced_revision": 0,
            "error": None,
            "expected": None,
            "review": None,
            "next_attempt_at": None,
        }
        shown = desk("items", "show", item, "--json").document
        assert (shown["quantityAvailable"], shown["price"], shown["partNumber"]) == (7, "0.25", "3001")
        assert "syncing, owes +7" in desk("items", "list").out
        assert desk("items", "delete", item).status == 0
        assert desk("items", "list", "--json").document == {"items": []}
        history = desk("items", "history", item, "--json").document["history"]
        assert [(entry["change_type"], entry["reason"]) for entry in history] == [
            ("delete", ""),
            ("update", "counted"),
            ("create", ""),
        ]

    def test_a_list_of_none_says_whether_there_are_others(self, desk: Desk) -> None:
        assert desk("items", "list").out == "There is no item yet in the account default.\n"
        desk.enter()
        assert "no such item" in desk("items", "list", "--status", "parked").out

    def test_a_dry_run_changes_nothing(self, desk: Desk) -> None:
        item = desk.enter()
        said = desk("items", "change", item, "quantityAvailable=7", "--dry-run", "--json")
        assert (said.document["dry_run"], said.document["item"]["quantityAvailable"]) == (True, 7)
        assert desk("items", "add", *BRICK, "--dry-run", "--json").document["item_id"] is None
        assert [each.quantity_available for each in desk.ledger.items("default")] == [10]
        assert len(desk.ledger.item_history("default", item)) == 1

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("change", "ITEM", "quantityAvailable=-1"), "quantityAvailable must not be negative"),
            (("change", "ITEM", "quantity=1"), "there is no field quantity"),
            (("change", "ITEM", "notes"), "notes is not NAME=VALUE"),
            (("change", "ITEM", "notes=a", "notes=b"), "notes is given twice"),
            (("change", "ITEM", "notes=a", "--role", "member"), "role: member may not update items"),
            (("change", "ITEM", "notes=a", "--account", "other"), "not found in the account other"),
            (("delete", "ITEM", "--account", "other"), "not found in the account other"),
            (("show", "nothing"), "item nothing not found"),
            (("add", "price=1"), "partNumber is missing"),
        ],
    )
    def test_what_may_not_be_is_one_line(self, desk: Desk, words: tuple[str, ...], sentence: str) -> None:
        item = desk.enter()
        said = desk("items", *(word.replace("ITEM", item) for word in words))

        assert (said.status, said.out) == (2, "")
        assert sentence in said.err
        assert desk.ledger.item_history("default", item)[0].revision == 1

    def test_what_is_parked_is_tried_again_when_a_person_says_so(self, desk: Desk) -> None:
        item = desk.enter()
        key = ListingKey("default", item, "bricklink")
        desk.ledger.note(key, 1, ListingNote(ListingStatus.PARKED, "no such part", "no_item"), NOW)
        assert "no such part" in desk("items", "list", "--status", "parked").out

        assert desk("items", "retry", "--account", "other", "--json").document == {"listings": 0}
        assert desk("items", "retry", "--json").document == {"listings": 1}
        assert desk("items", "list", "--status", "parked", "--json").document == {"items": []}
        assert desk("items", "retry", item, "--brickowl", "--json").document == {"listings": 1}


class TestOrders:
    def back(self, desk: Desk, *places: str) -> str:
        """An item with a cancelled order of two of its units on each of these marketplaces."""
        item = desk.enter()
        for market in places:
            key = ListingKey("default", item, market)
            view = desk.ledger.view(key)
            assert view is not None
            write = a_write(view, "w")
            assert desk.ledger.begin_write(write)
            desk.ledger.finish_write(write.id, NOW, lot_id="77")
            desk.ledger.book_order("default", market, cancelled(an_order("100", 2, lot="77")), NOW)
        return item

    def test_units_that_came_back_are_listed_and_restocked_once(self, desk: Desk) -> None:
        item = self.back(desk, "bricklink")
        assert "bricklink/100" in desk("orders", "list").out

        said = desk("orders", "restock", "100", "--by", "ann", "--json")
        assert said.document == {"order": "100", "units": 2, "state": "restocked"}
        stored = desk.ledger.item("default", item)
        assert stored is not None
        assert stored.quantity_available == 10
        assert desk("orders", "list").out == "No order waits for a person.\n"
        (row,) = desk("orders", "list", "--all", "--json").document["reviews"]
        assert (row["state"], row["resolved_by"], row["part_number"]) == ("restocked", "ann", "3001")
        again = desk("orders", "write-off", "100")
        assert again.status == 2
        assert "no units of order 100 wait in the account default; orders that wait: none" in again.err

    def test_an_order_that_both_marketplaces_have_is_named_with_its_place(self, desk: Desk) -> None:
        item = self.back(desk, "bricklink", "brickowl")
        assert "name it bricklink/100" in desk("orders", "write-off", "100").err
        assert desk("orders", "write-off", "brickowl/100", "--account", "other").status == 2
        assert desk("orders", "write-off", "brickowl/100").status == 0
        assert [each.marketplace for each in desk.ledger.reviews()] == ["bricklink"]
        stored = desk.ledger.item("default", item)
        assert stored is not None
        assert stored.quantity_available == 6


class TestMigrateQueue:
    ROW: ClassVar[dict[str, Any]] = {
        "businessAccountId": "default",
        "inventoryItemId": "k57abc",
        "changeType": "create",
        "newData": {
            **dict(pair.split("=") for pair in BRICK),
            "quantityAvailable": 10,
            "_id": "k57abc",
            "createdBy": "u1",
            "bricklinkSyncStatus": "pending",
        },
        "correlationId": "c-1",
        "createdAt": NOW.timestamp() * 1000,
        "syncStatus": "pending",
    }

    def later(self, seconds: int, correlation: str, **new: object) -> dict[str, object]:
        at = (NOW.timestamp() + seconds) * 1000
        change: dict[str, object] = {"changeType": "update", "newData": new, "previousData": {"price": 1}}
        return self.ROW | change | {"correlationId": correlation, "createdAt": at}

    def test_pending_changes_are_applied_once_in_order(self, desk: Desk) -> None:
        rows = [
            self.ROW,
            self.later(10, "c-2", quantityAvailable=8),
            self.later(5, "c-3", quantityAvailable=99),
            self.later(20, "c-4", quantityAvailable=7, notes="near mint"),
            self.later(20, "c-4", quantityAvailable=7, notes="near mint"),
            self.ROW | {"correlationId": "c-5", "syncStatus": "synced"},
        ]
        for applied, before in ((3, 1), (0, 4)):
            said = desk.migrate(*rows)
            assert said.status == 0
            assert said.document["counts"] == {
                "applied": applied,
                "applied_before": before,
                "outdated": 1,
                "not_pending": 1,
                "bad": 0,
            }
            (line,) = said.document["lines"]
            assert line["line"] == 3
            assert "of 2026-11-21 10:00:05 UTC, but item k57abc has changed since" in line["reason"]

        item = desk.ledger.item("default", "k57abc")
        assert item is not None
        assert (item.quantity_available, item.notes, item.revision) == (7, "near mint", 3)
        history = desk.ledger.item_history("default", item.id)
        assert [entry.correlation_id for entry in history] == ["c-4", "c-2", "c-1"]
        assert desk("items", "show", "k57abc", "--json").document["item_id"] == item.id

    def test_a_dry_run_says_the_same_of_every_line_and_changes_nothing(self, desk: Desk) -> None:
        item = desk.enter()
        rows = [
            self.ROW,
            self.later(10, "c-2", quantityAvailable=8),
            self.later(5, "c-3", quantityAvailable=99),
            self.later(10, "c-2", quantityAvailable=8),
            self.later(20, "c-4", quantityAvailable=-1),
            self.later(30, "c-5") | {"changeType": "delete", "newData": None},
            self.later(40, "c-6", quantityAvailable=1),
            self.later(5, "c-7", quantityAvailable=4) | {"inventoryItemId": item},
            self.later(6, "c-8", partNumber="3002") | {"inventoryItemId": item},
        ]
        before = desk.ledger.items("default"), desk.ledger.item_history("default", item)
        tried = desk.migrate(*rows, dry_run=True)
        assert (tried.document["dry_run"], tried.status) == (True, 1)
        assert (desk.ledger.items("default"), desk.ledger.item_history("default", item)) == before
        told = {line["line"]: line["reason"] for line in tried.document["lines"]}
        assert told[1].startswith("would make item k57abc of the account default: Brick 2 x 4, ")
        assert told[2] == "would change item k57abc: quantityAvailable 10 to 8"
        assert told[6] == "would delete item k57abc"
        assert told[8] == f"would change item {item}: quantityAvailable 10 to 4"
        done = desk.migrate(*rows)
        assert done.document["counts"] == tried.document["counts"]
        wrong = [line["line"] for line in done.document["lines"]]
        assert wrong == [3, 5, 7, 9]
        assert wrong == [line["line"] for line in tried.document["lines"] if line["fate"] != "applied"]

    def test_bad_lines_are_named_and_stop_only_themselves(self, desk: Desk) -> None:
        rows = [
            "{not json",
            "",
            "[1]",
            self.ROW | {"changeType": "upsert"},
            self.ROW | {"createdAt": "soon"},
            self.ROW | {"newData": {**self.ROW["newData"], "quantityAvailable": -1}},
            self.later(1, "c-9", quantityAvailable=3) | {"inventoryItemId": "other"},
            self.ROW | {"businessAccountId": None},
            self.ROW,
            '{"newData": {"price": NaN}}',
            self.ROW | {"inventoryItemId": "x" * 201},
            self.ROW | {"correlationId": "half \ud800"},
        ]
        said = desk.migrate(*rows)

        assert said.status == 1
        assert said.document["counts"]["applied"] == 1
        found = {line["line"]: line["reason"] for line in said.document["lines"]}
        expected = {
            1: "is no JSON",
            3: "is no JSON object",
            4: "changeType is 'upsert'",
            5: "createdAt must be a time",
            6: "quantityAvailable must not be negative",
            7: "partNumber is missing",
            8: "businessAccountId is missing",
            10: "NaN is no number",
            11: "inventoryItemId must be a word of 200 characters at the most",
            12: "correlationId must be a word of 200 characters",
        }
        assert found.keys() == expected.keys()
        assert all(sentence in found[number] for number, sentence in expected.items())

    def test_an_item_known_here_follows_what_is_newer_and_nothing_else(self, desk: Desk) -> None:
        item = desk.enter()
        mine = {"inventoryItemId": item}
        said = desk.migrate(
            self.later(-5, "c-1", quantityAvailable=3) | mine,
            self.later(5, "c-2", quantityAvailable=4) | mine,
            self.ROW | mine | {"correlationId": "c-3"},
            self.later(9, "c-4") | mine | {"changeType": "delete", "newData": None},
            self.later(12, "c-5", quantityAvailable=5) | mine,
            self.later(12, "c-6") | {"changeType": "delete", "inventoryItemId": "gone"},
        )

        assert said.document["counts"] | {"not_pending": 0} == {
            "applied": 2,
            "applied_before": 0,
            "outdated": 4,
            "not_pending": 0,
            "bad": 0,
        }
        stored = desk.ledger.item("default", item)
        assert stored is not None
        assert (stored.quantity_available, stored.is_archived) == (4, True)

    def test_accounts_stay_apart(self, desk: Desk) -> None:
        item = desk.enter()
        said = desk.migrate(
            self.later(5, "c-1", quantityAvailable=4)
            | {"inventoryItemId": item, "businessAccountId": "other"}
        )
        assert said.status == 1
        assert [each.quantity_available for each in desk.ledger.items("default")] == [10]
        assert desk.ledger.items("other") == []

    def test_a_file_that_is_not_there_is_one_line(self, desk: Desk) -> None:
        said = desk("migrate-queue", str(desk.folder / "nothing.jsonl"))
        assert (said.status, said.out) == (2, "")
        assert "nothing.jsonl cannot be read" in said.err

    def test_a_line_without_end_takes_no_memory_and_no_other_line_with_it(self, desk: Desk) -> None:
        said = desk.migrate("x" * 3_000_000, self.ROW)
        assert said.document["counts"]["applied"] == 1
        assert said.document["lines"] == [
            {"line": 1, "fate": "bad", "reason": "is longer than 1000000 bytes"}
        ]
