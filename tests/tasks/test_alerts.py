"""Who is told, of what, by which way; and what becomes of it when nobody takes it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect import State, flow
from prefect.client.schemas.objects import FlowRun, StateType

from connectors.ledger import Ledger, Partner, open_ledger
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings, load_settings
from flows.automated_sync import automated_sync
from flows.cli.children import free_port
from flows.inventory_refresh import manual_inventory_refresh
from flows.partner_sync import partner_sync
from flows.reverse_stock_sync import reverse_stock_sync
from tasks import alerts, channels
from tasks.alarm import Cause
from tasks.health import Health
from tasks.states import reported
from tests.connectors.ledger_samples import HOUR, NOW
from tests.ledgers import sqlite_in
from tests.mails import PASSWORD, PostOffice, dripping_server, mail_settings, post_office

pytest_plugins = ["tests.databases"]

HELD = reported({"balance": {"checked": 9, "held": 9, "done": 0}, "plan_id": "plan_x"}, "Held", "9 are held")
DONE = reported({"balance": {"checked": 9}}, "Completed", "all well")
FAILED = reported({"error": {"code": "RMS_UNREACHABLE"}}, "Failed", "RMS did not answer")
CRASHED: State[None] = State(type=StateType.CRASHED, message="lost at smtp://a:hidden-word@b?token=abc123")
OWN = "own.myshopify.com"
BROKEN = Cause("sync:own:failed", "Failed: sync\n\nRMS is away")


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", sqlite_in(tmp_path))
    monkeypatch.setenv("SHOPIFY_STORE_DOMAIN", OWN)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(sqlite_in(tmp_path))


class Clock:
    """What time it is for Evenstock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.set(0)

    def set(self, hours: float) -> Settings:
        """So many hours after the beginning; the settings from then on."""
        self._monkeypatch.setenv("EVENSTOCK_NOW", (NOW + hours * HOUR).isoformat())
        return load_settings()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    with post_office() as opened:
        for name, value in opened.settings.items():
            monkeypatch.setenv(name, value)
        yield opened


def point_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in mail_settings(port).items():
        monkeypatch.setenv(name, value)


def tell(state: State[Any], **parameters: object) -> None:
    run = FlowRun(flow_id=uuid4(), name="reverse-stock-sync: all", parameters=parameters)
    alerts.tell(reverse_stock_sync, run, state)


def text_of(office: PostOffice, number: int = -1) -> str:
    text = office.mails[number].get_content()  # type: ignore[attr-defined]
    return "\n".join(str(text).splitlines())


# -------------------------------------------------------------------- runs


def test_a_held_run_is_told_with_what_to_do(office: PostOffice) -> None:
    tell(HELD)

    assert office.subjects == ["Held: reverse-stock-sync: all"]
    text = text_of(office)
    assert all(part in text for part in ("9 are held", "held: 9", "evenstock plans show plan_x"))
    assert "done" not in text


def test_a_crashed_run_is_told_without_secrets(office: PostOffice, ledger: Ledger) -> None:
    tell(CRASHED)

    for text in (text_of(office), ledger.alerts()[0].message):
        assert "hidden-word" not in text
        assert "abc123" not in text


def test_what_went_well_and_dry_runs_are_not_told(office: PostOffice) -> None:
    tell(DONE)
    tell(HELD, dry_run=True)

    assert office.mails == []


def test_runs_that_fail_alike_are_one_mail_until_it_is_time_again(office: PostOffice, clock: Clock) -> None:
    for hours in (0, 0.5, 0.9, 1, 2):
        clock.set(hours)
        tell(FAILED if hours != 0.5 else CRASHED)

    assert office.subjects == ["Failed: reverse-stock-sync: all", "Still: Failed: reverse-stock-sync: all"]


def test_a_good_run_says_that_it_is_well_again(office: PostOffice) -> None:
    tell(FAILED)
    tell(DONE)
    tell(DONE)

    assert office.subjects == [
        "Failed: reverse-stock-sync: all",
        "Well again: Failed: reverse-stock-sync: all",
    ]


