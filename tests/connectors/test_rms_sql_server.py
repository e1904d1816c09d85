"""The conversation with SQL Server as its driver hears it: a stand-in, as no server is at hand."""

import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

import pytest
import sqlglot
from sqlglot import exp

from connectors.errors import ConfigurationError, Transient
from connectors.rms import Rms
from connectors.rms import statements as say

URL = "mssql+pymssql://evenstock:geheim@till:1433/rms"
COLUMNS = {
    "[View_Items]": ("CCOD", "C_ARTICULO", "Quantity", "ItemID"),
    "[Item]": ("ID", "LastUpdated"),
}
ROWS = [("24X104", "24X104-37", 3.0, 1, None), ("24x104", "24X104-38", 2.5, 2, None)]


class DriverError(Exception):
    pass


class OperationalError(DriverError):
    pass


class Driver(ModuleType):
    """What SQLAlchemy needs of pymssql, and a note of all that was said to it."""

    __version__ = "2.4.6"
    paramstyle = "pyformat"
    Error = DatabaseError = InterfaceError = ProgrammingError = DriverError
    OperationalError = OperationalError

    def __init__(self) -> None:
        super().__init__("pymssql")
        self.arguments: dict[str, object] = {}
        self.said: list[str] = []
        self.parameters: list[Mapping[str, object]] = []
        self.fails_with: tuple[int, bytes] | None = None
        self.closed = 0

    def connect(self, **arguments: object) -> "Wire":
        self.arguments = arguments
        return Wire(self)

    def answer(self, sql: str) -> tuple[Sequence[str], Sequence[tuple[object, ...]]]:
        """Column names and rows."""
        if "@@version" in sql:
            return ("",), [("Microsoft SQL Server 2019 (RTM) - 15.0.2000.5 (X64)",)]
        if "COLLATION_NAME" in sql:
            return ("COLLATION_NAME",), [("Modern_Spanish_CI_AS",)]
        if "[View_Items]" not in sql and "[Item]" not in sql:
            return ("",), [("dbo",)]
        if self.fails_with:
            raise OperationalError(*self.fails_with)
        if "0 = 1" in sql:
            return next(names for table, names in COLUMNS.items() if f"FROM {table}" in sql), []
        if "DISTINCT" in sql:
            return ("CCOD",), [("24X104",)]
        return (*COLUMNS["[View_Items]"], "LastUpdated"), ROWS


class Wire:
    """A connection and its only cursor."""

    arraysize = 1
    lastrowid = None
    rowcount = -1

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.description: list[tuple[object, ...]] | None = None
        self.rows: list[tuple[object, ...]] = []

    def cursor(self) -> "Wire":
        return self

    def execute(self, sql: str, parameters: Mapping[str, object] | tuple[()] = ()) -> None:
        self.driver.said.append(sql)
        self.driver.parameters.append(dict(parameters))
        names, rows = self.driver.answer(sql) if sql.lstrip().upper().startswith("SELECT") else ((), [])
        self.description = [(name, None, None, None, None, None, None) for name in names] or None
        self.rows = list(rows)

    def fetchone(self) -> tuple[object, ...] | None:
        return self.rows.pop(0) if self.rows else None

    def fetchall(self) -> list[tuple[object, ...]]:
        rows, self.rows = self.rows, []
        return rows

    def autocommit(self, on: bool) -> None:  # noqa: FBT001 - the driver's own signature
        self.driver.said.append(f"autocommit {on}")

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None:
        self.driver.closed += 1


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setitem(sys.modules, "pymssql", made)
    return made


def ours(said: Sequence[str]) -> list[str]:
    """The statements about RMS, without what SQLAlchemy asks about the server."""
    return [sql for sql in said if "[View_Items]" in sql or "[Item]" in sql]


class TestSqlServer:
    def test_rows_come_back_as_records(self, driver: Driver) -> None:
        answer = Rms(URL).rows(["24x104"])
        assert [(row.sku, str(row.quantity)) for row in answer.rows] == [
            ("24X104-37", "3.0"),
            ("24X104-38", "2.5"),
        ]
        assert {"24X104", "24x104"} <= {value for said in driver.parameters for value in said.values()}

    def test_the_driver_gets_both_time_outs_in_whole_seconds(self, driver: Driver) -> None:
        Rms(URL, statement_timeout=29.2).rows(["A"])
        assert driver.arguments["timeout"] == 30
        assert driver.arguments["login_timeout"] == 15

    def test_no_time_out_is_ever_rounded_to_for_ever(self, driver: Driver) -> None:
        Rms(URL, statement_timeout=0.1).rows(["A"])
        assert (driver.arguments["timeout"], driver.arguments["login_timeout"]) == (1, 1)

    def test_locks_and_transactions_are_settled_before_anything_is_read(self, driver: Driver) -> None:
        Rms(URL, lock_timeout=2).rows(["A"])
        first = driver.said.index(ours(driver.said)[0])
        assert {*say.session(2), "autocommit True"} <= set(driver.said[:first])
        assert "autocommit False" not in driver.said

    def test_nothing_but_selects_is_said_about_rms(self, driver: Driver) -> None:
        rms = Rms(URL)
        rms.rows(["24X104", "24X105"])
        rms.check()
        for sql in ours(driver.said):
            assert isinstance(
                sqlglot.parse_one(sql.replace("%(", "@").replace(")s", ""), read="tsql"), exp.Select
            )

    def test_check_names_the_collation(self, driver: Driver) -> None:
        assert driver.closed == 0
        assert Rms(URL).check().collation == "Modern_Spanish_CI_AS"

    def test_no_connection_is_kept(self, driver: Driver) -> None:
        Rms(URL).rows(["A"])
        assert driver.closed > 0

    def test_a_held_lock_is_transient(self, driver: Driver) -> None:
        driver.fails_with = (
            1222,
            b"Lock request time out period exceeded.DB-Lib error message 20018, severity 16:",
        )
        with pytest.raises(
            Transient, match=r"^RMS kept us waiting too long for a lock: Lock request time out"
        ):
            Rms(URL).rows(["A"])

    def test_a_missing_right_is_for_a_person(self, driver: Driver) -> None:
        driver.fails_with = (229, b"The SELECT permission was denied on the object 'View_Items'.")
        with pytest.raises(ConfigurationError, match=r"may not read .* 'View_Items'\.$"):
            Rms(URL).rows(["A"])

    def test_parameters_stay_out_of_errors(self, driver: Driver) -> None:
        assert Rms(URL)._engine.hide_parameters
        assert not driver.said
