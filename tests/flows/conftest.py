"""A stage for every flow test, and the command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.shell import Shell
from tests.flows.stage import Stage, staged


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Stand-ins on a port, a new ledger, and the environment pointing at both."""
    with staged(tmp_path, monkeypatch.setenv) as made:
        yield made


@pytest.fixture
def evenstock(capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command, as it is typed."""
    return Shell(capsys)
