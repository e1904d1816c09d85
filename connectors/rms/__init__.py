"""RMS, the back office: what is really there, read from its database and never written.

Evenstock needs a login of its own that can do nothing but read two objects:

    CREATE LOGIN evenstock WITH PASSWORD = '...';
    CREATE USER evenstock FOR LOGIN evenstock;
    GRANT SELECT ON dbo.View_Items TO evenstock;
    GRANT SELECT ON dbo.Item TO evenstock;

    rms = Rms("mssql+pymssql://evenstock:...@till/rms")
    answer = rms.rows(["24X104", "24X105"])

No till waits for us: each statement is short, ends by itself and holds no lock once it is answered; where a
till holds one, we give up after `lock_timeout`. The price is that a row may change while others are read:
such rows are *torn*, and what they hold is unknown.

Collations differ: one database takes "24x104" and "24X104" for the same, another does not. So RMS's own
spellings are looked up first, each CCOD is asked for with all spellings that could mean it, and what comes
back is compared folded.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sqlalchemy import Connection, Select

from connectors.errors import ConfigurationError, Transient
from connectors.folding import fold
from connectors.records import RmsRow
from connectors.rms import statements as say
from connectors.rms.database import Limits, open_engine, told_plainly
from connectors.rms.readers import (
    RmsAnswer,
    RmsHealth,
    answer_of,
    health_of,
    how_it_compares,
    row_of,
    text_of,
)

__all__ = ["Rms", "RmsAnswer", "RmsHealth"]

T = TypeVar("T")

_SPELLINGS_AGE = 60.0


class Rms:
    """RMS's database. Time-outs in seconds; `chunk` is how many parameters a statement may have.

    Opening it connects to nothing. Every method raises `Transient` when RMS is down, locked or slow, and
    `ConfigurationError` when a login, a right, a view or a column is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        lock_timeout: float = 5.0,
        statement_timeout: float = 30.0,
        whole_timeout: float = 300.0,
        chunk: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= chunk <= say.MAX_PARAMETERS:
            raise ConfigurationError(f"RMS takes chunks of 1 to {say.MAX_PARAMETERS}, not {chunk}")
        self._limits = Limits(lock_timeout, statement_timeout, whole_timeout)
        self._engine = open_engine(url, self._limits)
        self._chunk = chunk
        self._clock = clock
        self._spellings: tuple[float, tuple[str, ...]] | None = None

    def __repr__(self) -> str:
        return f"Rms({self._engine.url.render_as_string(hide_password=True)})"

    def rows(self, ccods: Iterable[str]) -> RmsAnswer:
        """All rows whose folded CCOD is one of these; blank CCODs are not asked for.

        One connection, one statement for each `chunk` of spellings, however many products there are.
        """
        asked = [ccod for ccod in ccods if fold(ccod)]
        if not asked:
            return RmsAnswer()
        with told_plainly(self._engine), self._engine.connect() as connection:
            deadline = self._clock() + self._limits.whole
            self._look(connection)
            return answer_of(self._rows(connection, asked, deadline))

    def check(self) -> RmsHealth:
        """Look at all of RMS and say what is odd."""
        with told_plainly(self._engine), self._engine.connect() as connection:
            present = self._look(connection)
            answer = answer_of(map(row_of, connection.execute(say.every_row()).tuples()))
            absent = [name for name in say.ALSO_EXPECTED if name.casefold() not in present]
            return health_of(answer, absent, self._collation(connection, answer))

    def _rows(self, connection: Connection, ccods: Iterable[str], deadline: float) -> Iterator[RmsRow]:
        """A row of another chunk's CCOD (some collations ignore accents) is left to that chunk."""
        for chunk in say.chunks(ccods, self._known(connection), self._chunk):
            self._hurry(deadline)
            for row in map(row_of, connection.execute(say.rows_of(chunk)).tuples()):
                if fold(row.ccod) in chunk.folds:
                    yield row

    def _hurry(self, deadline: float) -> None:
        if self._clock() > deadline:
            raise Transient(f"RMS took longer than {self._limits.whole:g} s for one reading", system="rms")

    def _known(self, connection: Connection) -> tuple[str, ...]:
        """Every CCOD as RMS spells it; looked up again when a minute old."""
        if self._spellings is None or self._clock() - self._spellings[0] > _SPELLINGS_AGE:
            found = tuple(text_of(ccod) for ccod in _values(connection, say.every_ccod()) if ccod is not None)
            self._spellings = (self._clock(), found)
        return self._spellings[1]

    def _look(self, connection: Connection) -> frozenset[str]:
        """The view's columns, folded. All that is missing is named at once.

        SQLite takes a quoted name that it does not know for a text, so this cannot be left to the statement.
        """
        found = {of.name: list(connection.execute(say.no_row(of)).keys()) for of in say.NEEDED}
        missing = [f"{of.name}.{name}" for of in say.NEEDED for name in say.lacking(of, found[of.name])]
        if missing:
            raise ConfigurationError(f"RMS lacks the columns {', '.join(missing)}")
        return frozenset(name.casefold() for name in found[say.VIEW.name])

    def _collation(self, connection: Connection, answer: RmsAnswer) -> str:
        if self._engine.dialect.name == "mssql":
            return next(filter(None, _values(connection, say.collation_of_ccod())), "")
        asked = next((row.ccod.swapcase() for row in answer.rows if row.ccod.swapcase() != row.ccod), "")
        return how_it_compares(asked, _values(connection, say.spelled(asked))) if asked else ""


def _values(connection: Connection, statement: Select[tuple[T]]) -> list[T]:
    return list(connection.execute(statement).scalars())