def test_a_held_run_did_its_work_and_a_failed_one_judges_nothing_held(office: PostOffice) -> None:
    tell(FAILED)
    tell(HELD)
    assert office.subjects[1:] == [
        "Held: reverse-stock-sync: all",
        "Well again: Failed: reverse-stock-sync: all",
    ]

    tell(FAILED)
    assert office.subjects[3:] == ["Failed: reverse-stock-sync: all"]
    tell(DONE)
    assert {each for each in office.subjects[4:] if each.startswith("Well again")} == set(office.subjects[4:])
    assert len(office.mails) == 6


def jobs_ended(name: str, fed: JsonObject | None = None, **held: int) -> None:
    """A run of the queue ended whose jobs fed these suppliers, each with so many items held (or `fed`)."""
    results: list[JsonValue] = [
        {
            "job_id": f"of {supplier}",
            "supplier_id": supplier,
            "outcome": "completed",
            "result": {"fed": fed or {"items": {"held": count, "waits": "abc"}}, "unheard": []},
        }
        for supplier, count in held.items()
    ]
    document: JsonObject = {"jobs_processed": len(results), "results": results}
    run = FlowRun(flow_id=uuid4(), name="automated-sync", parameters={})
    alerts.tell(automated_sync, run, reported(document, name, "so it went"))


def test_a_store_that_takes_nothing_of_a_supplier_is_told_though_its_job_went_well(
    office: PostOffice,
) -> None:
    jobs_ended("Completed", {"error": "401: the token is refused"}, shoes=0)
    assert office.subjects == ["Not fed (supplier shoes): automated-sync"]
    assert "401: the token is refused" in text_of(office)

    jobs_ended("Completed")
    jobs_ended("Completed", shoes=0)
    assert office.subjects[1:] == ["Well again: Not fed (supplier shoes): automated-sync"]


def test_what_is_held_of_a_supplier_is_well_again_with_its_next_jobs_alone(office: PostOffice) -> None:
    jobs_ended("Held", shoes=2)
    assert office.subjects == ["Held (supplier shoes): automated-sync"]
    assert "evenstock suppliers feed shoes --release abc" in text_of(office)

    jobs_ended("Completed")
    jobs_ended("Completed", toys=0)
    jobs_ended("Failed", shoes=2)
    assert [each for each in office.subjects[1:] if "Held" in each] == []

    jobs_ended("Completed", shoes=0)
    assert "Well again: Held (supplier shoes): automated-sync" in office.subjects


