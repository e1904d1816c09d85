import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConfigurationError
from connectors.settings import (
    ENV_FILE,
    VARIABLES,
    MissingLevel,
    QuantityName,
    Rollback,
    Settings,
    child_environment,
    load_settings,
    use,
)

EXAMPLE = Path(__file__).parents[1] / ".env.example"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRET = "shpat_do-not-show-me"

Set = pytest.MonkeyPatch


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: Set) -> Path:
    """The path of the `.env` of an empty project, which is also the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENV_FILE)
    return tmp_path / ".env"


def loaded(monkeypatch: Set, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def complaint(monkeypatch: Set, **values: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(monkeypatch, **values)
    return str(caught.value)


class TestDefaults:
    def test_are_those_of_the_documents(self, tmp_path: Path, monkeypatch: Set) -> None:
        monkeypatch.chdir(tmp_path)
        settings = load_settings()
        assert settings.reverse_sync_batch_size == 50
        assert (settings.min_zero_count, settings.max_zero_share, settings.max_zero_count) == (5, 0.25, 500)
        assert settings.reverse_sync_rollback is Rollback.ALL
        assert settings.reverse_sync_quantity_name is QuantityName.AVAILABLE
        assert settings.reverse_sync_missing_level is MissingLevel.REFUSE
        assert settings.evenstock_writes is True
        assert settings.gone_after_hours == 24
        assert settings.needed("EVENSTOCK_DATABASE_URL") == f"sqlite:///{tmp_path}/.evenstock/ledger.db"

    def test_a_folder_that_is_gone_is_told(self, tmp_path: Path, monkeypatch: Set) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        try:
            with pytest.raises(ConfigurationError, match="is gone"):
                load_settings()
        finally:
            monkeypatch.chdir(tmp_path)

    def test_cannot_be_changed_later(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            load_settings().max_zero_share = 1  # type: ignore[misc]


class TestValues:
    @pytest.mark.parametrize(
        ("given_domain", "url", "shop"),
        [
            ("Shoes.myshopify.com", "https://shoes.myshopify.com", "shoes.myshopify.com"),
            ("https://shoes.myshopify.com/", "https://shoes.myshopify.com", "shoes.myshopify.com"),
            (
                "http://127.0.0.1:8710/shopify/own.example/",
                "http://127.0.0.1:8710/shopify/own.example",
                "own.example",
            ),
            ("http://[::1]:8710/shopify/a", "http://[::1]:8710/shopify/a", "a"),
        ],
    )
    def test_store_domain_becomes_a_base_url(
        self, monkeypatch: Set, given_domain: str, url: str, shop: str
    ) -> None:
        settings = loaded(monkeypatch, SHOPIFY_STORE_DOMAIN=given_domain)
        assert (settings.shopify_base_url, settings.shop) == (url, shop)

    @pytest.mark.parametrize(
        "domain",
        [
            "shoes",
            "shoes.example",
            "https://shoes.example",
            "http://shoes.myshopify.com",
            "http://127.0.0.1.evil.example",
            "http://user:pass@127.0.0.1",
            "https://evil.example/#.myshopify.com",
            "evil.example/.myshopify.com",
            "http://127.0.0.1:99999",
            "file:///etc/passwd",
        ],
    )
    def test_a_token_has_nowhere_else_to_go(self, monkeypatch: Set, domain: str) -> None:
        assert complaint(monkeypatch, SHOPIFY_STORE_DOMAIN=domain).startswith("SHOPIFY_STORE_DOMAIN: ")

    @pytest.mark.parametrize("location", ["77", " 77 ", "gid://shopify/Location/77"])
    def test_location_is_a_number_or_a_gid(self, monkeypatch: Set, location: str) -> None:
        assert loaded(monkeypatch, SHOPIFY_LOCATION_ID=location).shopify_location_id == 77

    @pytest.mark.parametrize(("word", "on"), [("off", False), ("OFF", False), ("on", True), ("false", False)])
    def test_emergency_stop(self, monkeypatch: Set, word: str, on: bool) -> None:  # noqa: FBT001
        settings = loaded(monkeypatch, EVENSTOCK_WRITES=word)
        assert settings.evenstock_writes is on
        assert settings.shown()["EVENSTOCK_WRITES"] == ("on" if on else "off")

    def test_gone_may_be_never(self, monkeypatch: Set) -> None:
        settings = loaded(monkeypatch, GONE_AFTER_HOURS="Never")
        assert settings.gone_after_hours is None
        assert settings.shown()["GONE_AFTER_HOURS"] == "never"

    def test_several_addresses_and_keys(self, monkeypatch: Set) -> None:
        settings = loaded(
            monkeypatch, ALERT_EMAIL_TO="a@b.example, c@d.example", EVENSTOCK_SECRET_KEY=f"{KEY},{KEY}"
        )
        assert settings.alert_email_to == ("a@b.example", "c@d.example")

    @pytest.mark.parametrize(
        ("text", "hour"),
        [("2026-11-21T09:30:00Z", 9), ("2026-11-21T09:30:00", 9), ("2026-11-21T09:30:00+02:00", 7)],
    )
    def test_the_clock_can_be_set(self, monkeypatch: Set, text: str, hour: int) -> None:
        assert loaded(monkeypatch, EVENSTOCK_NOW=text).now() == datetime(2026, 11, 21, hour, 30, tzinfo=UTC)

    def test_else_the_clock_runs(self) -> None:
        before = datetime.now(UTC)
        assert timedelta(0) <= load_settings().now() - before < timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SHOPIFY_API_VERSION", "2026-11"),
            ("SHOPIFY_LOCATION_ID", "Main"),
            ("RMS_DATABASE_URL", "server/database"),
            ("EVENSTOCK_SECRET_KEY", "c2hvcnQ="),
            ("EVENSTOCK_NOW", "tomorrow"),
            ("EVENSTOCK_NOW", "1700000000"),
            ("REVERSE_SYNC_BATCH_SIZE", "0"),
            ("REVERSE_SYNC_BATCH_SIZE", "251"),
            ("REVERSE_SYNC_BATCH_SIZE", "2.5"),
            ("REVERSE_SYNC_ROLLBACK", "some"),
            ("REVERSE_SYNC_TIMEZONE", "Europe/Atlantis"),
            ("REVERSE_SYNC_TIMEZONE", "../../etc/passwd"),
            ("MAX_ZERO_SHARE", "25"),
            ("MAX_ZERO_SHARE", "nan"),
            ("MAX_RISE_FACTOR", "inf"),
            ("MAX_FALL_SHARE", "-0.1"),
            ("GONE_AFTER_HOURS", "0"),
            ("HTTP_MAX_ATTEMPTS", "0"),
            ("BRICKLINK_BASE_URL", "http://bricklink.example"),
            ("ALERT_EMAIL_TO", "a@b.example,nobody"),
            ("SMTP_URL", "mail.example"),
            ("EVENSTOCK_WRITES", "perhaps"),
        ],
    )
    def test_bad_ones_are_refused(self, monkeypatch: Set, name: str, value: str) -> None:
        assert complaint(monkeypatch, **{name: value}).startswith(name)

    @pytest.mark.parametrize(
        "values",
        [
            {"HTTP_BASE_DELAY": "10", "HTTP_MAX_DELAY": "5"},
            {"RMS_ORDER_DELAY_MINUTES": "15", "REVERSE_SYNC_QUANTITY_NAME": "on_hand"},
            {"SHOPIFY_CLIENT_SECRET": SECRET},
        ],
    )
    def test_contradictions_are_refused(self, monkeypatch: Set, values: dict[str, str]) -> None:
        text = complaint(monkeypatch, **values)
        assert all(name in text for name in values)
        assert SECRET not in text


class TestOneError:
    def test_names_every_bad_variable(self, monkeypatch: Set) -> None:
        text = complaint(monkeypatch, REVERSE_SYNC_BATCH_SIZE="251", MAX_ZERO_SHARE="much", EVENSTOCK_NWO="x")
        assert "REVERSE_SYNC_BATCH_SIZE (is 251): must be less than or equal to 250" in text
        assert "MAX_ZERO_SHARE (is much)" in text
        assert (
            "EVENSTOCK_NWO in the environment is no setting of Evenstock (did you mean EVENSTOCK_NOW?)"
            in text
        )
        assert "\n" not in text

    def test_names_every_missing_variable(self, monkeypatch: Set) -> None:
        settings = loaded(monkeypatch, SHOPIFY_LOCATION_ID="1")
        with pytest.raises(ConfigurationError) as caught:
            settings.require(
                "SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "SHOPIFY_LOCATION_ID", "RMS_DATABASE_URL"
            )
        assert str(caught.value).startswith(
            "not set: SHOPIFY_STORE_DOMAIN, "
            "SHOPIFY_ADMIN_TOKEN (or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET), RMS_DATABASE_URL"
        )

    def test_a_client_id_with_its_secret_is_as_good_as_a_token(self, monkeypatch: Set) -> None:
        settings = loaded(monkeypatch, SHOPIFY_CLIENT_ID="id")
        with pytest.raises(ConfigurationError, match="not set: SHOPIFY_CLIENT_SECRET "):
            settings.require("SHOPIFY_ADMIN_TOKEN")
        loaded(monkeypatch, SHOPIFY_CLIENT_SECRET="secret").require("SHOPIFY_ADMIN_TOKEN")

    def test_an_empty_variable_is_a_missing_one(self, monkeypatch: Set) -> None:
        with pytest.raises(ConfigurationError, match="RMS_DATABASE_URL"):
            loaded(monkeypatch, RMS_DATABASE_URL="").require("RMS_DATABASE_URL")
        with pytest.raises(ConfigurationError, match="RMS_DATABASE_URL"):
            load_settings().needed("RMS_DATABASE_URL")


class TestSecrets:
    def test_show_nowhere(self, monkeypatch: Set) -> None:
        settings = loaded(
            monkeypatch,
            SHOPIFY_ADMIN_TOKEN=SECRET,
            RMS_DATABASE_URL=f"mssql+pymssql://reader:{SECRET}@host/db",
            SMTP_URL=f"smtp://user:{SECRET}@host:25",
        )
        shown = (
            f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {settings.shown()}"
        )
        assert SECRET not in shown
        assert settings.needed("shopify_admin_token") == SECRET

    @pytest.mark.parametrize(
        "name",
        [
            "RMS_DATABASE_URL",
            "EVENSTOCK_DATABASE_URL",
            "EVENSTOCK_SECRET_KEY",
            "SMTP_URL",
            "SHOPIFY_STORE_DOMAIN",
        ],
    )
    def test_are_not_in_what_is_said_about_them(self, monkeypatch: Set, name: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            loaded(monkeypatch, **{name: SECRET})
        error: BaseException | None = caught.value
        assert name in str(error)
        while error:
            assert SECRET not in f"{error} {error!r}"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

    @given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=25).map("S3CRET".__add__))
    def test_no_odd_text_slips_out(self, secret: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("RMS_DATABASE_URL", "SMTP_URL", "EVENSTOCK_SECRET_KEY", "BRICKOWL_BASE_URL"):
                patch.setenv(name, secret)
            with pytest.raises(ConfigurationError) as caught:
                load_settings()
        assert "S3CRET" not in str(caught.value)


class TestFile:
    def test_is_read_afresh_and_gives_way_to_the_environment(self, dotenv: Path, monkeypatch: Set) -> None:
        assert load_settings().max_deletions == 50
        dotenv.write_text(
            "\ufeffMAX_DELETIONS=7\nMAX_ZERO_COUNT=8 # why\nPREFECT_API_URL=http://127.0.0.1:4200/api\n"
        )
        assert (load_settings().max_deletions, load_settings().max_zero_count) == (7, 8)
        assert loaded(monkeypatch, MAX_DELETIONS="9").max_deletions == 9

    def test_a_slip_of_the_pen_does_not_switch_a_limit_off(self, dotenv: Path, monkeypatch: Set) -> None:
        dotenv.write_text("MAX_ZERO_SHAER=0.1\n")
        assert (
            complaint(monkeypatch)
            == "MAX_ZERO_SHAER in .env is no setting of Evenstock (did you mean MAX_ZERO_SHARE?)"
        )

    @pytest.mark.parametrize("line", ["MAX_ZERO_SHARE 0.1", "MAX_ZERO_SHARE", "=5"])
    def test_a_line_that_sets_nothing_is_an_error(self, dotenv: Path, monkeypatch: Set, line: str) -> None:
        dotenv.write_text(f"MAX_DELETIONS=7\n{line}\n")
        assert "line 2 of .env" in complaint(monkeypatch)

    def test_an_unreadable_one_is_one_clear_error(self, dotenv: Path, monkeypatch: Set) -> None:
        dotenv.write_bytes("MAX_DELETIONS=7".encode("utf-16"))
        assert complaint(monkeypatch).startswith("cannot read .env")

    def test_a_named_one_must_exist(self, dotenv: Path, monkeypatch: Set) -> None:
        dotenv.write_text("MAX_DELETIONS=7\n")
        assert ENV_FILE in complaint(monkeypatch, **{ENV_FILE: "other.env"})

    def test_misspelt_in_the_environment(self, monkeypatch: Set) -> None:
        text = complaint(monkeypatch, REVERSE_SYNC_BATHC_SIZE="5", SHOPIFY_TOKEN=SECRET)
        assert "did you mean REVERSE_SYNC_BATCH_SIZE?" in text
        assert SECRET not in text


class TestChildren:
    def test_clean_ones_meet_no_real_store(self, dotenv: Path, monkeypatch: Set) -> None:
        dotenv.write_text(f"SHOPIFY_ADMIN_TOKEN={SECRET}\n")
        monkeypatch.setenv("RMS_DATABASE_URL", "mssql+pymssql://real/db")
        environment = child_environment(
            {"SHOPIFY_STORE_DOMAIN": "http://127.0.0.1:1/shopify/own"}, clean=True
        )
        code = "from connectors.settings import load_settings; print(load_settings().shown())"
        answer = subprocess.run(  # noqa: S603 - our own interpreter, our own code
            [sys.executable, "-c", code],
            env=environment | {"PYTHONPATH": str(EXAMPLE.parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "'SHOPIFY_STORE_DOMAIN': 'http://127.0.0.1:1/shopify/own'" in answer
        assert "'SHOPIFY_ADMIN_TOKEN': 'not set'" in answer
        assert "'RMS_DATABASE_URL': 'not set'" in answer

    def test_others_inherit(self, monkeypatch: Set) -> None:
        monkeypatch.setenv("MAX_DELETIONS", "3")
        environment = child_environment({"MAX_QUANTITY": "4"})
        assert (environment["MAX_DELETIONS"], environment["MAX_QUANTITY"]) == ("3", "4")

    def test_this_process_can_do_the_same(self, monkeypatch: Set) -> None:
        monkeypatch.setenv("MAX_DELETIONS", "3")
        monkeypatch.setenv("MAX_QUANTITY", "3")
        use({"MAX_QUANTITY": "4"}, clean=True)
        assert (load_settings().max_deletions, load_settings().max_quantity) == (50, 4)


class TestExample:
    def names(self) -> list[str]:
        return re.findall(r"^#?([A-Z][A-Z_]+)=", EXAMPLE.read_text("utf-8"), re.MULTILINE)

    def test_lists_every_setting_once(self) -> None:
        assert sorted(self.names()) == sorted(VARIABLES)

    def test_can_be_copied_as_it_is(self, dotenv: Path) -> None:
        plain = load_settings()
        dotenv.write_text(EXAMPLE.read_text("utf-8"))
        assert load_settings() == plain

    def test_shows_the_defaults(self, dotenv: Path) -> None:
        plain = load_settings()
        text = re.sub(r"^#([A-Z][A-Z_]+=)", r"\1", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
        dotenv.write_text(re.sub(r"^EVENSTOCK_NOW=.*$", "", text, flags=re.MULTILINE))
        assert load_settings() == plain
