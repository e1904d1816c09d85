"""The command with the partner sync and the inventory refresh: pages, reports and exit statuses."""

import pytest

from connectors.settings import VARIABLES, load_settings
from tasks.desk import ledger_of
from tests.flows.shell import Shell
from tests.flows.stage import Stage
from tests.flows.trade import BEAN, KEY, ROAST, Trade, partner_shop
from tests.worlds import LOCATION, TOKEN, product, variant, world

PARTNERS, REFRESH, STATUS = "partner-sync", "inventory-refresh", "inventory-sync-status"


@pytest.fixture
def trade(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Trade:
    """Two partners, each of which feeds two own variants; one level of each differs."""
    monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
    monkeypatch.setenv("SHOPIFY_LOCATION_ID", str(LOCATION))
    settings = load_settings()
    made = Trade(stage, settings.shopify_base_url.partition("/shopify/")[0], ledger_of(settings))
    own = {number: {"available": 7} for number in (101, 102, 201, 202)}
    made.put(own, {ROAST: partner_shop({501: 9, 502: 7}), BEAN: partner_shop({601: 8, 602: 7})})
    made.map(made.partner(ROAST), {501: 101, 502: 102})
    made.map(made.partner(BEAN), {601: 201, 602: 202})
    return made


@pytest.fixture
def stocked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Two products, which may be refreshed as often as one likes."""
    products = [product(number, None, variant(number * 10, f"S-{number}", number)) for number in (1, 2)]
    stage.put(world(products, []))
    monkeypatch.setenv("INVENTORY_REFRESH_COOLDOWN_MINUTES", "0")
    return stage


@pytest.mark.orchestrated
class TestPartnerSync:
    def test_shows_a_line_for_each_partner(self, evenstock: Shell, trade: Trade) -> None:
        said = evenstock("run", PARTNERS)

        assert said.status == 0, said.out
        assert said.line(ROAST).startswith(f"{ROAST} 2 1 0 ")
        assert "O-101" in said.out
        assert said.line("Balance") == "Balance checked 4 · planned 4 · done 2 · unchanged 2"
        assert said.line("Receipt").startswith("Receipt 2 levels read back")
        assert trade.levels() == {"O-101": 9, "O-102": 7, "O-201": 8, "O-202": 7}

    def test_prints_exactly_the_report(self, evenstock: Shell, trade: Trade) -> None:
        said = evenstock("run", PARTNERS, "--json", "--partner", BEAN)

        assert (said.status, said.document["totalItemsUpdated"]) == (0, 1)
        assert [each["partnerShop"] for each in said.document["partnerResults"]] == [BEAN]
        assert trade.levels()["O-101"] == 7

    def test_ends_with_1_when_one_partner_fails_and_says_which(self, evenstock: Shell, trade: Trade) -> None:
        trade.stage.event(kind="revoke_token", account=BEAN)

        said = evenstock("run", PARTNERS)

        assert said.status == 1
        assert "401" in said.line(BEAN)
        assert trade.levels() == {"O-101": 9, "O-102": 7, "O-201": 7, "O-202": 7}

    def test_ends_with_2_for_a_partner_that_is_not_there(self, evenstock: Shell, trade: Trade) -> None:
        said = evenstock("run", PARTNERS, "--partner", "nobody.example", "--json")

        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert "nobody.example" in said.err
        assert all(name in said.err for name in (ROAST, BEAN))
        assert trade.stage.writes() == []

    def test_ends_with_2_without_settings(self, evenstock: Shell) -> None:
        said = evenstock("run", PARTNERS, "--json")

        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert "SHOPIFY_STORE_DOMAIN" in said.err

    def test_ends_with_3_when_something_is_held(self, evenstock: Shell, trade: Trade) -> None:
        numbers = range(101, 131)
        trade.put(
            {number: {"available": 5} for number in numbers},
            {ROAST: partner_shop(dict.fromkeys(range(501, 531), 0)), BEAN: partner_shop({601: 1})},
        )
        trade.map(trade.known(ROAST), dict(zip(range(501, 531), numbers, strict=True)))
        trade.ledger.switch_partner(trade.known(BEAN).account, trade.known(BEAN).id or 0, is_active=False)

        said = evenstock("run", PARTNERS)

        assert said.status == 3, said.out
        assert "evenstock plans show" in said.out
        assert trade.stage.writes() == []

    def test_is_told_of_afterwards(self, evenstock: Shell, trade: Trade) -> None:
        assert "has not run yet" in evenstock("status", PARTNERS).out
        evenstock("run", PARTNERS, "--partner", ROAST)

        last = evenstock("status", PARTNERS, "--json").document["last_run"]
        assert (last["state"], last["report"]["itemsUpdated"]) == ("completed", 1)
        assert "O-101" in evenstock("status", PARTNERS).out
        (run,) = evenstock("history", PARTNERS, "--json").document["runs"]
        assert run["parameters"]["partner"] == ROAST
        assert ROAST in run["message"]
        assert trade.levels()["O-101"] == 9


@pytest.mark.orchestrated
class TestInventoryRefresh:
    def test_shows_what_differs_product_by_product(self, evenstock: Shell, stocked: Stage) -> None:
        first = evenstock("run", REFRESH, "--product_ids", "[1, 2]")
        stocked.event(kind="edit", variant_id=10, location_id=LOCATION, quantity=4)
        second = evenstock("run", REFRESH, "--product_ids", "[1, 2]")

        assert (first.status, second.status) == (0, 0)
        assert first.line("2 ") == "2 50020 1 2 new"
        assert second.line("1 ") == "1 50010 1 1 4 changed"
        assert second.line("Products").startswith("Products 2 of 2 are fresh, 2 items stored")
        assert second.line("Balance") == "Balance checked 2 · planned 2 · done 1 · unchanged 1"
        assert stocked.writes() == []

    @pytest.mark.usefixtures("stocked")
    def test_prints_exactly_the_report(self, evenstock: Shell) -> None:
        said = evenstock("run", REFRESH, "--product_ids", "[1]", "--json")

        assert (said.status, said.document["data"]["inventoryUpdates"]) == (0, 1)

    @pytest.mark.usefixtures("stocked")
    def test_ends_with_1_for_a_product_that_is_not_there(self, evenstock: Shell) -> None:
        said = evenstock("run", REFRESH, "--product_ids", "[1, 77]")

        assert said.status == 1
        assert said.line("77 ") == "77 not in the store"
        assert "--retry_of" in said.out

    @pytest.mark.usefixtures("stocked")
    def test_ends_with_2_for_ids_that_are_none(self, evenstock: Shell) -> None:
        said = evenstock("run", REFRESH, "--product_ids", '["shoe"]', "--json")

        assert (said.status, said.document["error"]["code"]) == (2, "INVALID_PRODUCT_IDS")
        assert "'shoe'" in evenstock("run", REFRESH, "--product_ids", '["shoe"]').out

    def test_ends_with_2_without_settings(self, evenstock: Shell) -> None:
        said = evenstock("run", REFRESH, "--product_ids", "[1]", "--json")

        assert (said.status, said.document["error"]["code"]) == (2, "MISSING_CREDENTIALS")

    @pytest.mark.usefixtures("stocked")
    def test_is_told_of_afterwards(self, evenstock: Shell) -> None:
        done = evenstock("run", REFRESH, "--product_ids", "[1]", "--json").document

        assert evenstock("status", REFRESH, "--json").document["last_run"]["report"] == done
        assert "1 of 1 are fresh" in evenstock("status", REFRESH).out
        (run,) = evenstock("history", REFRESH, "--json").document["runs"]
        assert (run["state"], run["message"]) == ("completed", done["message"])
        told = evenstock("run", STATUS)
        assert (told.status, told.line("Stock health").count("low stock 1")) == (0, 1)
        assert told.line(done["data"]["syncLogId"]).endswith(f"1 0 {done['data']['processingTime']}")
        assert "can manual refresh yes" in told.line("Scheduling")


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(
    ("flow", "own"), [(PARTNERS, ("PARTNER_", "GONE_", "STALE_")), (REFRESH, ("INVENTORY_",))]
)
def test_config_shows_every_setting_and_no_secret(evenstock: Shell, flow: str, own: tuple[str, ...]) -> None:
    shown = evenstock("config", flow, "--json")

    settings = shown.document["settings"]
    assert {name for name in VARIABLES if name.startswith((*own, "SHOPIFY_"))} <= settings.keys()
    assert TOKEN not in shown.out
    assert "SHOPIFY_ADMIN_TOKEN" in evenstock("config", flow).out
