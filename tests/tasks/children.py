"""Processes that a test tells when to go on."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.settings import child_environment

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Child:
    """A process of its own."""

    process: "subprocess.Popen[str]"

    def hear(self, word: str) -> None:
        """Wait for a word of it."""
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == word

    def tell(self) -> None:
        """Let it go on."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()


@contextmanager
def running(program: str, environment: Mapping[str, str], lease: float) -> Iterator[Child]:
    """A Python program whose lease on the token is so many seconds long; it is killed at the end."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program, str(lease)],
        cwd=PROJECT,
        env=child_environment(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Child(process)
        finally:
            process.kill()
