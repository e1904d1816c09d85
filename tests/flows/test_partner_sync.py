"""Partners' stock reaches the own store: what it then holds, and what was told."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import State, get_client
from prefect.client.schemas.filters import ArtifactFilter
from prefect.client.schemas.objects import FlowRun

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, Partner
from connectors.settings import Settings, load_settings
from connectors.shopify import Shopify
from flows.cli import main
from flows.partner_sync import partner_sync
from flows.plans import apply_plan
from tasks import alerts, partner_report, states
from tasks import partner as books
from tasks.alarm import Cause
from tasks.desk import ledger_of, open_partner
from tasks.lease import clock, held
from tasks.partner import partner_resource
from tests.flows.stage import Stage
from tests.flows.trade import BEAN, CUP, KEY, ROAST, Trade, partner_shop
from tests.mails import post_office
from tests.worlds import LOCATION, NOW, OWN, product, row, variant

pytestmark = pytest.mark.orchestrated


@pytest.fixture
def trade(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Trade:
    """A stage with a ledger that can keep partners' secrets."""
    monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
    monkeypatch.setenv("SHOPIFY_LOCATION_ID", str(LOCATION))
    settings = load_settings()
    return Trade(stage, settings.shopify_base_url.partition("/shopify/")[0], ledger_of(settings))


def is_even(report: dict[str, Any]) -> bool:
    """Whether every level stands in exactly one place, over all partners and for each of them."""
    books = [report["balance"], *(each["balance"] for each in report["partnerResults"])]
    ends = ("done", "unchanged", "held", "refused", "conflict", "failed", "parked", "not_sent")
    return all(
        found["checked"] == found["unknown"] + found["planned"]
        and found["planned"] == sum(found[name] for name in ends)
        for found in books
    )


def result_of(report: dict[str, Any], name: str) -> dict[str, Any]:
    """One partner's result."""
    return next(each for each in report["partnerResults"] if each["partnerShop"] == name)


def simple(trade: Trade, units: int = 12, own: int = 7, **more: Any) -> None:  # noqa: ANN401 - a partner's fields
    """One partner that feeds one own variant."""
    trade.put({101: {"available": own}}, {ROAST: partner_shop({501: units})})
    trade.map(trade.partner(ROAST, **more), {501: 101})


# --------------------------------------------------------------- the whole flow


def test_own_levels_follow_the_partners(trade: Trade) -> None:
    trade.put(
        {101: {"available": 7}, 102: {"available": 4}, 103: {"available": 1}},
        {ROAST: partner_shop({501: 12, 502: 4}), BEAN: partner_shop({601: 3})},
    )
    roast, bean = trade.partner(ROAST), trade.partner(BEAN)
    trade.map(roast, {501: 101, 502: 102})
    trade.map(bean, {601: 103})

    report = trade.run()

    assert trade.levels() == {"O-101": 12, "O-102": 4, "O-103": 3}
    assert report["success"] is True
    assert (report["partnersProcessed"], report["totalItemsProcessed"], report["totalItemsUpdated"]) == (
        2,
        3,
        2,
    )
    assert (report["totalItemsFailed"], report["totalItemsSkipped"], report["errors"]) == (0, 1, [])
    assert is_even(report)
    assert (report["balance"]["done"], report["balance"]["unchanged"]) == (2, 1)
    assert report["receipt"] == {"read_back": 2, "drift": 0, "unconfirmed": 0}
    assert {
        "partnerShop",
        "success",
        "itemsProcessed",
        "itemsUpdated",
        "itemsFailed",
        "itemsSkipped",
        "errors",
    } <= (report["partnerResults"][0].keys())
    assert json.loads(json.dumps(report)) == report
    logs = {log.partner_id: log for log in trade.ledger.sync_logs(OWN)}
    assert {log.status for log in logs.values()} == {"completed"}
    assert {log.sync_type for log in logs.values()} == {"inventory"}
    of_roast = logs[roast.id]
    counts = (of_roast.items_processed, of_roast.items_updated, of_roast.items_skipped, of_roast.items_failed)
    assert counts == (2, 1, 1, 0)
    assert of_roast.completed_at
    assert {each.inventory_sync_status for each in trade.ledger.partners(OWN)} == {"healthy"}
    assert all(each.last_inventory_sync and not each.last_error for each in trade.ledger.partners(OWN))
    # Each store's calls stand under its own account.
    journal = trade.stage.sandbox.calls()
    for shop in (OWN, ROAST, BEAN):
        asked = [call for call in journal if call["account"] == shop]
        assert report["api"][f"shopify:{shop}"]["calls"] >= len(asked) - 1 > 0
    assert {call["account"] for call in journal if call["wrote"]} == {OWN}
    runs = trade.ledger.history("partner-sync")
    assert {run.parameters["partner"] for run in runs} == {ROAST, BEAN}
    assert all(run.report and run.report["message"] for run in runs)


def test_a_second_run_finds_nothing_to_do(trade: Trade) -> None:
    simple(trade)
    trade.sync()
    trade.stage.forget_calls()

    report = trade.sync()

    assert (report["totalItemsUpdated"], report["balance"]["unchanged"]) == (0, 1)
    assert not [call for call in trade.stage.calls() if call["wrote"]]


