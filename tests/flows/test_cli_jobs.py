"""`evenstock suppliers` and `evenstock jobs`: what they say, store and refuse."""

import base64
import io
import json
import shlex
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.ledger import Ledger, Vault, open_ledger
from connectors.ledger.supplier_records import Claim, Job, JobStatus, Supplier
from connectors.ledger.suppliers import secrets_of
from connectors.settings import load_settings
from flows.cli import main
from tasks.supplier_access import access
from tests.ledgers import sqlite_in
from tests.tasks.queues import SUPPLIER
from tests.worlds import NOW

ROOT = Path(__file__).parents[2]
KEY = base64.urlsafe_b64encode(bytes(32)).decode()


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


class Desk:
    """Types commands, with something on standard input."""

    def __init__(self, ledger: Ledger, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.ledger = ledger
        self._patch, self._capsys = patch, capsys

    def __call__(self, *words: str, typed: str = "") -> Said:
        self._capsys.readouterr()
        self._patch.setattr("sys.stdin", io.StringIO(typed))
        status = main(words)
        return Said(status, *self._capsys.readouterr())

    def only(self) -> Supplier:
        (found,) = self.ledger.suppliers()
        return found


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    url = sqlite_in(tmp_path)
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", url)
    monkeypatch.setenv("EVENSTOCK_NOW", NOW.isoformat())
    monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
    with closing(open_ledger(url)) as ledger:
        yield Desk(ledger, monkeypatch, capsys)


def added(desk: Desk, *more: str, typed: str = "") -> Said:
    return desk("suppliers", "add", "--type", "bigbuy", "--name", "BigBuy", *more, typed=typed)


class TestSuppliers:
    def test_share_the_settings_credentials_unless_they_have_their_own(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BIGBUY_API_KEY", "the-settings-key")

        said = added(desk, "--user", "ann", "--set", "language=es", "--set", "batch_size=50")

        supplier = desk.only()
        assert said.status == 0
        assert supplier.id in said.out
        assert (supplier.user_id, supplier.account) == ("ann", "bigbuy:default")
        assert supplier.configuration == {"language": "es", "batch_size": 50}
        opened = access(load_settings(), desk.ledger, supplier)
        assert (opened.credentials, opened.configuration.batch_size) == ({"api_key": "the-settings-key"}, 50)

    @pytest.mark.parametrize("option", ["--user", "--name"])
    @pytest.mark.parametrize("word", ["w" * 201, "a\tb"], ids=["long", "tab"])
    def test_are_called_what_any_ledger_takes(self, desk: Desk, option: str, word: str) -> None:
        said = added(desk, option, word)
        assert (said.status, desk.ledger.suppliers()) == (2, [])
        assert "must be a word of 200 printable characters at the most" in said.err

    @pytest.mark.parametrize(
        "typed",
        [
            "its-own-key==",
            "api_key=its-own-key==\n",
            "BIGBUY_API_KEY=its-own-key==",
            '{"api_key": "its-own-key=="}',
        ],
    )
    def test_keep_their_own_credentials_encrypted(self, desk: Desk, typed: str) -> None:
        said = added(desk, "--credentials", typed=typed)

        supplier = desk.only()
        settings = load_settings()
        assert access(settings, desk.ledger, supplier).credentials == {"api_key": "its-own-key=="}
        assert supplier.account not in {"bigbuy:default", ""}
        assert "its-own-key" not in said.out + said.err + supplier.account
        stored = desk.ledger.secret(
            Vault(settings.evenstock_secret_key), secrets_of("default", supplier.id), "api_key"
        )
        assert stored is not None
        assert stored.get_secret_value() == "its-own-key=="

    def test_do_not_take_null_for_a_credential(self, desk: Desk) -> None:
        said = added(desk, "--credentials", typed='{"api_key": null}')
        assert (said.status, "must give api_key" in said.err) == (2, True)

    def test_with_one_key_share_one_account(self, desk: Desk) -> None:
        for _ in range(2):
            added(desk, "--credentials", typed="one key")
        added(desk, "--credentials", typed="another")

        assert len({each.account for each in desk.ledger.suppliers()}) == 2

    def test_change_what_is_said_of_them_and_keep_the_rest(self, desk: Desk) -> None:
        added(desk, "--set", "language=es", "--set", "feed=x", "--credentials", typed="k1-secret")
        number = desk.only().id

        assert desk("suppliers", "change", number, "--name", "B", "--set", "feed=").status == 0
        assert (desk.only().name, desk.only().configuration) == ("B", {"language": "es"})
        before = desk.only().account
        assert desk("suppliers", "change", "B", "--credentials", typed="k2-secret").status == 0
        assert desk.only().account != before
        assert desk("suppliers", "change", "B", "--shared-credentials").status == 0
        assert desk.only().account == "bigbuy:default"
        assert desk.ledger.secret_names(secrets_of("default", number)) == []

    def test_are_switched_off_and_on(self, desk: Desk) -> None:
        added(desk)

        desk("suppliers", "disable", "BigBuy")
        assert desk.only().status == "inactive"
        desk("suppliers", "enable", "BigBuy")
        assert desk.only().status == "active"

    def test_are_listed_without_their_secrets(self, desk: Desk) -> None:
        assert "no supplier yet" in desk("suppliers").out
        added(desk, "--user", "ann", "--credentials", typed="very-secret")

        (shown,) = desk("suppliers", "list", "--json").document["suppliers"]
        assert (shown["user_id"], shown["credentials"], shown["status"]) == ("ann", "own", "active")
        assert desk("suppliers", "list", "--user", "ben", "--json").document == {"suppliers": []}
        assert "very-secret" not in desk("suppliers").out

    @pytest.mark.parametrize(
        ("words", "typed", "sentence"),
        [
            (("add", "--type", "bigbuyer", "--name", "x"), "", "not a kind of supplier"),
            (("add", "--type", "bigbuy", "--name", " "), "", "--name must not be empty"),
            (("add", "--type", "bigbuy", "--name", "x", "--set", "colour=red"), "", "colour is not known"),
            (("add", "--type", "bigbuy", "--name", "x", "--set", "language"), "", "NAME=VALUE"),
            (("add", "--type", "bigbuy", "--name", "x", "--credentials"), "", "must give api_key"),
            (("add", "--type", "bigbuy", "--name", "x", "--credentials"), "{", "not one JSON object"),
            (("change", "nobody", "--name", "x"), "", "there is no supplier nobody"),
            (("rename",), "", "rename"),
        ],
    )
    def test_refuse_what_makes_no_sense(
        self, desk: Desk, words: tuple[str, ...], typed: str, sentence: str
    ) -> None:
        said = desk("suppliers", *words, typed=typed)

        assert said.status == 2
        assert sentence in said.err
        assert said.err.count("\n") == 1
        assert desk.ledger.suppliers() == []

    def test_that_are_lists_are_added_as_the_recipe_says(self, desk: Desk) -> None:
        recipe = (ROOT / "docs" / "new_supplier.md").read_text("utf-8")
        typed = recipe.partition("$ evenstock suppliers add")[2].partition("```")[0].replace("\\\n", " ")

        said = desk("suppliers", "add", *shlex.split(typed))

        assert said.status == 0, said.err
        columns = {"supplier_product_id": "Nr", "stock_quantity": "Bestand", "price": "UVP"}
        configuration = desk.only().configuration
        assert (configuration["columns"], configuration["decimal"]) == (columns, ",")
        opened = access(load_settings(), desk.ledger, desk.only())
        assert opened.configuration.url == "https://supplier.example/products.csv"
        wrong = desk("suppliers", "change", "Shoe care", "--set", 'columns={"colour": "Farbe"}')
        assert (wrong.status, "colour is not known" in wrong.err) == (2, True)

    def test_need_a_key_to_keep_secrets(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("EVENSTOCK_SECRET_KEY")

        said = added(desk, "--credentials", typed="k-secret")

        assert (said.status, desk.ledger.suppliers()) == (2, [])
        assert "EVENSTOCK_SECRET_KEY" in said.err

    def test_need_none_without_secrets_of_their_own(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("EVENSTOCK_SECRET_KEY")

        said = desk("suppliers", "add", "--type", "bigbuy", "--name", "Toys")

        assert (said.status, desk.only().name) == (0, "Toys")


class TestJobs:
    @pytest.fixture
    def queue(self, desk: Desk) -> Desk:
        """One job that is done, one that failed, one that runs, and one that waits."""
        desk.ledger.add_supplier(SUPPLIER)
        for name in ("done", "broken", "busy", "waiting"):
            desk.ledger.enqueue_job(Job(name, "user-1", "price_update", SUPPLIER.id, NOW, NOW, NOW))
        jobs = desk.ledger.claim_jobs(Claim("w", 60), 4, NOW, NOW)
        by_id = {job.id: job for job in jobs}
        later = NOW + timedelta(seconds=30)
        desk.ledger.finish_job(by_id["done"], JobStatus.COMPLETED, later, result={"type": "price_sync"})
        desk.ledger.finish_job(by_id["broken"], JobStatus.FAILED, later, errors=["BigBuy refused the key"])
        desk.ledger.put_back_job(by_id["waiting"], later, NOW)
        return desk

    def stands(self, desk: Desk, job_id: str) -> JobStatus:
        found = desk.ledger.job(job_id)
        assert found is not None
        return found.status

    def test_are_listed(self, queue: Desk) -> None:
        shown = {each["id"]: each["status"] for each in queue("jobs", "list", "--json").document["jobs"]}
        assert shown == {"done": "completed", "broken": "failed", "busy": "running", "waiting": "pending"}
        (failed,) = queue("jobs", "--status", "failed", "--json").document["jobs"]
        assert failed["errors"] == ["BigBuy refused the key"]
        assert queue("jobs", "--user", "nobody", "--json").document == {"jobs": []}
        assert "BigBuy refused" in queue("jobs").out

    def test_are_shown_one_by_one(self, queue: Desk) -> None:
        shown = queue("jobs", "show", "done", "--json").document
        assert (shown["result"], shown["attempts"]) == ({"type": "price_sync"}, 1)
        assert "price_sync" in queue("jobs", "show", "done").out

    def test_are_cancelled_until_they_end(self, queue: Desk) -> None:
        for job_id in ("busy", "waiting"):
            assert queue("jobs", "cancel", job_id).status == 0
            assert self.stands(queue, job_id) is JobStatus.CANCELLED
        said = queue("jobs", "cancel", "done")
        assert (said.status, "has ended already: completed" in said.err) == (2, True)

    def test_are_tried_again_when_they_failed_or_were_cancelled(self, queue: Desk) -> None:
        assert queue("jobs", "retry", "broken").status == 0
        assert self.stands(queue, "broken") is JobStatus.PENDING
        assert "only failed and cancelled" in queue("jobs", "retry", "done").err

    def test_of_other_users_are_left_alone(self, queue: Desk) -> None:
        for action in ("show", "cancel", "retry"):
            assert "there is no job broken" in queue("jobs", action, "broken", "--user", "ben").err
        assert self.stands(queue, "broken") is JobStatus.FAILED

    def test_that_are_not_there_are_told_from_an_empty_queue(self, queue: Desk) -> None:
        assert "There is no such job." in queue("jobs", "list", "--user", "nobody").out
        assert "No job is at work" in queue("jobs", "--stats", "--user", "nobody").out
        assert "The queue is empty" not in queue("jobs", "list").out

    def test_answer_the_origin_s_two_questions(self, queue: Desk) -> None:
        told = queue("jobs", "--stats", "--json").document

        assert [each["id"] for each in told["running"]] == ["busy"]
        assert told["statuses"] == [
            {"status": "completed", "count": 1, "avg_duration_seconds": 30.0},
            {"status": "failed", "count": 1, "avg_duration_seconds": 30.0},
            {"status": "pending", "count": 1, "avg_duration_seconds": None},
            {"status": "running", "count": 1, "avg_duration_seconds": None},
        ]
        assert told["types"] == [
            {
                "type": "price_update",
                "supplier": "BigBuy",
                "supplier_id": "supplier-1",
                "completed": 1,
                "failed": 1,
                "success_rate": 50.0,
                "seconds": 30.0,
            }
        ]
        assert "price_update" in queue("jobs", "--stats").out
        others = queue("jobs", "--stats", "--user", "ben", "--json").document
        assert others == {"running": [], "statuses": [], "types": []}

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("show",), "needs the id"),
            (("list", "x"), "takes no id"),
            (("drop", "x"), "no action drop"),
            (("show", "gone"), "there is no job gone"),
            (("--limit", "0"), "at least 1"),
        ],
    )
    def test_refuse_what_makes_no_sense(self, desk: Desk, words: tuple[str, ...], sentence: str) -> None:
        said = desk("jobs", *words)
        assert (said.status, sentence in said.err) == (2, True)
