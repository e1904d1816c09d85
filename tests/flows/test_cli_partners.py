"""`evenstock partners` and `evenstock mappings` against two stores: what they say, store and refuse."""

import base64
import csv
import hashlib
import hmac
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, LevelMemory, Partner, open_ledger
from connectors.settings import load_settings
from flows.cli import main
from sandbox.app import Sandbox
from sandbox.server import serving
from tasks.status import inventory_status
from tests.connectors.ledger_samples import NOW
from tests.flows.shell import Said
from tests.ledgers import sqlite_in
from tests.worlds import OWN, product, variant, world

PARTNER = "boots.example"
TOKEN = "shpat_boots"
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes([7]) * 32).decode()
SECRET = "app-secret"
HEADER = "partner_shop,partner_variant_id,own_variant_id,active,locations,buffer,orders_known"


class Desk:
    """Types commands, with something on standard input."""

    def __init__(
        self,
        sandbox: Sandbox,
        url: str,
        folder: Path,
        patch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.sandbox, self.url, self.folder = sandbox, url, folder
        self._patch, self._capsys = patch, capsys

    def __call__(self, *words: str, typed: str = "") -> Said:
        self._capsys.readouterr()
        self._patch.setattr("sys.stdin", io.StringIO(typed))
        status = main(words)
        return Said(status, *self._capsys.readouterr())

    @property
    def boots(self) -> str:
        return f"{self.url}/shopify/{PARTNER}"

    @property
    def ledger(self) -> Ledger:
        return open_ledger(load_settings().needed("EVENSTOCK_DATABASE_URL"))

    def add(self) -> Said:
        return self("partners", "add", "--shop", self.boots, "--name", "Boots", typed=f"{TOKEN}\n")

    def load(self, *rows: str, header: str = HEADER, words: tuple[str, ...] = ()) -> Said:
        file = self.folder / "mappings.csv"
        file.write_text("\n".join([header, *rows, ""]))
        return self("mappings", "import", str(file), "--json", *words)

    def set(self, name: str, value: str) -> None:
        self._patch.setenv(name, value)


def two_stores(**partner: object) -> dict[str, Any]:
    own = [product(101, "24X", variant(1, "A-1", 5), variant(2, "A-2", 5), variant(3, "A-3", 5))]
    theirs = [
        product(
            201, None, variant(11, "a-1", 7), variant(12, "A2", 7), variant(13, "Z", 7), variant(14, None, 1)
        )
    ]
    shops = world(own, [])
    shops["shopify"][PARTNER] = {
        "token": TOKEN,
        "client_id": "app",
        "client_secret": SECRET,
        "locations": [{"id": 1, "name": "Main"}, {"id": 2, "name": "Back"}],
        "products": theirs,
    } | partner
    return shops


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    with Sandbox(two_stores()) as sandbox, serving(sandbox) as url:
        made = Desk(sandbox, url, tmp_path, monkeypatch, capsys)
        settings = sandbox.settings(url) | {
            "EVENSTOCK_DATABASE_URL": sqlite_in(tmp_path),
            "EVENSTOCK_SECRET_KEY": KEY,
            "PARTNER_CLIENT_ID": "app",
            "PARTNER_CLIENT_SECRET": SECRET,
            "HTTP_BASE_DELAY": "0.01",
            "HTTP_MAX_ATTEMPTS": "2",
        }
        for name, value in settings.items():
            made.set(name, value)
        yield made


class TestAdd:
    def test_with_a_token_asks_the_store_who_it_is(self, desk: Desk) -> None:
        said = desk.add()

        assert said.status == 0, said.err
        assert PARTNER in said.out
        assert TOKEN not in said.out + said.err
        [told] = desk("partners", "list", "--json").document["partners"]
        assert (told["shop_domain"], told["display_name"], told["access"]) == (PARTNER, "Boots", "token")
        assert told["is_active"] is True
        assert told["inventory_sync_status"] is None

    def test_a_refused_token_stores_nothing(self, desk: Desk) -> None:
        said = desk("partners", "add", "--shop", desk.boots, "--name", "Boots", typed="shpat_wrong\n")

        assert said.status == 2
        assert "refuses the token" in said.err
        assert "shpat_wrong" not in said.err
        assert desk("partners", "list", "--json").document == {"partners": []}

    @pytest.mark.parametrize(
        "shop",
        [
            "boots.example",
            "https://boots.example",
            "http://boots.myshopify.com.evil.example",
            "boots",
            "",
            "https://boots.myshopify.com/admin",
            f"{'b' * 64}.myshopify.com",
            "http://10.0.0.1/shopify/boots.example",
        ],
    )
    def test_other_places_are_refused(self, desk: Desk, shop: str) -> None:
        said = desk("partners", "add", "--shop", shop, "--name", "Boots", typed=f"{TOKEN}\n")

        assert said.status == 2
        assert "myshopify.com" in said.err or "http is allowed" in said.err
        assert desk.sandbox.calls() == []

    def test_with_calls_forbidden_nobody_is_asked(self, desk: Desk) -> None:
        desk.add()
        desk.sandbox.clear_calls()
        desk.set("DISABLE_EXTERNAL_CALLS", "true")
        for said in (desk.add(), desk("mappings", "propose", PARTNER)):
            assert (said.status, "DISABLE_EXTERNAL_CALLS" in said.err) == (2, True), said.err
        with pytest.raises(ConfigurationError, match="DISABLE_EXTERNAL_CALLS"):
            inventory_status(load_settings())
        assert desk.sandbox.calls() == []

    def test_the_own_store_is_no_partner(self, desk: Desk) -> None:
        said = desk(
            "partners", "add", "--shop", f"{desk.url}/shopify/{OWN}", "--name", "Us", typed="tok-own\n"
        )

        assert (said.status, "own store" in said.err) == (2, True)

    @pytest.mark.parametrize("typed", ["", "\n", "two words\n", "tok\x00en\n"])
    def test_without_a_token_nothing_happens(self, desk: Desk, typed: str) -> None:
        said = desk("partners", "add", "--shop", desk.boots, "--name", "Boots", typed=typed)

        assert (said.status, "standard input" in said.err) == (2, True)

    def test_without_a_key_nothing_is_asked(self, desk: Desk) -> None:
        desk.set("EVENSTOCK_SECRET_KEY", "")
        said = desk.add()

        assert (said.status, "EVENSTOCK_SECRET_KEY" in said.err) == (2, True)
        assert desk.sandbox.calls() == []

    def test_again_changes_what_is_said_and_keeps_the_rest(self, desk: Desk) -> None:
        desk.add()
        assert (
            desk("partners", "change", PARTNER, "--orders-known", "at_once", "--when-stale", "zero").status
            == 0
        )
        assert desk.add().status == 0

        [told] = desk("partners", "list", "--json").document["partners"]
        assert (told["orders_known"], told["when_stale"]) == ("at_once", "zero")

    @pytest.mark.parametrize(
        "words",
        [
            ["add"],
            ["add", "--shop", "x"],
            ["change", "nobody.example", "--name", "N"],
            ["disable"],
            ["enable", "boots.exampel"],
            ["remove", "x"],
            ["consent", "x"],
            ["lst"],
            ["add", "--shop", "x", "--name", "y", "--orders-known", "soon"],
            ["add", "--shop", "a.myshopify.com", "--name", " "],
        ],
    )
    def test_bad_words_are_one_line(self, desk: Desk, words: list[str]) -> None:
        said = desk("partners", *words, typed=f"{TOKEN}\n")

        assert (said.status, said.out) == (2, "")
        assert said.err.count("\n") == 1


class TestSwitches:
    def test_off_on_and_away(self, desk: Desk) -> None:
        desk.add()
        assert desk("partners", "disable", PARTNER).status == 0
        assert "disabled" in desk("partners").out
        assert desk("partners", "enable", desk.boots).status == 0
        assert desk("partners", "list", "--json").document["partners"][0]["is_active"] is True
        assert desk("partners", "remove", PARTNER).status == 0
        assert desk("partners", "list", "--json").document == {"partners": []}
        assert desk.ledger.secret_names(OWN) == []

    def test_a_new_key_seals_everything_anew(self, desk: Desk) -> None:
        desk.add()
        desk.set("EVENSTOCK_SECRET_KEY", f"{OTHER_KEY},{KEY}")
        said = desk("partners", "rotate-key")
        assert (said.status, said.out.startswith("1 secrets")) == (0, True)
        desk.set("EVENSTOCK_SECRET_KEY", OTHER_KEY)
        assert desk("mappings", "propose", PARTNER, "--json").status == 0

    def test_a_lost_key_is_said_clearly(self, desk: Desk) -> None:
        desk.add()
        desk.set("EVENSTOCK_SECRET_KEY", OTHER_KEY)
        said = desk("mappings", "propose", PARTNER)

        assert (said.status, "EVENSTOCK_SECRET_KEY" in said.err) == (2, True)


class TestConsent:
    def begun(self, desk: Desk) -> dict[str, str]:
        """A partner without a token, and what the link that was printed asks."""
        said = desk("partners", "add", "--shop", desk.boots, "--name", "Boots", "--consent")
        assert said.status == 0, said.err
        said = desk("partners", "consent", PARTNER)
        assert (said.status, "no code" in said.err) == (2, True)
        [link] = [line for line in said.out.splitlines() if line.startswith("http")]
        assert link.startswith(f"{desk.boots}/admin/oauth/authorize?")
        return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}

    def address(self, asked: dict[str, str], *, secret: str = SECRET, **changed: str) -> str:
        given = {"code": "sandbox-code", "shop": PARTNER, "state": asked["state"], "timestamp": "1"} | changed
        signature = hmac.new(secret.encode(), urlencode(sorted(given.items())).encode(), hashlib.sha256)
        return f"{asked['redirect_uri']}?{urlencode(given | {'hmac': signature.hexdigest()})}\n"

    def test_the_link_asks_for_reading_only(self, desk: Desk) -> None:
        asked = self.begun(desk)

        assert asked["client_id"] == "app"
        assert asked["scope"] == "read_products,read_inventory,read_locations"
        assert len(asked["state"]) >= 20
        assert SECRET not in str(asked)

    def test_a_whole_address_is_exchanged(self, desk: Desk) -> None:
        asked = self.begun(desk)
        said = desk("partners", "consent", PARTNER, typed=self.address(asked))

        assert said.status == 0, said.err
        assert desk("partners", "list", "--json").document["partners"][0]["access"] == "consent"
        assert desk.ledger.secret_names(OWN) == ["partner:1:pair"]
        assert desk("mappings", "propose", PARTNER, "--json").status == 0

    def test_a_bare_code_is_exchanged(self, desk: Desk) -> None:
        self.begun(desk)

        assert desk("partners", "consent", PARTNER, typed="sandbox-code\n").status == 0

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"shop": "another.example"}, "belongs to another.example"),
            ({"state": "guessed"}, "answers another link"),
            ({"secret": "forged"}, "not signed by Shopify"),
            ({"error": "access_denied"}, "did not consent"),
            ({"code": ""}, "neither a code"),
            ({"code": "spent-code"}, "the code is refused"),
        ],
    )
    def test_what_is_no_answer_is_refused(self, desk: Desk, changed: dict[str, str], expected: str) -> None:
        asked = self.begun(desk)
        said = desk("partners", "consent", PARTNER, typed=self.address(asked, **changed))

        assert said.status in {1, 2}
        assert expected in said.err
        assert desk.ledger.secret_names(OWN) == ["partner:1:state"]

    def test_without_an_app_it_is_said_what_is_missing(self, desk: Desk) -> None:
        self.begun(desk)
        desk.set("PARTNER_CLIENT_ID", "")
        desk.set("PARTNER_CLIENT_SECRET", "")
        said = desk("partners", "consent", PARTNER)

        assert (said.status, "PARTNER_CLIENT_ID" in said.err) == (2, True)

    def test_before_it_the_store_cannot_be_read(self, desk: Desk) -> None:
        self.begun(desk)
        said = desk("mappings", "propose", PARTNER)

        assert (said.status, "needs new consent" in said.err) == (1, True)