def test_nothing_but_stock_is_written(trade: Trade) -> None:
    simple(trade)
    before = trade.stage.world()["shopify"]

    trade.sync()

    after = trade.stage.world()["shopify"]
    assert after[ROAST] == before[ROAST]
    (was,), (became,) = (shop[OWN]["products"] for shop in (before, after))
    was["variants"][0].pop("levels")
    became["variants"][0].pop("levels")
    assert became == was


def test_without_partners_there_is_nothing_to_do(trade: Trade) -> None:
    report = trade.run()

    assert (report["success"], report["partnersProcessed"], report["balance"]["checked"]) == (True, 0, 0)


def test_a_partner_without_mappings_has_nothing_to_sync(trade: Trade) -> None:
    trade.put({101: {"available": 7}}, {ROAST: partner_shop({501: 12})})
    trade.partner(ROAST)

    report = trade.sync()

    assert report["success"] is True
    assert result_of(report, ROAST)["itemsProcessed"] == 0
    assert trade.known().inventory_sync_status == "healthy"


def test_one_partner_is_synced_by_its_name(trade: Trade) -> None:
    trade.put(
        {101: {"available": 7}, 102: {"available": 4}},
        {ROAST: partner_shop({501: 12}), BEAN: partner_shop({601: 9})},
    )
    trade.map(trade.partner(ROAST), {501: 101})
    trade.map(trade.partner(BEAN), {601: 102})

    report = trade.sync(f" {BEAN.upper()} ")

    assert [each["partnerShop"] for each in report["partnerResults"]] == [BEAN]
    assert trade.levels() == {"O-101": 7, "O-102": 9}


