"""What we say to RMS: statements from values, without a database."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnClause, FromClause, Select, column, false, literal_column, select, table
from sqlalchemy.sql.expression import TableClause

from connectors.folding import fold

MAX_PARAMETERS = 2_000
"""SQL Server takes 2,100 parameters in one request; some drivers use a few for themselves.
https://learn.microsoft.com/en-us/sql/sql-server/maximum-capacity-specifications-for-sql-server
"""

VIEW = table("View_Items", column("CCOD"), column("C_ARTICULO"), column("Quantity"), column("ItemID"))
ITEM = table("Item", column("ID"), column("LastUpdated"))
NEEDED = (VIEW, ITEM)
"""What a login must be able to select, with the columns that are read."""

ALSO_EXPECTED = ("Description", "Price", "Familia", "Categoria", "color", "talla")
"""Columns that View_Items usually has too; nothing reads them."""

_COLLATIONS = table(
    "COLUMNS",
    column("TABLE_NAME"),
    column("COLUMN_NAME"),
    column("COLLATION_NAME"),
    schema="INFORMATION_SCHEMA",
)

Record = tuple[object, object, object, object, object]
"""CCOD, C_ARTICULO, Quantity, ItemID, LastUpdated as the driver gives them."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one statement asks for: folded CCODs, and every spelling they are asked with."""

    folds: frozenset[str]
    spellings: tuple[str, ...]


def session(lock_timeout: float) -> tuple[str, ...]:
    """How a connection to SQL Server begins: it takes no long locks and waits for none (seconds).

    https://learn.microsoft.com/en-us/sql/t-sql/statements/set-lock-timeout-transact-sql
    """
    return (
        f"SET LOCK_TIMEOUT {max(0, round(lock_timeout * 1000))}",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


def every_row() -> Select[Record]:
    """All rows of the view. A row whose item is not in `Item` has no LastUpdated."""
    joined = VIEW.outerjoin(ITEM, VIEW.c.ItemID == ITEM.c.ID)
    return select(*VIEW.c, ITEM.c.LastUpdated).select_from(joined)


def rows_of(chunk: Chunk) -> Select[Record]:
    """The rows whose CCOD the database holds equal to one of these spellings."""
    return every_row().where(VIEW.c.CCOD.in_(chunk.spellings))


def every_ccod() -> Select[tuple[object]]:
    """Each CCOD once, in a spelling that RMS uses."""
    return select(VIEW.c.CCOD).distinct()


def spelled(ccod: str) -> Select[tuple[object]]:
    """The CCODs that the database takes for this one."""
    held = VIEW.c.CCOD
    return select(held).where(held == ccod).distinct()


def no_row(of: FromClause) -> Select[tuple[object]]:
    """An empty answer, which still names all columns and needs no right but SELECT."""
    everything: ColumnClause[object] = literal_column("*")
    return select(everything).select_from(of).where(false())


def collation_of_ccod() -> Select[tuple[str | None]]:
    """How SQL Server compares CCODs, by its name."""
    of = _COLLATIONS.c
    return select(of.COLLATION_NAME).where(of.TABLE_NAME == "View_Items", of.COLUMN_NAME == "CCOD")


def lacking(of: TableClause, present: Iterable[str]) -> list[str]:
    """The columns that are read but not there; databases do not tell the case of a column's name apart."""
    there = {name.casefold() for name in present}
    return [name for name in of.c.keys() if name.casefold() not in there]  # noqa: SIM118 - c iterates columns


def chunks(ccods: Iterable[str], known: Iterable[str], size: int) -> Iterator[Chunk]:
    """All CCODs in as few statements as `size` parameters each allow.

    `known` are the spellings found in RMS. All spellings of one CCOD share a statement, so that its rows are
    read at one moment; only a CCOD with more than `size` spellings is cut.
    """
    waiting: dict[str, str] = {}
    for folded, spellings in _spellings_by_fold(ccods, known).items():
        for part in _cut(spellings, size):
            if len(waiting) + len(part) > size:
                yield _chunk(waiting)
                waiting = {}
            waiting |= dict.fromkeys(part, folded)
    if waiting:
        yield _chunk(waiting)


def _chunk(waiting: Mapping[str, str]) -> Chunk:
    return Chunk(frozenset(waiting.values()), tuple(waiting))


def _cut(spellings: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (spellings[start : start + size] for start in range(0, len(spellings), size))


def _spellings_by_fold(ccods: Iterable[str], known: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """How each CCOD is asked for: as the shop spells it, in its usual variations, and as RMS spells it."""
    wanted: dict[str, dict[str, None]] = {}
    for ccod in ccods:
        if folded := fold(ccod):
            wanted.setdefault(folded, {}).update(dict.fromkeys(variations(ccod)))
    for ccod in known:
        if (folded := fold(ccod)) in wanted:
            wanted[folded][ccod] = None
    return {folded: tuple(filter(_sayable, spellings)) for folded, spellings in wanted.items()}


def variations(ccod: str) -> tuple[str, ...]:
    """The spellings that people and programs usually make of a CCOD."""
    trimmed = ccod.strip()
    bases = (ccod, trimmed, unicodedata.normalize("NFC", trimmed), unicodedata.normalize("NFD", trimmed))
    return tuple(dict.fromkeys(text for base in bases for text in (base, base.upper(), base.lower())))


def _sayable(text: str) -> bool:
    """Whether a driver can send it: half a surrogate pair or a NUL cannot be in RMS anyway."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
