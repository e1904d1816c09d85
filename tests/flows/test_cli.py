"""The command in process: what it says, where, and how it ends."""

import csv
import io
import json
from pathlib import Path

import pytest

from connectors.errors import ConfigurationError
from connectors.settings import VARIABLES
from flows.catalogue import FLOWS, load, settings_of
from flows.cli import COMMANDS
from flows.cli.parameters import read_parameters
from flows.cli.run import narrated
from tests.flows.shell import Shell
from tests.flows.stage import Stage
from tests.worlds import OWN, TOKEN, shoe, world

SYNC = "reverse-stock-sync"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", f"sqlite:///{tmp_path}/own/ledger.db")


@pytest.fixture
def one_shoe(stage: Stage) -> Stage:
    item, rows = shoe(101, {"37": 5, "38": 2}, {"37": 3, "38": 2})
    stage.put(world([item], rows))
    return stage


@pytest.fixture
def sold_out(stage: Stage) -> Stage:
    """A shop whose every level RMS calls zero: too big a surprise to be written."""
    sizes = [str(size) for size in range(30, 50)]
    item, rows = shoe(101, dict.fromkeys(sizes, 3), dict.fromkeys(sizes, 0))
    stage.put(world([item], rows))
    return stage


# ------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rnu"], "there is no command rnu (did you mean run?)"),
        (["run"], "FLOW"),
        (["run", "reverse-sync"], "there is no flow reverse-sync (did you mean reverse-stock-sync?)"),
        (["run", SYNC, "--batchsize", "5"], "no parameter batchsize (did you mean batch_size?)"),
        (["run", SYNC, "batch_size=5"], "'batch_size=5' is not understood"),
        (["run", SYNC, "--limit", "1", "--limit=2"], "limit is given twice"),
        (["run", SYNC, "--batch_size", "0"], "batch_size (is 0)"),
        (["run", SYNC, "--batch_size", "251"], "batch_size (is 251)"),
        (["run", SYNC, "--limit", "-1"], "limit (is -1)"),
        (["run", SYNC, "--day", "21.11.2026"], "day (is 21.11.2026)"),
        (["run", SYNC, "--day", "2026-13-01"], "day (is 2026-13-01)"),
        (["run", SYNC, "--products", "[]"], "products (is [])"),
        (["run", SYNC, "--products", '["x"]'], "products (is"),
        (["run", SYNC, "--dry_run", "perhaps"], "dry_run (is perhaps)"),
        (["run", "apply-plan"], "needs the parameter plan_id"),
        (["status"], "FLOW"),
        (["status", "nothing"], "there is no flow nothing"),
        (["config", "aply-plan"], "did you mean apply-plan?"),
        (["history", SYNC, "--limit", "0"], "--limit must be at least 1"),
        (["plans"], "list|show|release"),
        (["plans", "drop"], "drop"),
        (["plans", "release", "p"], "--by"),
        (["plans", "show", "p"], "there is no plan p"),
        (["emit", "stock-taken"], "there is no event stock-taken"),
        (["emit", "main-sync-finished", "--day", "soon"], "soon is no day"),
        (["levels", "drop", "a", "--rms-item", "1"], "there is no action drop"),
        (["levels", "rebind", "a"], "rebind needs --rms-item"),
        (["levels", "own", "a"], "own needs --truth"),
        (["levels", "rebind", "a", "--rms-item", str(2**70)], "is no ItemID"),
        (["alerts", "close", "caf\udce9"], "the argument caf? is not UTF-8"),
        (["check", "--everything"], "--everything"),
        (["demo", "--fast"], "--fast"),
        (["up", "--port", "65536"], "--port must be between 0 and 65535, not 65536"),
    ],
)
@pytest.mark.usefixtures("own_ledger")
def test_bad_input_is_one_clear_line(evenstock: Shell, words: list[str], expected: str) -> None:
    said = evenstock(*words)

    assert said.status == 2
    assert expected in said.err
    assert said.err.startswith("evenstock: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_everything_wrong_is_named_at_once(evenstock: Shell) -> None:
    said = evenstock("run", SYNC, "--batch_size", "0", "--limit", "none", "--nonsense", "1")

    assert all(name in said.err for name in ("batch_size (is 0)", "limit (is none)", "nonsense"))


def test_all_missing_settings_are_named_in_one_error(evenstock: Shell) -> None:
    said = evenstock("run", SYNC, "--json")

    assert (said.status, said.out) == (2, "")
    assert all(
        name in said.err for name in ("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "RMS_DATABASE_URL")
    )
    assert said.err.count("\n") == 1


def test_a_bad_setting_is_named(evenstock: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERSE_SYNC_BATCH_SIZE", "0")

    said = evenstock("config", SYNC)

    assert said.status == 2
    assert "REVERSE_SYNC_BATCH_SIZE (is 0)" in said.err


def test_the_overview_names_every_command(evenstock: Shell) -> None:
    said = evenstock("--help")

    assert said.status == 0
    assert all(name in said.out for name in [*COMMANDS, *FLOWS])


# ------------------------------------------------------------ parameters


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--limit", "5"], {"limit": 5}),
        (["--limit=5", "--dry-run"], {"limit": 5, "dry_run": True}),
        (["--dry_run", "--day", "2026-11-21"], {"dry_run": True, "day": "2026-11-21"}),
        (["--products", "[1, 2]"], {"products": [1, 2]}),
        (["--limit", "null"], {"limit": None}),
        (["--limit", "NaN"], {"limit": "NaN"}),
        (["--released_by="], {"released_by": ""}),
        (["--limit", "-1"], {"limit": -1}),
    ],
)
def test_values_are_json_else_text(words: list[str], expected: dict[str, object]) -> None:
    assert {name: value for name, (value, _) in read_parameters(words).items()} == expected


def test_two_dashes_alone_are_no_parameter() -> None:
    with pytest.raises(ConfigurationError):
        read_parameters(["--"])


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_can_be_loaded_and_is_named_as_its_deployment(name: str) -> None:
    assert load(name).name == name
    assert set(FLOWS[name].needs) <= set(VARIABLES)
    assert set(FLOWS[name].needs) <= set(settings_of(name))


# ------------------------------------------------------------------- run


@pytest.mark.orchestrated
class TestRun:
    @pytest.mark.usefixtures("one_shoe")
    def test_prints_exactly_the_report(self, evenstock: Shell) -> None:
        said = evenstock("run", SYNC, "--json")

        assert said.status == 0
        assert said.document["balance"]["done"] == 1
        assert "products without the mark" in said.err

    def test_tells_how_far_it_is(self, evenstock: Shell, stage: Stage) -> None:
        pairs = [shoe(number, {"37": 5}, {"37": 3}) for number in range(101, 104)]
        stage.put(world([item for item, _ in pairs], [row for _, rows in pairs for row in rows]))
        parts: list[float] = []
        with narrated(lambda _, done: parts.append(done) if done is not None else None):
            said = evenstock("run", SYNC, "--batch_size", "1")

        assert said.status == 0
        assert "2 of 3 batches written" in said.err
        assert parts == pytest.approx([1 / 3, 2 / 3, 1])

    def test_shows_what_changed_for_people(self, evenstock: Shell, one_shoe: Stage) -> None:
        said = evenstock("run", SYNC)

        assert said.status == 0
        assert "24X101-37" in said.out
        assert "Balance" in said.out
        assert "Receipt" in said.out
        assert one_shoe.levels()["24X101-37"] == 3

    def test_ends_with_3_when_something_is_held(self, evenstock: Shell, sold_out: Stage) -> None:
        said = evenstock("run", SYNC)

        assert said.status == 3
        assert "evenstock plans show" in said.out
        assert sold_out.writes() == []

    def test_ends_with_1_when_rms_is_down(self, evenstock: Shell, one_shoe: Stage) -> None:
        one_shoe.faults(system="rms", kind="down")

        said = evenstock("run", SYNC, "--json")

        assert said.status == 1
        assert said.document["success"] is False

    @pytest.mark.usefixtures("one_shoe")
    def test_a_wrong_token_is_one_line(self, evenstock: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHOPIFY_ADMIN_TOKEN", "tok-wrong-and-secret")

        said = evenstock("run", SYNC, "--json")

        assert (said.status, said.out) == (2, "")
        assert said.err.count("\n") == 1
        assert "SHOPIFY_ADMIN_TOKEN" in said.err
        assert "tok-wrong" not in said.err

    @pytest.mark.usefixtures("one_shoe")
    def test_a_future_day_is_one_line(self, evenstock: Shell) -> None:
        said = evenstock("run", SYNC, "--day", "2999-01-01")

        assert said.status == 2
        assert said.err.count("\n") == 1
        assert "future" in said.err


@pytest.mark.orchestrated
class TestPlans:
    def test_are_listed_shown_and_released(self, evenstock: Shell, sold_out: Stage) -> None:
        plan = evenstock("run", SYNC, "--json", "--delete_zero_stock", "false").document["plan_id"]

        assert plan in evenstock("plans", "list").out
        assert evenstock("plans", "list", "--json").document["plans"][0]["lines"] == 20
        assert "24X101-30" in evenstock("plans", "show", plan).out
        assert len(evenstock("plans", "show", plan, "--json").document["lines"]) == 20
        released = evenstock("plans", "release", plan, "--by", "ann", "--json")
        assert (released.status, released.document["balance"]["done"]) == (0, 20)
        assert set(sold_out.levels().values()) == {0}
        assert evenstock("plans", "release", plan, "--by", "ann").status == 2
        assert "Nothing is waiting." in evenstock("plans", "list").out
        assert evenstock("history", "apply-plan", "--json").document["runs"][0]["state"] == "completed"

    @pytest.mark.usefixtures("sold_out")
    def test_are_shown_as_csv(self, evenstock: Shell) -> None:
        plan = evenstock("run", SYNC, "--json").document["plan_id"]

        rows = list(csv.DictReader(io.StringIO(evenstock("plans", "show", plan, "--csv").out)))

        assert len(rows) == 20
        assert (rows[0]["sku"], rows[0]["from_quantity"], rows[0]["to_quantity"]) == ("24X101-30", "3", "0")

    def test_a_sku_is_no_formula(self, evenstock: Shell, stage: Stage) -> None:
        item, rows = shoe(101, {"37": 5}, {"37": 3})
        item["variants"][0]["sku"] = rows[0]["sku"] = "=HYPERLINK(1)"
        stage.put(world([item], rows))
        plan = evenstock("run", SYNC, "--dry_run", "true", "--json").document["plan_id"]

        assert "'=HYPERLINK(1)" in evenstock("plans", "show", plan, "--csv").out


# ------------------------------------------------------------------ look


@pytest.mark.orchestrated
class TestLook:
    @pytest.mark.usefixtures("one_shoe")
    def test_status_and_history_tell_the_last_runs(self, evenstock: Shell) -> None:
        assert "has not run yet" in evenstock("status", SYNC).out
        assert evenstock("status", SYNC, "--json").document == {
            "flow": SYNC,
            "last_run": None,
            "alerts": [],
        }
        first = evenstock("run", SYNC, "--dry_run", "--json").document
        second = evenstock("run", SYNC, "--json").document

        last = evenstock("status", SYNC, "--json").document["last_run"]
        assert (last["sync_id"], last["report"]) == (second["sync_id"], second)
        assert "24X101-37" in evenstock("status", SYNC).out
        runs = evenstock("history", SYNC, "--json").document["runs"]
        assert [run["sync_id"] for run in runs] == [second["sync_id"], first["sync_id"]]
        assert [run["dry_run"] for run in runs] == [False, True]
        assert first["sync_id"] in evenstock("history", SYNC).out
        assert "has not run yet" in evenstock("status", "apply-plan").out

    @pytest.mark.usefixtures("stage")
    def test_config_shows_every_setting_and_no_secret(self, evenstock: Shell) -> None:
        shown = evenstock("config", SYNC, "--json")

        settings = shown.document["settings"]
        assert settings["SHOPIFY_ADMIN_TOKEN"] == "set"
        assert settings["REVERSE_SYNC_BATCH_SIZE"] == "50"
        assert TOKEN not in shown.out
        assert "REVERSE_SYNC_DELAY_MINUTES" in evenstock("config", SYNC).out
        own = {
            name
            for name in VARIABLES
            if name.startswith(("REVERSE_SYNC_", "SHOPIFY_", "RMS_", "MAX_", "MIN_"))
        }
        assert own - {"MAX_PRICE_JUMP"} <= settings.keys()
        assert "BRICKLINK_TOKEN" not in settings


# ------------------------------------------------------------------ care


class TestCare:
    def test_check_is_content_and_writes_nothing(
        self, evenstock: Shell, one_shoe: Stage, tmp_path: Path
    ) -> None:
        (tmp_path / "ledger.db").unlink()
        said = evenstock("check")

        assert said.status == 0
        assert "fail" not in said.out
        assert one_shoe.writes() == []
        assert not (tmp_path / "ledger.db").exists()

    @pytest.mark.parametrize("url", ["sqlite:///{}?timeout=5", "sqlite:///file:{}?uri=true"])
    def test_check_finds_the_ledger_however_it_is_written(
        self, evenstock: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
    ) -> None:
        monkeypatch.setenv("EVENSTOCK_DATABASE_URL", url.format(tmp_path / "here.db"))

        assert "ledger: not set up yet" in evenstock("check").out
        assert evenstock("plans", "list").status == 0
        assert "ledger: up to date" in evenstock("check").out

    def test_check_tells_twins_and_blanks(self, evenstock: Shell, stage: Stage) -> None:
        item, rows = shoe(101, {"37": 5, "38": 1}, {"37": 3})
        item["variants"][1]["sku"] = "24x101-37 "
        stage.put(world([item], [*rows, rows[0] | {"sku": "24x101-37"}]))

        findings = evenstock("check", "--json").document["findings"]

        warned = " ".join(each["text"] for each in findings if each["verdict"] == "warn")
        assert "24X101-37 = 24x101-37" in warned
        assert "RMS: 1 SKUs have several rows" in warned

    def test_check_names_all_that_is_missing(self, evenstock: Shell) -> None:
        said = evenstock("check")

        assert said.status == 2
        assert "SHOPIFY_STORE_DOMAIN" in said.out
        assert "RMS_DATABASE_URL" in said.out

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("SHOPIFY_ADMIN_TOKEN", "tok-wrong", "fail store:"),
            ("SHOPIFY_LOCATION_ID", "99", "fail location: SHOPIFY_LOCATION_ID 99"),
            ("RMS_DATABASE_URL", "sqlite:////nowhere/rms.db", "fail RMS:"),
        ],
    )
    @pytest.mark.usefixtures("one_shoe")
    def test_check_finds_what_is_wrong(
        self, evenstock: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
    ) -> None:
        monkeypatch.setenv(name, value)

        said = evenstock("check")

        assert said.status == 2
        assert expected in said.out
        assert value == "99" or value not in said.out

    def test_setup_may_be_run_again(self, evenstock: Shell, one_shoe: Stage, tmp_path: Path) -> None:
        (tmp_path / "ledger.db").unlink()
        assert [evenstock("setup").status for _ in range(2)] == [0, 0]
        assert (tmp_path / "ledger.db").exists()
        assert one_shoe.writes() == []

    def test_another_location_is_refused_until_confirmed(
        self, evenstock: Shell, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        places = [{"id": 1, "name": "Main"}, {"id": 2, "name": "Attic"}]
        stage.put(world([], [], locations=places))
        monkeypatch.setenv("SHOPIFY_LOCATION_ID", "1")
        assert evenstock("setup").status == 0
        monkeypatch.setenv("SHOPIFY_LOCATION_ID", "2")

        refused = evenstock("setup")
        confirmed = evenstock("setup", "--confirm-location")

        assert (refused.status, confirmed.status) == (2, 0)
        assert "--confirm-location" in refused.err
        assert "Attic" in confirmed.out
        assert evenstock("setup").status == 0


@pytest.mark.orchestrated
def test_a_rebinding_is_refused_until_confirmed(evenstock: Shell, stage: Stage) -> None:
    item, rows = shoe(101, {"37": 5}, {"37": 5})
    stage.put(world([item], [rows[0] | {"item_id": 11}]))
    evenstock("run", SYNC)
    stage.put(world([item], [rows[0] | {"item_id": 12, "quantity": 3}]))
    rebound = evenstock("run", SYNC, "--json").document
    assert rebound["report"]["details"]["refused"][0]["reason"] == "rebound"

    said = evenstock("levels", "rebind", "24x101-37", "--rms-item", "12")

    assert (said.status, stage.levels()) == (0, {"24X101-37": 5})
    stage.put(world([item], [rows[0] | {"item_id": 12, "quantity": 3}]))
    assert evenstock("run", SYNC, "--json").document["balance"]["done"] == 1
    assert stage.levels() == {"24X101-37": 3}
    assert evenstock("levels", "rebind", "24X999", "--rms-item", "12").status == 2


@pytest.mark.orchestrated
def test_a_level_goes_to_the_truth_that_a_person_names(evenstock: Shell, one_shoe: Stage) -> None:
    evenstock("run", SYNC, "--dry_run")
    evenstock("run", SYNC)
    assert evenstock("levels", "own", "24X101-37", "--truth", "partner:a").status == 0
    one_shoe.event(kind="edit", variant_id=10101, location_id=1, quantity=9)

    refused = evenstock("run", SYNC, "--products", "[101]", "--json").document
    evenstock("levels", "own", "24X101-37", "--truth", "rms")
    done = evenstock("run", SYNC, "--products", "[101]", "--json").document

    assert refused["report"]["details"]["refused"][0]["reason"] == "other_truth"
    assert (done["balance"]["done"], one_shoe.levels()["24X101-37"]) == (1, 3)


class TestEmit:
    def test_needs_a_server(self, evenstock: Shell) -> None:
        from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

        with temporary_settings({PREFECT_API_URL: None}):
            assert evenstock("emit", "main-sync-finished", "--shop", OWN).status == 2
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            said = evenstock("emit", "main-sync-finished", "--shop", OWN)
        assert said.status == 1
        assert said.err.count("\n") == 1

    @pytest.mark.orchestrated
    def test_sends_the_event(self, evenstock: Shell, prefect_server: str) -> None:
        assert prefect_server
        said = evenstock("emit", "main-sync-finished", "--shop", OWN, "--day", "2026-11-21")

        assert (said.status, said.err) == (0, "")
        assert f"Sent evenstock.main-sync.finished for {OWN}." in said.out


# --------------------------------------------------------------- streams


class TestStreams:
    def test_a_closed_standard_input_is_an_empty_one(
        self, evenstock: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", None)
        monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)

        said = evenstock("accounts", "add", "bricks", "--bricklink")

        assert said.status == 2
        assert "standard input must give consumer_key" in said.err

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
    def test_a_terminal_without_our_letters_gets_others(
        self, evenstock: Shell, monkeypatch: pytest.MonkeyPatch, encoding: str
    ) -> None:
        there = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr("sys.stdout", there)

        assert evenstock("--help").status == 0
        assert evenstock("suppliers").status == 0
        there.seek(0)
        assert "evenstock suppliers add --type ? --name ?" in there.read()

    def test_and_programs_the_same_json(self, evenstock: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REVERSE_SYNC_EXCLUDE_TAG", "été ✓")
        there = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr("sys.stdout", there)

        assert evenstock("config", SYNC, "--json").status == 0
        there.seek(0)
        assert json.loads(there.read())["settings"]["REVERSE_SYNC_EXCLUDE_TAG"] == "été ✓"