class TestImport:
    def test_good_rows_are_stored_and_shown(self, desk: Desk) -> None:
        desk.add()
        said = desk.load(
            f"{PARTNER},11,gid://shopify/ProductVariant/1,,1|2,3,15",
            f"{desk.boots},gid://shopify/ProductVariant/12,2,no,,,",
        )

        assert said.status == 0, said.out
        assert said.document == {"success": True, "strict": False, "stored": 2, "unchanged": 0, "bad": []}
        first, second = desk("mappings", "list", "--json").document["mappings"]
        assert (first["locations"], first["buffer"], first["orders_known"]) == ([1, 2], 3, "15")
        assert (second["active"], second["locations"]) == (False, None)
        assert desk.ledger.levels_of_variants(OWN, 1, [1, 2])[1].owner_truth == f"partner:{PARTNER}"

    def test_the_same_again_changes_nothing(self, desk: Desk) -> None:
        desk.add()
        desk.load(f"{PARTNER},11,1,,,,")
        assert desk.load(f"{PARTNER},11,1,,,,").document["unchanged"] == 1
        assert desk.load(f"{PARTNER},11,1,,,2,").document["stored"] == 1

    def test_bad_rows_are_told_and_the_others_stored(self, desk: Desk) -> None:
        desk.add()
        rows = [
            f"{PARTNER},11,1,,,,",
            f"{PARTNER},99,2,,,,",
            f"{PARTNER},12,98,,,,",
            "nobody.example,12,2,,,,",
        ]
        said = desk.load(*rows)

        assert said.status == 1
        assert said.document["stored"] == 1
        bad = [(each["line"], each["column"], each["value"]) for each in said.document["bad"]]
        assert bad == [
            (3, "partner_variant_id", "99"),
            (4, "own_variant_id", "98"),
            (5, "partner_shop", "nobody.example"),
        ]

    def test_a_location_that_the_partner_does_not_have_is_a_bad_row(self, desk: Desk) -> None:
        desk.add()
        said = desk.load(f"{PARTNER},11,1,,1 9,,", f"{PARTNER},12,2,,2,,")

        assert said.document["stored"] == 1
        (bad,) = said.document["bad"]
        assert (bad["line"], bad["column"], bad["value"]) == (2, "locations", "1 9")
        assert bad["reason"] == f"{PARTNER} has no such active location"

    def test_locations_that_may_not_be_looked_at_are_taken_as_they_are(self, desk: Desk) -> None:
        desk.sandbox.put_world(two_stores(scopes=["read_products", "read_inventory"]))
        desk.add()

        assert desk.load(f"{PARTNER},11,1,,9,,").document["stored"] == 1

    def test_a_terminal_shows_them_too(self, desk: Desk) -> None:
        desk.add()
        file = desk.folder / "rows.csv"
        file.write_text("\n".join([HEADER, f"{PARTNER},11,1,,,,", *["[red]x,=1,2,,,,"] * 120]))
        said = desk("mappings", "import", str(file))

        assert said.status == 1
        assert "[red]x" in said.out
        assert "20 more: --json shows all" in said.out
        assert "1 stored, 0 were so already, 120 bad" in said.out

    def test_strict_stores_all_or_nothing(self, desk: Desk) -> None:
        desk.add()
        said = desk.load(f"{PARTNER},11,1,,,,", f"{PARTNER},99,2,,,,", words=("--strict",))

        assert (said.status, said.document["stored"]) == (1, 0)
        assert desk("mappings", "list", "--json").document == {"mappings": []}

    def test_offline_asks_nobody(self, desk: Desk) -> None:
        desk.add()
        desk.sandbox.clear_calls()
        said = desk.load(f"{PARTNER},99,98,,,,", words=("--offline",))

        assert (said.status, said.document["stored"]) == (0, 1)
        assert desk.sandbox.calls() == []

    def test_250_ids_are_one_call(self, desk: Desk) -> None:
        desk.add()
        desk.sandbox.clear_calls()
        desk.load(*[f"{PARTNER},{1000 + each},{5000 + each},,,," for each in range(251)])

        assert [call["operation"] for call in desk.sandbox.calls()].count("nodes") == 4

    def test_a_level_of_rms_is_a_bad_row_until_it_is_moved(self, desk: Desk) -> None:
        desk.add()
        ledger = desk.ledger
        ledger.use_location("shopify", OWN, 1, NOW)
        ledger.remember([LevelMemory(OWN, 50_001, 1, 101, 1, NOW, owner_truth="rms", sku_folded="a-1")])
        said = desk.load(f"{PARTNER},11,1,,,,")
        [bad] = said.document["bad"]
        assert (bad["column"], "rms feeds it" in bad["reason"]) == ("own_variant_id", True)

        assert desk("levels", "own", "50001", "--truth", f"partner:{PARTNER}").status == 0
        assert desk.load(f"{PARTNER},11,1,,,,").document["stored"] == 1

    def test_an_own_variant_has_one_feeder_unless_all_say_that_they_sum(self, desk: Desk) -> None:
        desk.add()
        header = f"{HEADER},sums"
        desk.load(f"{PARTNER},11,1,,,,")
        said = desk.load(f"{PARTNER},12,1,,,,,true", header=header)
        assert "feeds it already, with its variant 11" in said.document["bad"][0]["reason"]

        said = desk.load(f"{PARTNER},11,1,,,,,true", f"{PARTNER},12,1,,,,,true", header=header)
        assert said.document["stored"] == 2, said.out
        assert desk.ledger.levels_of_variants(OWN, 1, [1])[1].owner_truth == "partners"

    def test_two_partners_share_an_own_variant_only_by_choice(self, desk: Desk) -> None:
        desk.add()
        hats = Partner(OWN, "hats.example", f"{desk.url}/shopify/hats.example", "Hats", NOW)
        desk.ledger.add_partner(hats)
        header, words = f"{HEADER},sums", ("--offline",)
        desk.load(f"{PARTNER},11,1,,,,")
        assert desk.ledger.levels_of_variants(OWN, 1, [1])[1].owner_truth == f"partner:{PARTNER}"

        said = desk.load("hats.example,31,1,,,,,true", header=header, words=words)
        assert f"{PARTNER} feeds it already" in said.document["bad"][0]["reason"]
        both = (f"{PARTNER},11,1,,,,,true", "hats.example,31,1,,,,,true")
        assert desk.load(*both, header=header, words=words).document["stored"] == 2
        assert desk.ledger.levels_of_variants(OWN, 1, [1])[1].owner_truth == "partners"

        alone = (f"{PARTNER},11,1,no,,,,true", "hats.example,31,1,,,,,")
        assert desk.load(*alone, header=header, words=words).document["stored"] == 2
        assert desk.ledger.levels_of_variants(OWN, 1, [1])[1].owner_truth == "partner:hats.example"

    def test_two_mappings_may_change_places(self, desk: Desk) -> None:
        desk.add()
        desk.load(f"{PARTNER},11,1,,,,", f"{PARTNER},12,2,,,,")
        assert desk.load(f"{PARTNER},11,2,,,,", f"{PARTNER},12,1,,,,").document["stored"] == 2

    def test_a_partner_that_cannot_be_asked_spoils_only_its_own_rows(self, desk: Desk) -> None:
        desk.add()
        desk.sandbox.event({"system": "shopify", "account": PARTNER, "kind": "revoke_token"})
        said = desk.load(f"{PARTNER},11,1,,,,")

        assert (said.status, said.document["stored"]) == (1, 0)
        assert "could not be looked up" in said.document["bad"][0]["reason"]

    @pytest.mark.parametrize("name", ["nothing.csv", "", "big.csv", "empty.csv"])
    def test_files_that_are_none(self, desk: Desk, name: str) -> None:
        with (desk.folder / "big.csv").open("wb") as big:
            big.truncate(60 * 1024 * 1024)
        (desk.folder / "empty.csv").touch()
        said = desk("mappings", "import", str(desk.folder / name))

        assert (said.status, said.out) == (2, "")
        assert said.err.count("\n") == 1


