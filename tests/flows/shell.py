"""Type commands as a person does, and read what they say."""

import json
from typing import Any

import pytest

from flows.cli import main


class Said:
    """How a command ended and what it said."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """What it printed, as JSON."""
        return json.loads(self.out)

    def line(self, beginning: str) -> str:
        """The first line of a page that begins so, with single spaces."""
        return next(" ".join(each.split()) for each in self.out.splitlines() if each.startswith(beginning))


class Shell:
    """Types commands."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        """Type a command and wait for its end."""
        self._capsys.readouterr()
        status = main(words)
        return Said(status, *self._capsys.readouterr())