def test_an_unknown_or_disabled_partner_is_a_wrong_parameter(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    simple(trade)
    trade.ledger.switch_partner(OWN, trade.known().id or 0, is_active=False)

    with pytest.raises(ConfigurationError, match="no active partner"):
        trade.sync(ROAST)
    assert main(["run", "partner-sync", "--partner", "nobody.example"]) == 2
    assert "nobody.example" in capsys.readouterr().err
    report = trade.sync()
    assert report["partnersProcessed"] == 0
    assert trade.levels() == {"O-101": 7}


def test_many_mappings_take_few_calls(trade: Trade) -> None:
    count = 600
    trade.put(
        {number: {"available": 1} for number in range(1, count + 1)},
        {ROAST: partner_shop({10_000 + number: 1 + number % 2 for number in range(1, count + 1)})},
    )
    trade.map(trade.partner(ROAST), {10_000 + number: number for number in range(1, count + 1)})
    trade.stage.forget_calls()

    report = trade.sync()

    assert report["balance"]["done"] == count // 2
    assert trade.levels() == {f"O-{number}": 1 + number % 2 for number in range(1, count + 1)}
    per_operation: dict[tuple[str, str], int] = {}
    for call in trade.stage.calls():
        key = (call["account"], call["operation"])
        per_operation[key] = per_operation.get(key, 0) + 1
    assert per_operation[ROAST, "nodes"] == 3
    assert per_operation[OWN, "inventorySetQuantities"] <= 3


# ------------------------------------------------------------------- quantities


@pytest.mark.parametrize(
    ("known", "becomes"),
    [("at_shipping", 9), ("at_once", 12), ("60", 10)],
    ids=["shipping", "once", "minutes"],
)
def test_own_units_that_the_partner_does_not_know_of_are_not_sold_twice(
    trade: Trade, known: str, becomes: int
) -> None:
    """Partner 12, own 7 and 3 committed; within the last hour 2 of them were ordered."""
    trade.put({101: {"available": 10}}, {ROAST: partner_shop({501: 12})})
    trade.map(trade.partner(ROAST, orders_known=known), {501: 101})
    trade.stage.event(kind="sale", variant_id=101, location_id=LOCATION, quantity=1)
    trade.stage.advance(2 * 3600)
    trade.stage.event(kind="sale", variant_id=101, location_id=LOCATION, quantity=2)

    report = trade.sync()

    assert trade.levels() == {"O-101": becomes}
    assert report["success"] is True


@pytest.mark.parametrize(
    "before",
    [
        {"operation": "nodes", "nth": 2},
        {"operation": "inventorySetQuantities", "nth": 1},
        {"operation": "nodes", "nth": 3},
    ],
    ids=["before it is read again", "before the write", "after the write"],
)
def test_a_sale_at_any_moment_is_not_given_back(trade: Trade, before: dict[str, object]) -> None:
    """Own 10, partner 12, three sold: 9, whenever after the baseline that was."""
    simple(trade, own=10, orders_known="at_once")
    trade.stage.event(kind="sale", variant_id=101, location_id=LOCATION, quantity=3, before=before)

    report = trade.sync()

    assert trade.levels() == {"O-101": 9}
    assert report["success"] is True
    assert is_even(report)


def test_several_mappings_are_summed_when_all_say_so(trade: Trade) -> None:
    trade.put({101: {"available": 1}}, {ROAST: partner_shop({501: 5}), BEAN: partner_shop({601: 4})})
    trade.map(trade.partner(ROAST), {501: 101}, sums=True, buffer=1)
    trade.map(trade.partner(BEAN), {601: 101}, sums=True)

    report = trade.run()

    assert trade.levels() == {"O-101": 8}
    assert report["success"] is True
    assert report["balance"]["refused"] == 0
    assert sorted(each["itemsUpdated"] for each in report["partnerResults"]) == [0, 1]


def test_partners_of_a_sum_do_not_swing_what_is_sold(trade: Trade) -> None:
    """One learns of orders at once, the other when they are shipped: what the second does not know counts."""
    trade.put(
        {101: {"available": 1, "committed": 3}}, {ROAST: partner_shop({501: 5}), BEAN: partner_shop({601: 4})}
    )
    trade.map(trade.partner(ROAST, orders_known="at_shipping"), {501: 101}, sums=True)
    trade.map(trade.partner(BEAN, orders_known="at_once"), {601: 101}, sums=True)

    for shop in (ROAST, BEAN):
        assert trade.run(partner=shop)["success"] is True
        assert trade.levels() == {"O-101": 6}


def test_a_partner_that_is_switched_off_leaves_the_sum(trade: Trade) -> None:
    trade.put({101: {"available": 9}}, {ROAST: partner_shop({501: 5}), BEAN: partner_shop({601: 4})})
    trade.map(trade.partner(ROAST), {501: 101}, sums=True)
    trade.map(trade.partner(BEAN), {601: 101}, sums=True)
    trade.run()
    trade.ledger.switch_partner(OWN, trade.known(BEAN).id or 0, is_active=False)

    report = trade.run()

    assert trade.levels() == {"O-101": 5}
    assert report["balance"]["refused"] == 0


def test_a_sum_with_one_silent_partner_is_unknown(trade: Trade) -> None:
    trade.put({101: {"available": 1}}, {ROAST: partner_shop({501: 5}), BEAN: partner_shop({601: 4})})
    trade.map(trade.partner(ROAST), {501: 101}, sums=True)
    trade.map(trade.partner(BEAN), {601: 101}, sums=True)
    trade.stage.faults(account=BEAN, operation="nodes", times=-1, kind="http", status=503)

    report = trade.sync()

    assert trade.levels() == {"O-101": 1}
    assert report["balance"]["unknown"] == 2
    assert result_of(report, ROAST)["success"] is True
    assert result_of(report, BEAN)["success"] is False


def test_some_locations_count_if_the_mapping_says_so(trade: Trade) -> None:
    places = [{"id": 1, "name": "A"}, {"id": 2, "name": "B"}, {"id": 3, "name": "C"}]
    levels = {"1": {"available": 4}, "2": {"available": 5}, "3": {"available": 6}}
    trade.put(
        {101: {"available": 0}, 102: {"available": 0}},
        {ROAST: partner_shop({501: {"levels": levels}, 502: {"levels": levels}}, locations=places)},
    )
    roast = trade.partner(ROAST)
    trade.map(roast, {501: 101}, location_ids=[1, 3])
    trade.map(roast, {502: 102})

    trade.sync()

    assert trade.levels() == {"O-101": 10, "O-102": 15}


def test_without_inventory_scope_the_sum_still_works(trade: Trade) -> None:
    trade.put(
        {101: {"available": 0}, 102: {"available": 3}},
        {ROAST: partner_shop({501: 6, 502: 6}, scopes=["read_products"])},
    )
    roast = trade.partner(ROAST)
    trade.map(roast, {501: 101})
    trade.map(roast, {502: 102}, location_ids=[1])

    report = trade.sync()

    assert trade.levels() == {"O-101": 6, "O-102": 3}
    assert [each["reason"] for each in report["details"]["unknown"]] == ["partner_unreadable"]
    assert trade.known().inventory_sync_status == "warning"


def test_levels_that_a_partner_gives_no_number_for_are_told_in_time(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade.put(
        {101: {"available": 0}, 102: {"available": 3}},
        {ROAST: partner_shop({501: 6, 502: {"available": 6, "tracked": False}})},
    )
    trade.map(trade.partner(ROAST), {501: 101, 502: 102})
    trade.sync()
    assert trade.ledger.alerts(OWN) == []

    monkeypatch.setenv("EVENSTOCK_NOW", (NOW + timedelta(hours=49)).isoformat())
    trade.sync()

    (alert,) = trade.ledger.alerts(OWN)
    assert "3 units are on sale unverified for 49 hours" in alert.message


def test_a_location_that_stocks_nothing_any_more_is_gone_and_not_zero_at_once(trade: Trade) -> None:
    places = [{"id": 1, "name": "A"}, {"id": 2, "name": "B"}]
    levels = {"1": {"available": 4}}
    trade.put(
        {101: {"available": 9}, 102: {"available": 9}},
        {ROAST: partner_shop({501: {"levels": levels}, 502: {"levels": levels}}, locations=places)},
    )
    roast = trade.partner(ROAST)
    trade.map(roast, {501: 101}, location_ids=[2])
    trade.map(roast, {502: 102}, location_ids=[1, 2])

    report = trade.sync()

    assert trade.levels() == {"O-101": 9, "O-102": 4}
    assert [each["reason"] for each in report["details"]["unknown"]] == ["partner_gone"]
    (alert,) = trade.ledger.alerts(OWN)
    assert alert.subjects == ["variant 501, here O-101"]


def test_odd_own_levels_are_left_alone(trade: Trade) -> None:
    products = [
        product(1, None, variant(101, "O-101", None)),
        product(2, None, variant(102, "O-102", 5, tracked=False)),
    ]
    trade.put_products(products, {ROAST: partner_shop({501: 12, 502: 12, 503: 12})})
    trade.map(trade.partner(ROAST), {501: 101, 502: 102, 503: 999})

    report = trade.sync()

    assert trade.levels() == {"O-102": 5}
    assert report["balance"]["checked"] == 2
    assert report["balance"]["done"] == 0
    assert result_of(report, ROAST)["errors"] == ["own variant 999 does not exist"]
    assert (report["success"], report["totalItemsFailed"], report["totalItemsProcessed"]) == (False, 1, 3)


# -------------------------------------------------------------------- isolation


@pytest.fixture
def pair(trade: Trade) -> Trade:
    """Two partners with a variant each; the second one is well."""
    trade.put(
        {101: {"available": 7}, 102: {"available": 4}},
        {ROAST: partner_shop({501: 12}), BEAN: partner_shop({601: 9})},
    )
    trade.map(trade.partner(ROAST), {501: 101})
    trade.map(trade.partner(BEAN), {601: 102})
    return trade


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http", "status": 503},
        {"kind": "http", "status": 401},
        {"kind": "http", "status": 404},
        {"kind": "timeout_before", "seconds": 0.01},
        {"kind": "malformed"},
        {"kind": "empty"},
        {"kind": "partial"},
        {"kind": "throttled"},
        {"kind": "graphql_error", "code": "INTERNAL_SERVER_ERROR"},
        {"kind": "graphql_error", "code": "ACCESS_DENIED"},
        {"kind": "graphql_error", "code": "NONSENSE"},
    ],
    ids=lambda fault: "-".join(str(part) for part in fault.values()),
)
def test_whatever_one_partner_answers_touches_no_other(pair: Trade, fault: dict[str, Any]) -> None:
    pair.stage.faults(account=ROAST, times=-1, **fault)

    report = pair.sync()

    # An answer without what was asked for is one sighting of three that it is gone.
    assert pair.levels() == {"O-101": 7, "O-102": 9}
    assert result_of(report, BEAN)["success"] is True
    assert pair.known(BEAN).inventory_sync_status == "healthy"
    bad = result_of(report, ROAST)
    assert bad["balance"]["unknown"] == 1
    if fault["kind"] not in {"empty", "partial"}:
        assert bad["success"] is False
        assert bad["errors"]
        assert pair.known().inventory_sync_status == "failed"
        assert pair.known().last_error
        (log,) = pair.ledger.sync_logs(OWN, partner_id=pair.known().id)
        assert (log.status, log.items_updated) == ("failed", 0)
        assert log.errors
    assert report["balance"]["done"] == 1
    assert is_even(report)