class TestPropose:
    def test_shows_everything_and_binds_nothing(self, desk: Desk) -> None:
        desk.add()
        told = desk("mappings", "propose", PARTNER, "--json").document

        assert told["proposed"] == [
            {"partner_variant": 11, "partner_sku": "a-1", "own_variant": 1, "own_sku": "A-1"}
        ]
        assert [each["partner_sku"] for each in told["near"]] == ["A2"]
        assert (told["blank"], told["unmatched"]) == (1, 1)
        assert "looks alike" in desk("mappings", "propose", PARTNER).out
        assert desk("mappings", "list", "--json").document == {"mappings": []}

    def test_its_file_can_be_imported(self, desk: Desk) -> None:
        desk.add()
        said = desk("mappings", "propose", PARTNER, "--csv")
        file = desk.folder / "proposed.csv"
        file.write_text(said.out)
        assert next(csv.reader(io.StringIO(said.out)))[:7] == HEADER.split(",")
        assert desk("mappings", "import", str(file), "--json").document["stored"] == 1

        told = desk("mappings", "propose", PARTNER, "--json").document
        assert (told["proposed"], told["bound"]) == ([], 1)

    def test_the_list_can_be_imported_too(self, desk: Desk) -> None:
        desk.add()
        desk.load(f"{PARTNER},11,1,,1|2,3,15")
        file = desk.folder / "listed.csv"
        file.write_text(desk("mappings", "list", "--csv").out)

        assert desk("mappings", "import", str(file), "--json").document["unchanged"] == 1