def test_flows_and_accounts_are_told_apart(
    office: PostOffice, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(FAILED)
    alerts.tell(manual_inventory_refresh, FlowRun(flow_id=uuid4(), name="refresh"), FAILED)
    monkeypatch.setenv("SHOPIFY_STORE_DOMAIN", "other.myshopify.com")
    tell(FAILED)

    assert len(office.mails) == 3
    assert {each.cause for each in ledger.alerts()} == {
        f"reverse-stock-sync:{OWN}:failed",
        f"inventory-refresh:{OWN}:failed",
        "reverse-stock-sync:other.myshopify.com:failed",
    }


@pytest.mark.parametrize("code", ["INVALID_PRODUCT_IDS", "REFRESH_COOLDOWN", "REFRESH_RUNNING"])
def test_a_refusal_that_the_asker_reads_is_no_alert(office: PostOffice, ledger: Ledger, code: str) -> None:
    refused = reported({"error": {"code": code}}, "Failed", "no")
    alerts.tell(manual_inventory_refresh, FlowRun(flow_id=uuid4(), name="refresh"), refused)

    assert (office.mails, ledger.alerts()) == ([], [])


def test_a_run_without_a_store_is_told_too(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPIFY_STORE_DOMAIN")
    tell(State(type=StateType.FAILED, message="not set: SHOPIFY_STORE_DOMAIN"))

    assert "not set: SHOPIFY_STORE_DOMAIN" in text_of(office)


@pytest.mark.orchestrated
def test_a_run_is_told_even_when_the_ledger_is_gone(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", f"postgresql+psycopg://a:hidden@127.0.0.1:{port}/b")
    tell(FAILED)

    assert office.subjects == ["Failed: reverse-stock-sync: all"]
    assert "The ledger cannot be used" in text_of(office)
    assert "was not stored" in caplog.text
    assert "hidden" not in text_of(office) + caplog.text


@pytest.mark.orchestrated
def test_a_real_run_that_fails_ends_as_it_would_without_alerts(office: PostOffice) -> None:
    office.refuses = True

    @flow(name="reverse-stock-sync", on_failure=[alerts.tell], on_completion=[alerts.tell])
    def falls() -> None:
        raise ValueError("as it was")

    state = falls(return_state=True)
    assert state.is_failed()
    with pytest.raises(ValueError, match="as it was"):
        state.result()


def partners_ended(
    *ended: tuple[str, bool, int], held: str = "", partner: str | None = None, name: str = "Failed"
) -> None:
    """A partner sync ended: shop, success and items of each partner."""
    results: list[JsonValue] = [
        {
            "partnerShop": shop,
            "success": is_good,
            "itemsProcessed": items,
            "message": f"{shop}: so it went",
            "balance": {"held": 4 if shop == held else 0},
        }
        for shop, is_good, items in ended
    ]
    document: JsonObject = {"partnerResults": results, "balance": {"held": 4 if held else 0}}
    plans: list[JsonValue] = ["plan_a", "plan_b"] if held else []
    run = FlowRun(flow_id=uuid4(), name="partner-sync: all partners", parameters={"partner": partner})
    alerts.tell(partner_sync, run, reported(document | {"plan_ids": plans}, name, "1 partner with problems"))


class TestPartnerSyncs:
    """A run's mail tells what no partner's own mail does."""

    @pytest.fixture(autouse=True)
    def _partners(self, ledger: Ledger) -> None:
        for shop in ("roast.example", "beans.example"):
            ledger.add_partner(Partner(OWN, shop, f"https://{shop}", shop.title(), NOW))

    def test_a_partner_that_was_told_of_is_not_told_twice(self, office: PostOffice, ledger: Ledger) -> None:
        token = Cause("partner:roast.example:token", "Token")
        alerts.raise_causes(ledger, load_settings(), OWN, [token])
        partners_ended(("roast.example", False, 0), ("beans.example", True, 3))

        assert office.subjects == ["Token"]

    def test_items_that_failed_are_a_warning_and_no_mail(self, office: PostOffice) -> None:
        partners_ended(("roast.example", False, 9))
        assert office.mails == []

    def test_what_broke_off_is_told_with_the_partners(self, office: PostOffice, ledger: Ledger) -> None:
        (beans, _) = ledger.partners(OWN)
        ledger.record_partner_health(OWN, beans.id or 0, "failed", NOW, error="the own store is away")
        partners_ended(("roast.example", False, 0), ("beans.example", False, 9))
        assert office.subjects == ["Failed: partner-sync: all partners"]
        assert "roast.example: so it went\nbeans.example: so it went" in text_of(office)

        partners_ended(("roast.example", False, 5), ("beans.example", True, 9))
        assert office.subjects[1:] == ["Well again: Failed: partner-sync: all partners"]

    def test_what_is_held_is_told_beside_a_partner_that_failed(self, office: PostOffice) -> None:
        partners_ended(("roast.example", False, 9), ("beans.example", True, 9), held="beans.example")

        assert office.subjects == ["Held: partner-sync: all partners"]
        assert all(f"evenstock plans show plan_{each}" in text_of(office) for each in "ab")

    def test_a_run_for_one_partner_speaks_for_that_one_only(self, office: PostOffice) -> None:
        partners_ended(("roast.example", False, 0), partner="roast.example")
        partners_ended(("beans.example", True, 3), partner="beans.example", name="Completed")
        partners_ended(("roast.example", False, 0), ("beans.example", True, 3))
        assert len(office.mails) == 1

        partners_ended(("beans.example", True, 3), ("roast.example", True, 3), name="Completed")
        assert office.subjects[1:] == ["Well again: Failed: partner-sync: all partners"]

    def test_what_a_partners_own_run_holds_is_told_once_and_stays_so(self, office: PostOffice) -> None:
        one, both = ("roast.example", True, 3), (("roast.example", True, 3), ("beans.example", True, 3))
        partners_ended(one, partner="roast.example", held="roast.example", name="Held")
        partners_ended(*both, held="roast.example", name="Held")
        assert len(office.mails) == 1

        partners_ended(*both, name="Completed")
        assert office.subjects[1:] == ["Well again: Held: partner-sync: all partners"]

    @pytest.mark.parametrize("named", [" ROAST.example", "raost.example"])
    def test_a_run_for_a_partner_is_over_with_a_good_one_however_it_was_named(
        self, office: PostOffice, ledger: Ledger, named: str
    ) -> None:
        partners_ended(partner=named)
        partners_ended(("beans.example", True, 3), ("roast.example", True, 3), name="Completed")

        assert [each.split(":")[0] for each in office.subjects] == ["Failed", "Well again"]
        assert ledger.alerts() == []

    def test_a_run_for_one_partner_that_goes_on_failing_stays_told(
        self, office: PostOffice, clock: Clock
    ) -> None:
        for hours in (0, 0.5, 1):
            clock.set(hours)
            partners_ended(("roast.example", False, 0), partner="roast.example")
        assert [each.split(":")[0] for each in office.subjects] == ["Failed", "Still"]


# ---------------------------------------------------------------- delivery


def test_nobody_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    monkeypatch.setenv("ALERT_EMAIL_TO", "ann@example.com")
    tell(HELD)

    assert [each.undelivered for each in ledger.alerts()] == [[]]


def test_a_server_that_refuses_loses_nothing(
    office: PostOffice, ledger: Ledger, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    office.refuses = True
    for hours in (0, 1, 5, 17):
        alerts.raise_causes(ledger, clock.set(hours), "own", [BROKEN])
    alerts.clear(ledger, clock.set(20), "own", "sync:own:")
    assert "is kept" in caplog.text
    assert PASSWORD not in caplog.text

    office.refuses = False
    assert channels.deliver(ledger, clock.set(21)) == 0

    # Reminders of what nobody has heard of would say the same.
    assert office.subjects == ["Failed: sync", "Well again: Failed: sync"]
    assert ledger.undelivered_alerts() == []


def test_what_comes_and_goes_fills_no_queue_and_ends_with_the_truth(
    office: PostOffice, ledger: Ledger
) -> None:
    office.refuses = True
    settings = load_settings()
    for _ in range(20):
        alerts.raise_causes(ledger, settings, "own", [BROKEN])
        alerts.clear(ledger, settings, "own", "sync:own:")
    alerts.raise_causes(ledger, settings, "own", [BROKEN])
    office.refuses = False
    channels.deliver(ledger, settings)

    assert office.subjects == ["Failed: sync", "Well again: Failed: sync", "Failed: sync"]


def test_what_waits_goes_with_the_next_occasion_whatever_that_is(office: PostOffice, ledger: Ledger) -> None:
    office.refuses = True
    alerts.raise_causes(ledger, load_settings(), "own", [BROKEN])
    office.refuses = False
    tell(DONE)

    assert office.subjects == ["Failed: sync"]


def test_a_server_that_is_down_is_asked_once_an_occasion(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    point_to(free_port(), monkeypatch)
    causes = [Cause(f"partner:{number}:token", "Its token is revoked") for number in range(30)]
    alerts.raise_causes(ledger, load_settings(), "own", causes)

    assert len(ledger.undelivered_alerts()) == 30
    assert caplog.text.count("was not sent") == 1


def test_a_mail_that_is_declined_for_what_it_says_keeps_no_other_back(
    office: PostOffice, ledger: Ledger
) -> None:
    office.declines = b"casino"
    settings = load_settings()
    alerts.raise_causes(ledger, settings, "own", [Cause("a", "Partner Casino: casino"), BROKEN])
    alerts.clear(ledger, settings, "own", "a")

    assert office.subjects == ["Failed: sync"]
    office.declines = b""
    assert channels.deliver(ledger, settings) == 0
    assert office.subjects[1:] == ["Partner Casino: casino", "Well again: Partner Casino: casino"]


def test_a_server_that_drips_costs_a_bounded_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 0.3)
    with dripping_server() as port:
        point_to(port, monkeypatch)
        alerts.raise_causes(ledger, load_settings(), "own", [BROKEN, Cause("another", "Another")])

    assert len(ledger.undelivered_alerts()) == 2


def test_a_slow_server_is_waited_for_once_and_then_left_alone_for_a_while(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 0.3)
    monkeypatch.setattr(channels, "SLOW", 0.2)
    monkeypatch.setattr(channels, "_resting", {})
    with dripping_server() as port:
        point_to(port, monkeypatch)
        for number in range(30):
            alerts.raise_causes(ledger, load_settings(), "own", [Cause(f"{number}", f"Number {number}")])
    assert caplog.text.count("was not sent") == 1
    assert channels.deliver(ledger, load_settings()) == 30

    monkeypatch.setattr(channels, "_resting", {channels.MAIL: 0.0})
    with post_office() as office:
        point_to(office.port, monkeypatch)
        assert channels.deliver(ledger, load_settings()) == 0
        assert len(office.mails) == 30


def test_many_at_once_tell_of_one_cause_once(office: PostOffice, database_url: str) -> None:
    ledger, settings = open_ledger(database_url), load_settings()
    start = threading.Barrier(6)

    def run(_: int) -> None:
        start.wait()
        alerts.raise_causes(ledger, settings, "own", [BROKEN])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))

    assert office.subjects == ["Failed: sync"]
    assert ledger.undelivered_alerts() == []
    ledger.close()


def test_many_causes_at_once_are_each_told_once(office: PostOffice, database_url: str) -> None:
    ledger, settings = open_ledger(database_url), load_settings()

    def run(number: int) -> None:
        alerts.raise_causes(ledger, settings, "own", [Cause(f"partner:{number}:token", f"Number {number}")])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(12)))
    channels.deliver(ledger, settings)

    assert sorted(office.subjects) == sorted(f"Number {number}" for number in range(12))
    ledger.close()


