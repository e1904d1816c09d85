"""Secrets at rest: only their own row and their own key open them, and nothing ever prints them."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, Vault
from connectors.ledger.vault import Sealed, identity_of
from tests.connectors.ledger_samples import HOUR, NOW

pytest_plugins = ["tests.databases"]


def a_key(number: int) -> str:
    return base64.urlsafe_b64encode(bytes([number]) * 32).decode()


OLD, NEW = a_key(1), a_key(250)
HUSH = SecretStr("shpat_hush_hush_Ñ")


def test_a_secret_comes_back_to_its_account_only(ledger: Ledger) -> None:
    vault = Vault(OLD)
    ledger.store_secret(vault, "own", "token", HUSH, NOW)

    assert ledger.secret(vault, "own", "token") == HUSH
    assert ledger.secret(vault, "other", "token") is None
    assert ledger.secret_names("own") == ["token"]
    assert ledger.secret_names("other") == []


def test_a_newer_secret_replaces_and_a_forgotten_one_is_gone(ledger: Ledger) -> None:
    vault = Vault(OLD)
    ledger.store_secret(vault, "own", "token", HUSH, NOW)
    ledger.store_secret(vault, "own", "token", SecretStr("second"), NOW + HOUR)
    assert ledger.secret(vault, "own", "token") == SecretStr("second")

    ledger.forget_secret("own", "token")
    assert ledger.secret(vault, "own", "token") is None


def test_the_database_never_holds_it_readable(ledger: Ledger, tmp_path: Path) -> None:
    ledger.store_secret(Vault(OLD), "own", "token", HUSH, NOW)
    with ledger.database.reading() as connection:
        rows = connection.execute(text("SELECT * FROM secrets")).all()

    needle = HUSH.get_secret_value().encode()
    assert len(rows) == 1
    assert not any(
        needle in bytes(value) for row in rows for value in row if isinstance(value, bytes | memoryview)
    )
    assert "hush" not in repr(rows)
    assert not any(needle in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_a_row_moved_to_another_account_does_not_open(ledger: Ledger) -> None:
    ledger.store_secret(Vault(OLD), "own", "token", HUSH, NOW)
    with ledger.database.writing() as connection:
        connection.execute(text("UPDATE secrets SET account = 'other'"))

    with pytest.raises(ConfigurationError, match="altered or moved") as caught:
        ledger.secret(Vault(OLD), "other", "token")
    assert "hush" not in str(caught.value)


def test_without_its_key_a_secret_stays_closed(ledger: Ledger) -> None:
    ledger.store_secret(Vault(OLD), "own", "token", HUSH, NOW)

    with pytest.raises(ConfigurationError, match="another key"):
        ledger.secret(Vault(NEW), "own", "token")


def test_keys_rotate(ledger: Ledger) -> None:
    ledger.store_secret(Vault(OLD), "own", "token", HUSH, NOW)
    both = Vault(SecretStr(f"{NEW}, {OLD}"))
    assert ledger.secret(both, "own", "token") == HUSH

    assert ledger.rotate_secrets(both, NOW + HOUR) == 1
    assert ledger.rotate_secrets(both, NOW + HOUR) == 0
    assert ledger.secret(Vault(NEW), "own", "token") == HUSH


def test_a_rotation_without_the_old_key_changes_nothing(ledger: Ledger) -> None:
    ledger.store_secret(Vault(OLD), "own", "token", HUSH, NOW)

    with pytest.raises(ConfigurationError, match="another key"):
        ledger.rotate_secrets(Vault(NEW), NOW)
    assert ledger.secret(Vault(OLD), "own", "token") == HUSH


@pytest.mark.parametrize("keys", [None, "", " , ", "short", a_key(1)[:-3], f"{OLD},x"])
def test_keys_that_are_none(keys: str | None) -> None:
    with pytest.raises(ConfigurationError, match="EVENSTOCK_SECRET_KEY"):
        Vault(keys)


def test_no_repr_shows_a_key_or_a_secret() -> None:
    vault = Vault(OLD)
    opened = vault.open("x", vault.seal("x", "hush"))

    assert "hush" not in repr(opened)
    assert OLD not in repr(vault)


@given(st.text(), st.text(), st.text())
def test_what_is_sealed_opens_and_only_in_its_own_row(identity: str, other: str, secret: str) -> None:
    vault = Vault(OLD)
    sealed = vault.seal(identity, secret)

    assert vault.open(identity, sealed).get_secret_value() == secret
    assert vault.seal(identity, secret) != sealed
    if other != identity:
        with pytest.raises(ConfigurationError):
            vault.open(other, sealed)


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0))
def test_an_altered_row_does_not_open(noise: bytes, position: int) -> None:
    vault = Vault(OLD)
    sealed = vault.seal("x", "hush")
    at = position % len(sealed.ciphertext)
    altered = sealed.ciphertext[:at] + noise + sealed.ciphertext[at + len(noise) :]

    if altered != sealed.ciphertext:
        with pytest.raises(ConfigurationError):
            vault.open("x", Sealed(sealed.key_id, altered))


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_two_rows_never_share_an_identity(first: tuple[str, str], second: tuple[str, str]) -> None:
    assert (first == second) == (identity_of("secrets", *first) == identity_of("secrets", *second))


def test_an_ordinary_identity_reads_as_it_is() -> None:
    assert identity_of("secrets", "default", "token") == "secrets:default:token"
