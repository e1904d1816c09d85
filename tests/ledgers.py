"""New ledgers without the time it takes to make their tables, and processes that use them."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path

from connectors.ledger import open_ledger


def sqlite_in(folder: Path, name: str = "ledger.db") -> str:
    """The URL of a ledger on SQLite, made with its folder and its tables if there is none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists():
        (folder / name).write_bytes(_new_file())
    return f"sqlite:///{folder / name}"


@cache
def _new_file() -> bytes:
    """A ledger's file when the migrations have just made its tables."""
    with tempfile.TemporaryDirectory(prefix="evenstock-tables-") as folder:
        file = Path(folder) / "ledger.db"
        with closing(open_ledger(f"sqlite:///{file}")):
            pass
        return file.read_bytes()


def processes(count: int) -> ProcessPoolExecutor:
    """Processes that share nothing with this one and its threads; all are forked from one with the ledger."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["connectors.ledger"])
    return ProcessPoolExecutor(count, mp_context=context)