def test_text_of_strangers_makes_no_headers(office: PostOffice, ledger: Ledger) -> None:
    evil = Cause("x", "Shop\r\nBcc: all@example.com\n\n" + "long " * 2_000)
    alerts.raise_causes(ledger, load_settings(), "own", [evil])

    assert office.mails[0]["Bcc"] is None
    assert len(text_of(office)) < alerts.MOST + 300


# ---------------------------------------------------------------- partners


def test_a_partner_has_exactly_the_causes_it_has_now(office: PostOffice, ledger: Ledger) -> None:
    roast = Partner("own", "roast.example", "https://roast.example", "Roast", NOW, id=1)
    token, gone = Cause("partner:roast.example:token", "Token"), Cause("partner:roast.example:gone", "Gone")
    foreign = Cause("partner:roast.example.org:token", "Foreign")
    settings = load_settings()

    alerts.raise_causes(ledger, settings, "own", [foreign])
    alerts.settle_partner(ledger, settings, roast, Health("failed", (token, gone)))
    alerts.settle_partner(ledger, settings, roast, Health("warning", (gone,)))
    alerts.settle_partner(ledger, settings, roast, Health("healthy"))

    assert office.subjects[0] == "Foreign"
    assert sorted(office.subjects[1:3]) == ["Gone", "Token"]
    assert office.subjects[3:] == ["Well again: Token", "Well again: Gone"]
    assert [each.cause for each in ledger.alerts()] == [foreign.key]
    assert len(ledger.alerts(open_only=False)) == 3