@pytest.mark.parametrize("operation", ["nodes", "inventorySetQuantities"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http", "status": 500, "times": 1},
        {"kind": "http_after", "status": 502, "times": 1},
        {"kind": "timeout_before", "seconds": 0.01, "times": 1},
        {"kind": "lost_answer", "times": 1},
        {"kind": "malformed", "times": -1},
        {"kind": "throttled", "times": 2},
        {"kind": "partial", "times": -1},
        {"kind": "graphql_error", "code": "INTERNAL_SERVER_ERROR", "after": True, "times": 1},
    ],
    ids=lambda fault: fault["kind"],
)
def test_whatever_the_own_store_answers_no_level_ends_wrong(
    pair: Trade, operation: str, nth: int, fault: dict[str, Any]
) -> None:
    pair.stage.faults(account=OWN, operation=operation, nth=nth, **fault)

    report = pair.sync()

    assert is_even(report)
    levels = pair.levels()
    assert levels["O-101"] in {7, 12}
    assert levels["O-102"] in {4, 9}
    # What is told as done is done.
    told = {each["sku"]: each["new_qty"] for each in report["details"]["updated"]}
    assert told.items() <= levels.items()

    pair.stage.faults(operation="no-call-has-this-name", kind="http")
    report = pair.sync()
    assert report["success"] is True, report["errors"]
    assert pair.levels() == {"O-101": 12, "O-102": 9}
    written = [(write["id"], write["after"]) for write in pair.stage.writes() if write["what"] == "level"]
    assert len(written) == len(set(written))


def test_a_revoked_token_is_told_once_and_well_again(pair: Trade) -> None:
    pair.stage.event(account=ROAST, kind="revoke_token")

    for _ in range(2):
        report = pair.sync()
        assert report["success"] is False

    assert pair.levels() == {"O-101": 7, "O-102": 9}
    (alert,) = [each for each in pair.ledger.alerts(OWN) if each.resolved_at is None]
    assert (alert.cause, alert.told_count) == (f"partner:{ROAST}:token", 1)

    made = pair.stage.world()
    made["shopify"][ROAST]["token"] = "tok-new"
    pair.stage.put(made)
    pair.partner(ROAST, token="tok-new")
    report = pair.sync()

    assert report["success"] is True
    assert pair.levels() == {"O-101": 12, "O-102": 9}
    assert pair.known().inventory_sync_status == "healthy"
    assert [each for each in pair.ledger.alerts(OWN) if each.resolved_at is None] == []


