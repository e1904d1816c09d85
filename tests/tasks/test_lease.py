"""Leases around a piece of work."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import Transient
from connectors.ledger import Ledger, open_ledger
from tasks.lease import held
from tests.ledgers import sqlite_in


def test_what_was_done_is_not_lost_with_a_lease_that_cannot_be_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(sqlite_in(tmp_path))

    def busy(ledger: Ledger, held: Mapping[str, int], holder: str) -> None:
        raise Transient(f"{ledger!r} is busy: {held} stay with {holder}")

    with held(ledger, ["product:1"], "run", 60) as hold:
        done = hold.fences == {"product:1": 1}
        monkeypatch.setattr(Ledger, "release", busy)

    assert done
    assert ledger.live("product:", datetime.now(UTC)) == 1
    ledger.close()
