"""`evenstock suppliers bind`, `feed`, `prices` and `channels`: what they store, write and refuse."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.ledger.supplier_records import JobType
from flows.cli import main
from tests import worlds
from tests.sandbox.bigbuyer import product, section, stocks, variation
from tests.tasks.supplier_desk import SupplierDesk, an_item, desk_beside_a_store

SHOP = section(
    *(product(number, stocks=stocks(8)) for number in range(1, 8)),
    product(10, stocks=[]),
    variations=[variation(2, 10, stocks=stocks(3))],
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One ledger for all: every test is another user."""
    return f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"


@dataclass
class Typist:
    """Types commands about one supplier."""

    desk: SupplierDesk
    capsys: pytest.CaptureFixture[str]
    shoe: int
    err: str = ""
    out: str = ""

    def __call__(self, action: str, *words: str) -> int:
        status = main(["suppliers", action, self.desk.supplier.id, *words])
        self.out, self.err = self.capsys.readouterr()
        return status

    def channels(self, *words: str) -> int:
        status = main(["suppliers", "channels", "--user", self.desk.supplier.user_id, *words])
        self.out, self.err = self.capsys.readouterr()
        return status

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)

    @property
    def shown(self) -> int:
        """Units of the first shoe in the own store."""
        return worlds.levels(self.desk.sandbox.world())["SHOE-1"]


@pytest.fixture
def typed(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Typist]:
    shoe = 1000 * next(_numbers) + 1
    with desk_beside_a_store(url, SHOP, shoe, monkeypatch.setenv) as desk:
        monkeypatch.setenv("EVENSTOCK_NOW", desk.settings.now().isoformat())
        desk.run(JobType.SUPPLIER_API)
        yield Typist(desk, capsys, shoe)


class TestBindings:
    def test_let_a_product_feed_a_level_of_the_own_store(self, typed: Typist) -> None:
        assert typed("bind", "3", "--own-variant", str(typed.shoe), "--buffer", "1") == 0
        assert f"3 of BigBuy feeds own variant {typed.shoe} (SHOE-1), less 1" in typed.out

        assert typed("feed", "--dry-run") == 0
        assert typed.shown == 5
        assert typed("feed") == 0
        assert typed.shown == 7
        assert typed("bindings", "--json") == 0
        (shown,) = typed.document["bindings"]
        assert (shown["kind"], shown["product"], shown["own_variant"]) == ("product", "3", typed.shoe)
        assert typed("bindings") == 0
        assert str(typed.shoe) in typed.out

    def test_of_what_is_not_there_any_more_fail_and_say_so(self, typed: Typist) -> None:
        typed("bind", "3", "--own-variant", str(typed.shoe))
        gone = {"system": "shopify", "account": worlds.OWN, "kind": "delete_product", "product_id": 1}
        typed.desk.sandbox.event(gone)

        assert typed("feed") == 1
        assert f"own variant {typed.shoe} does not exist" in typed.out

    def test_let_a_variant_feed_an_own_item(self, typed: Typist) -> None:
        item = an_item(typed.desk.ledger, typed.desk, "brick")

        assert typed("bind", "2", "--variant", "--item", item.id) == 0
        assert typed("feed", "--json") == 0

        assert typed.document["items"]["done"] == 1
        found = typed.desk.ledger.item(item.account, item.id)
        assert found is not None
        assert found.quantity_available == 3

    def test_end_when_a_person_says_so(self, typed: Typist) -> None:
        typed("bind", "3", "--own-variant", str(typed.shoe))
        assert typed("unbind", "3") == 0
        assert typed("feed") == 0

        assert "feeds nothing" in typed.out
        assert typed.shown == 5
        assert typed("bindings") == 0
        assert "Nothing is bound" in typed.out

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("bind", "3"), "one of the arguments --item --own-variant is required"),
            (("bind", "3", "--own-variant", "7", "--item", "x"), "not allowed with"),
            (("bind", "3", "--own-variant", "7"), "the own store has no variant 7"),
            (("bind", "3", "--item", "gone"), "own item gone not found"),
            (("bind", "3", "--item", "gone", "--buffer", "-1"), "--buffer must not be below 0"),
            (("bind", "3", "--item", "gone", "--buffer", "x"), "invalid int value"),
            (("unbind", "99"), "BigBuy has no product or variant 99"),
            (("feed", "--release", "x"), "--release and --by belong together"),
            (("feed", "--release", "x", "--by", "ann"), "nothing is held"),
            (("prices", "--release", "3"), "no price of 3 of BigBuy is held"),
            (("prices", "--limit", "0"), "at least 1"),
        ],
    )
    def test_refuse_what_makes_no_sense(self, typed: Typist, words: tuple[str, ...], sentence: str) -> None:
        assert typed(*words) == 2
        assert sentence in typed.err
        assert "Traceback" not in typed.err

    def test_of_items_that_wait_are_released_by_their_name(self, typed: Typist) -> None:
        items = [an_item(typed.desk.ledger, typed.desk, f"brick-{number}") for number in range(1, 8)]
        for number, item in enumerate(items, 1):
            typed("bind", str(number), "--item", item.id, "--buffer", "8")

        assert typed("feed", "--json") == 3
        waits = typed.document["items"]["waits"]
        assert typed("feed", "--release", waits, "--by", "ann") == 0

        left = typed.desk.ledger.items(items[0].account)
        assert [each.quantity_available for each in left] == [0] * 7


class TestPrices:
    def test_that_wait_are_listed_and_believed_one_by_one(self, typed: Typist) -> None:
        typed.desk.happens("edit", product=3, price=99.5)
        typed.desk.happens("edit", product=4, price=0)
        typed.desk.run(JobType.PRICE_UPDATE, hours=2)

        assert typed("prices", "--json") == 0
        first, second = typed.document["prices"]
        assert (first["product"], first["cost_price"], first["told_cost_price"]) == ("3", "18.22", "99.5")
        assert "the cost price went from 18.22 to 99.5" in first["why"]
        assert second["product"] == "4"
        assert typed("prices", "--release", "3") == 0
        assert "99.5" in typed.out

        assert str(typed.desk.products()["3"].cost_price) == "99.5"
        assert typed("prices") == 0
        assert "99.5" not in typed.out
        assert typed("prices", "--release", "4") == 0
        assert typed("prices") == 0
        assert "No price is held" in typed.out


class TestChannels:
    def test_say_where_stock_may_be_written(self, typed: Typist) -> None:
        typed("bind", "3", "--own-variant", str(typed.shoe))
        assert typed.channels("--json") == 0
        (channel,) = typed.document["channels"]
        assert (channel["direction"], channel["is_active"], channel["last_sync_at"]) == ("push", True, None)

        for words, units in ((("--direction", "pull"), 5), (("--direction", "bidirectional"), 8)):
            assert typed.channels(channel["channel"], *words) == 0
            assert typed("feed") == 0
            assert typed.shown == units
        assert typed.channels("--json") == 0
        assert typed.document["channels"][0]["last_sync_at"] == worlds.NOW.isoformat()
        assert typed.channels(channel["channel"], "--off") == 0
        assert typed.channels() == 0
        assert "False" in typed.out

    def test_that_are_not_there_are_told(self, typed: Typist) -> None:
        assert typed.channels() == 0
        assert "No channel yet" in typed.out
        assert typed.channels("items:x", "--off") == 2
        assert "has no channel items:x; theirs: none" in typed.err
        assert typed.channels("--off") == 2
        assert "name the channel" in typed.err