def test_the_flow_syncs_the_others_when_one_breaks_in_an_unforeseen_way(
    pair: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What breaks is not foreseen by anybody: not even an error of ours."""
    from tasks import partner_diff  # noqa: PLC0415 - to break it

    stock = partner_diff.stock

    def broken(feeds: Any, *rest: Any) -> Any:  # noqa: ANN401 - whatever it takes
        if any(feed.truth == f"partner:{ROAST}" for feed in feeds):
            raise ZeroDivisionError("nobody thought of this")
        return stock(feeds, *rest)

    monkeypatch.setattr(partner_diff, "stock", broken)

    report = pair.run()

    assert pair.levels() == {"O-101": 7, "O-102": 9}
    assert result_of(report, ROAST)["errors"] == ["ZeroDivisionError: nobody thought of this"]
    assert result_of(report, BEAN)["success"] is True
    assert (report["success"], report["partnersProcessed"]) == (False, 2)
    assert pair.known().inventory_sync_status == "failed"


def test_a_slow_partner_keeps_nobody_waiting(pair: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNER_SYNC_MAX_CONCURRENT", "2")
    pair.stage.faults(account=ROAST, operation="nodes", kind="slow", seconds=2)

    report = pair.run()

    assert report["success"] is True
    assert pair.levels() == {"O-101": 12, "O-102": 9}
    assert result_of(report, BEAN)["durationSeconds"] < result_of(report, ROAST)["durationSeconds"]


def test_an_own_store_that_does_not_answer_is_said_once(pair: Trade) -> None:
    pair.stage.faults(account=OWN, times=-1, kind="http", status=503)

    report = pair.run()

    assert report["success"] is False
    assert report["partnersProcessed"] == 0
    assert report["error"]["code"] == "Transient"
    assert is_even(report)


def test_an_own_store_that_fails_halfway_leaves_every_level_accounted_for(pair: Trade) -> None:
    pair.stage.faults(account=OWN, operation="inventorySetQuantities", times=-1, kind="http", status=401)

    report = pair.sync()

    assert report["success"] is False
    assert is_even(report)
    assert report["balance"]["failed"] == 2
    assert report["totalItemsFailed"] == 2


def test_a_partner_that_consented_is_read_with_a_token_that_is_renewed(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTNER_CLIENT_ID", "app")
    monkeypatch.setenv("PARTNER_CLIENT_SECRET", "shh")
    app = {"token": None, "client_id": "app", "client_secret": "shh"}
    trade.put({101: {"available": 7}}, {CUP: partner_shop({501: 12}, **app)})
    trade.map(trade.consenting(CUP), {501: 101})
    assert trade.sync()["success"] is True
    assert trade.levels() == {"O-101": 12}

    # The token's end by the partner's clock, of which ours knows nothing: refused once, renewed, read.
    trade.stage.advance(2 * 3600)
    trade.stage.event(kind="edit", account=CUP, variant_id=501, location_id=LOCATION, quantity=3)

    assert trade.sync()["success"] is True
    assert trade.levels() == {"O-101": 3}


def test_a_partner_whose_consent_is_lost_says_what_to_do(trade: Trade) -> None:
    trade.put({101: {"available": 7}}, {ROAST: partner_shop({501: 12})})
    roast = trade.partner(ROAST)
    trade.map(roast, {501: 101})
    for name in trade.ledger.secret_names(OWN):
        trade.ledger.forget_secret(OWN, name)

    report = trade.sync()

    assert report["success"] is False
    assert f"evenstock partners consent {ROAST}" in report["errors"][0]
    assert [alert.cause for alert in trade.ledger.alerts(OWN)] == [f"partner:{ROAST}:token"]
    assert trade.levels() == {"O-101": 7}


# ------------------------------------------------------------- one level, one truth


def test_an_own_variant_has_one_partner(trade: Trade) -> None:
    trade.put({101: {"available": 7}}, {ROAST: partner_shop({501: 12}), BEAN: partner_shop({601: 9})})
    roast, bean = trade.partner(ROAST), trade.partner(BEAN)
    trade.map(roast, {501: 101})
    trade.sync()
    trade.map(bean, {601: 101})

    report = trade.sync()

    assert trade.levels() == {"O-101": 12}
    (refused,) = report["details"]["refused"]
    assert (refused["partner"], refused["reason"]) == (BEAN, "other_truth")


def test_partners_goods_without_a_ccod_are_counted_by_the_reverse_sync_and_not_listed(trade: Trade) -> None:
    trade.put({}, {ROAST: partner_shop({501: 12})})
    made = trade.stage.world()
    goods = (product(number, None, variant(100 + number, f"S-{number}", 7)) for number in (1, 2))
    made["shopify"][OWN]["products"] = list(goods)
    trade.stage.put(made)
    trade.map(trade.partner(ROAST), {501: 101})
    trade.sync()

    reverse = trade.stage.run()

    assert reverse["balance"]["unknown"] == 2
    (listed,) = reverse["report"]["details"]["unknown"]
    assert (listed["sku"], listed["reason"]) == ("S-2", "no_ccod")


def test_a_level_of_rms_is_not_a_partners_and_the_other_way_round(trade: Trade) -> None:
    trade.put({}, {ROAST: partner_shop({501: 12, 502: 5})})
    made = trade.stage.world()
    made["shopify"][OWN]["products"] = [
        product(1, "24X1", variant(101, "24X1-37", 7)),
        product(2, "24X2", variant(102, "24X2-37", 7)),
    ]
    made["rms"] = {"items": [row("24X1", "24X1-37", 3), row("24X2", "24X2-37", 4)]}
    trade.stage.put(made)
    roast = trade.partner(ROAST)
    trade.map(roast, {501: 101})
    trade.sync()
    assert trade.levels() == {"24X1-37": 12, "24X2-37": 7}

    reverse = trade.stage.run()

    assert trade.levels() == {"24X1-37": 12, "24X2-37": 4}
    assert [each["reason"] for each in reverse["report"]["details"]["refused"]] == ["other_truth"]
    trade.map(roast, {502: 102})
    report = trade.sync()
    assert trade.levels() == {"24X1-37": 12, "24X2-37": 4}
    assert [each["reason"] for each in report["details"]["refused"]] == ["other_truth"]


# ------------------------------------------------------------- several at once


def test_a_product_that_two_partners_feed_is_synced_for_both(trade: Trade) -> None:
    """The partners write the same product side by side, hour after hour, and neither ends locked."""
    several = [variant(100 + number, f"O-{100 + number}", 1) for number in range(4)]
    trade.put_products(
        [product(1, None, *several)],
        {ROAST: partner_shop({501: 5, 502: 6}), BEAN: partner_shop({601: 7, 602: 8})},
    )
    trade.map(trade.partner(ROAST), {501: 100, 502: 101})
    trade.map(trade.partner(BEAN), {601: 102, 602: 103})

    report = trade.run()

    assert trade.levels() == {"O-100": 5, "O-101": 6, "O-102": 7, "O-103": 8}
    assert (report["success"], report["balance"]["done"], report["balance"]["refused"]) == (True, 4, 0)
    assert is_even(report)


def test_two_runs_of_one_partner_do_not_get_in_each_others_way(trade: Trade) -> None:
    simple(trade)
    with held(trade.ledger, [partner_resource(trade.known())], "another run", 60):
        report = trade.sync()

    assert trade.levels() == {"O-101": 7}
    assert "another run" in report["warnings"][0]
    assert report["balance"]["checked"] == 0
    assert trade.ledger.sync_logs(OWN) == []
    trade.sync()
    assert trade.levels() == {"O-101": 12}


def test_a_product_that_stays_in_other_hands_is_refused(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.partner_course.WAIT", 0.2)
    simple(trade)
    with held(trade.ledger, [f"product:{OWN}:9101"], "another run", 60):
        report = trade.sync()

    assert trade.levels() == {"O-101": 7}
    assert [each["reason"] for each in report["details"]["refused"]] == ["locked"]
    assert is_even(report)


def test_what_another_run_lets_go_of_is_read_again(trade: Trade) -> None:
    """The other run takes units meanwhile: its write is in the new baseline, and no sale."""
    simple(trade, own=10, orders_known="at_once")
    lease = trade.ledger.acquire([f"product:{OWN}:9101"], "another run", 60, clock())

    def let_go() -> None:
        trade.stage.event(kind="edit", variant_id=101, location_id=LOCATION, quantity=4)
        trade.ledger.release(lease, "another run")

    threading.Timer(1.0, let_go).start()
    report = trade.sync()

    assert trade.levels() == {"O-101": 12}
    assert (report["balance"]["done"], report["balance"]["refused"]) == (1, 0)
    assert is_even(report)


def test_runs_at_the_same_time_write_each_level_once(pair: Trade) -> None:
    reports: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: reports.append(pair.sync())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert pair.levels() == {"O-101": 12, "O-102": 9}
    assert [report["success"] for report in reports] == [True] * 3
    assert sum(report["balance"]["done"] for report in reports) == 2
    written = [write["id"] for write in pair.stage.writes() if write["what"] == "level"]
    assert len(written) == len(set(written)) == 2


# -------------------------------------------------------------- dry runs and plans


def test_a_dry_run_writes_nothing_and_blocks_nobody(
    trade: Trade, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simple(trade)
    before = trade.ledger.mappings(OWN)
    with held(trade.ledger, [partner_resource(trade.known())], "another run", 60):
        report = trade.run(dry_run=True)

    assert trade.levels() == {"O-101": 7}
    assert not [call for call in trade.stage.calls() if call["wrote"]]
    assert (report["dry_run"], report["balance"]["not_sent"], report["success"]) == (True, 1, True)
    (planned,) = report["details"]["planned"]
    assert (planned["partner"], planned["old_qty"], planned["new_qty"]) == (ROAST, 7, 12)
    assert trade.ledger.mappings(OWN) == before
    assert trade.ledger.sync_logs(OWN) == []
    assert trade.known().inventory_sync_status is None

    with held(trade.ledger, [partner_resource(trade.known())], "another run", 60):
        apply_plan(report["plan_id"], released_by="ann")
    with monkeypatch.context() as away:
        away.setenv("EVENSTOCK_SECRET_KEY", "")
        assert apply_plan(report["plan_id"], released_by="ann")["success"] is False
    assert [plan.id for plan in trade.ledger.plans()] == [report["plan_id"]]

    released = apply_plan(report["plan_id"], released_by="ann")

    assert trade.levels() == {"O-101": 12}
    assert released["success"] is True
    with pytest.raises(ConfigurationError, match="applied"):
        apply_plan(report["plan_id"], released_by="ann")
    for flow, dry_runs in (("apply-plan", [False] * 3), ("partner-sync", [True])):
        capsys.readouterr()
        assert main(["history", flow, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["runs"]
        assert [each["dry_run"] for each in told] == dry_runs


@pytest.fixture
def fallen(trade: Trade) -> Trade:
    """Twenty of one partner's variants fall to zero at once; another partner's do not."""
    own = {number: {"available": 5} for number in [*range(1, 21), *range(31, 61)]}
    trade.put(
        own,
        {
            ROAST: partner_shop({number + 500: 0 for number in range(1, 21)}),
            BEAN: partner_shop({number + 600: 6 for number in range(31, 61)}),
        },
    )
    trade.map(trade.partner(ROAST), {number + 500: number for number in range(1, 21)})
    trade.map(trade.partner(BEAN), {number + 600: number for number in range(31, 61)})
    return trade


def test_a_mass_change_of_one_partner_is_held_and_the_others_go_on(fallen: Trade) -> None:
    report = fallen.run()

    assert (report["balance"]["held"], report["balance"]["done"]) == (20, 30)
    assert set(fallen.levels().values()) == {5, 6}
    assert (report["success"], report["plan_id"] is not None) == (True, True)
    assert fallen.known().inventory_sync_status == "warning"
    assert fallen.known(BEAN).inventory_sync_status == "healthy"

    # Two lines are not what they were when the plan was made.
    fallen.stage.event(kind="edit", variant_id=1, location_id=LOCATION, quantity=9)
    fallen.stage.event(
        account=ROAST, kind="edit", variant_id=502, location_id=LOCATION, quantity=2, system="shopify"
    )
    released = apply_plan(report["plan_id"], released_by="ann")

    levels = fallen.levels()
    assert (levels["O-1"], levels["O-2"]) == (9, 5)
    assert {levels[f"O-{number}"] for number in range(3, 21)} == {0}
    why = {each["sku"]: each["reason"] for each in released["details"]["refused"]}
    assert why == {"O-1": "shop_moved", "O-2": "truth_moved"}
    assert is_even(released)


def test_a_plan_whose_partner_is_being_synced_is_not_used_up(fallen: Trade) -> None:
    plan = fallen.run()["plan_id"]
    with held(fallen.ledger, [partner_resource(fallen.known())], "somebody", 30):
        early = apply_plan(plan, released_by="ann")
    assert early["success"] is False
    assert "release the plan again" in early["message"] + str(early["errors"])

    assert apply_plan(plan, released_by="ann")["success"] is True
    assert {fallen.levels()[f"O-{number}"] for number in range(1, 21)} == {0}


def test_with_writes_off_everything_is_looked_at_and_nothing_written(
    pair: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENSTOCK_WRITES", "off")

    report = pair.sync()

    assert pair.levels() == {"O-101": 7, "O-102": 4}
    assert report["writes"] == "off"
    assert is_even(report)
    assert not [call for call in pair.stage.calls() if call["wrote"]]


# ------------------------------------------------------------------ gone and stale


@pytest.mark.parametrize("how", ["deleted", "ARCHIVED", "DRAFT"])
def test_what_a_partner_gave_up_is_zero_once_that_is_proved(
    trade: Trade, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple(trade)
    trade.sync()
    made = trade.stage.world()
    (offered,) = made["shopify"][ROAST]["products"]
    if how == "deleted":
        made["shopify"][ROAST]["products"] = []
    else:
        offered["status"] = how
    trade.stage.put(made)

    for hour, level in ((10, 12), (20, 12), (21, 12)):
        monkeypatch.setenv("EVENSTOCK_NOW", f"2026-11-25T{hour}:00:00Z")
        report = trade.sync()
        assert trade.levels() == {"O-101": level}
        assert [each["reason"] for each in report["details"]["unknown"]] == ["partner_gone"]
    assert trade.known().inventory_sync_status == "warning"
    assert [alert.cause for alert in trade.ledger.alerts(OWN)] == [f"partner:{ROAST}:gone"]

    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-26T10:00:00Z")
    report = trade.sync()
    assert trade.levels() == {"O-101": 0}
    assert report["details"]["updated"][0]["note"] == "gone at the partner"


@pytest.mark.parametrize(("when", "level"), [("keep", 12), ("zero", 0)])
def test_a_partner_that_stays_silent_is_kept_or_taken_off_sale(
    trade: Trade, when: str, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple(trade, when_stale=when)
    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-25T10:00:00Z")
    trade.sync()
    trade.stage.faults(account=ROAST, times=-1, kind="http", status=503)

    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-27T09:00:00Z")
    trade.sync()
    assert trade.levels() == {"O-101": 12}
    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-27T11:00:00Z")
    trade.sync()

    assert trade.levels() == {"O-101": level}
    causes = {alert.cause: alert.message for alert in trade.ledger.alerts(OWN)}
    assert causes.keys() == {f"partner:{ROAST}:unreachable", f"partner:{ROAST}:stale"}
    assert "12 units are on sale unverified" in causes[f"partner:{ROAST}:stale"]


# ---------------------------------------------------------------------- trying again


def test_a_run_that_is_tried_again_redoes_only_what_was_not_done(pair: Trade) -> None:
    pair.stage.faults(account=ROAST, times=-1, kind="http", status=503)
    pair.run()
    tried = pair.ledger.history("partner-sync", 1)[0].prefect_run_id
    assert tried

    done = books.done_before(pair.ledger, tried, dry_run=False)

    assert done.keys() == {BEAN}
    assert books.done_before(pair.ledger, tried, dry_run=True) == {}
    assert books.done_before(pair.ledger, None, dry_run=False) == {}


def test_more_partners_than_may_be_synced_at_once(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNER_SYNC_MAX_CONCURRENT", "1")
    shops = (ROAST, BEAN, CUP)
    trade.put(
        {100 + place: {"available": 1} for place in range(3)},
        {shop: partner_shop({500 + place: 7}) for place, shop in enumerate(shops)},
    )
    for place, shop in enumerate(shops):
        trade.map(trade.partner(shop), {500 + place: 100 + place})

    report = trade.run()

    assert set(trade.levels().values()) == {7}
    assert [each["partnerShop"] for each in report["partnerResults"]] == sorted(shops)


# ----------------------------------------------------------------- told and shown


def test_a_run_is_shown_once_with_all_its_partners(pair: Trade) -> None:
    pair.stage.event(account=ROAST, kind="revoke_token")
    report = pair.run()

    run_id = pair.ledger.history("partner-sync", 1)[0].prefect_run_id
    assert run_id
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(run_id))
        asked = ArtifactFilter.model_validate({"flow_run_id": {"any_": [run_id]}})
        shown = {
            each.key: str(each.data) for each in client.read_artifacts(artifact_filter=asked) if each.key
        }
    assert {f"partner:{ROAST}", f"partner:{BEAN}", OWN, "evenstock"} <= set(run.tags)
    assert shown.keys() == {"partner-sync-summary", "partner-sync-changes", "partner-health"}
    for text in (ROAST, BEAN, report["message"]):
        assert text in shown["partner-sync-summary"]
    assert BEAN in shown["partner-sync-changes"]
    assert "O-102" in shown["partner-sync-changes"]
    assert "failed" in shown["partner-health"]
    assert "healthy" in shown["partner-health"]


def test_the_history_names_each_partner(pair: Trade, capsys: pytest.CaptureFixture[str]) -> None:
    pair.sync()

    assert main(["history", "partner-sync"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert ROAST in said
    assert BEAN in said
    assert "1 done" in said


def test_the_command_prints_the_report_and_says_how_it_went(
    pair: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "partner-sync", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["balance"]["done"] == 2
    pair.stage.event(account=ROAST, kind="revoke_token")
    assert main(["run", "partner-sync"]) == 1


def as_told(report: dict[str, Any]) -> State[Any]:
    return states.reported(report, partner_report.state_name(report), report["message"])


def test_a_partner_that_cannot_be_read_is_one_mail_and_the_run_none(
    pair: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    with post_office() as office:
        for name, value in office.settings.items():
            monkeypatch.setenv(name, value)
        pair.stage.faults(account=ROAST, times=-1, kind="http", status=503)
        for _ in range(2):
            run = FlowRun(flow_id=uuid4(), name="partner-sync: all partners", parameters={})
            alerts.tell(partner_sync, run, as_told(pair.sync()))
        assert office.subjects == ["Partner roast (roast.example): its store cannot be reached"]

        pair.stage.faults(account=ROAST, operation="no-call-has-this-name", kind="http")
        alerts.tell(partner_sync, run, as_told(pair.sync()))
        assert office.subjects[1:] == [
            "Well again: Partner roast (roast.example): its store cannot be reached"
        ]


def test_a_failing_mail_server_fails_no_sync(pair: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_EMAIL_TO", "ann@example.com")
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:9")
    pair.stage.event(account=ROAST, kind="revoke_token")

    report = pair.sync()

    assert result_of(report, BEAN)["success"] is True
    assert pair.levels() == {"O-101": 7, "O-102": 9}
    (alert,) = pair.ledger.alerts(OWN)
    assert len(alert.undelivered) == 1


def test_a_notice_that_nobody_can_read_fails_no_sync(pair: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    with post_office() as office:
        for name, value in office.settings.items():
            monkeypatch.setenv(name, value)
        alerts.store(pair.ledger, load_settings(), OWN, Cause("old", "Old"))
        broken = [{"to": "mail"}]
        pair.ledger.judge_alert(
            OWN, "old", lambda known: (replace(known, undelivered=broken) if known else None, None)
        )

        report = pair.sync()

    assert (report["success"], report["balance"]["done"]) == (True, 2)


def test_a_partner_that_is_switched_off_while_it_is_read_leaves_no_alert(
    pair: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.stage.event(account=ROAST, kind="revoke_token")
    number = pair.known().id or 0

    def switched_off(settings: Settings, ledger: Ledger, partner: Partner) -> Shopify:
        ledger.switch_partner(OWN, number, is_active=False)
        return open_partner(settings, ledger, partner)

    monkeypatch.setattr("tasks.partner_course.open_partner", switched_off)
    report = pair.sync(ROAST)

    assert (report["success"], pair.ledger.alerts(OWN)) == (False, [])
