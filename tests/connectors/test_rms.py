"""RMS read from a real database: SQLite as it is, and with a collation like SQL Server's usual one."""

import re
import socket
import sqlite3
import sys
import unicodedata
from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from connectors.errors import ConfigurationError, Transient
from connectors.rms import Rms
from connectors.rms import statements as say
from connectors.rms.database import Limits, _Session, explained, open_engine
from connectors.rms.statements import Chunk

Stored = tuple[object, object, object, object]

SHOES: list[Stored] = [
    ("24X104", "24X104-37", 3, 1),
    ("24X104", "24x104-38", 2.5, 2),
    (" 24x104", "24X104-39", "7", 3),
    ("24X104", None, -1, 4),
    ("24X105", "24X105-37", "n/a", 5),
    ("Niño", "N-1", 1, 6),
]


def loosely(one: str, other: str) -> int:
    """As SQL Server's Latin1_General_CI_AI does: without case, accents and blanks at the end."""

    def plain(text: str) -> str:
        return "".join(filter(str.isascii, unicodedata.normalize("NFD", text))).casefold().rstrip(" ")

    return (plain(one) > plain(other)) - (plain(one) < plain(other))


class Till:
    """An RMS database of a test, on the till's side: it writes."""

    def __init__(self, file: Path, collation: str = "BINARY") -> None:
        self.file = file
        self.run(
            "CREATE TABLE Item (ID INTEGER PRIMARY KEY, LastUpdated TEXT)",
            f"CREATE TABLE View_Items (CCOD TEXT COLLATE {collation}, C_ARTICULO TEXT, Quantity, ItemID)",
        )

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.create_collation("LOOSE", loosely)
            for statement in statements:
                connection.execute(statement)

    def fill(self, rows: Iterable[Stored]) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.create_collation("LOOSE", loosely)
            for row in rows:
                connection.execute("INSERT INTO View_Items VALUES (?, ?, ?, ?)", row)
                connection.execute("INSERT OR IGNORE INTO Item VALUES (?, '2026-11-20T09:00:00')", row[3:])


@pytest.fixture(params=["BINARY", "NOCASE"])
def till(request: pytest.FixtureRequest, tmp_path: Path) -> Till:
    made = Till(tmp_path / "rms.db", request.param)
    made.fill(SHOES)
    return made


@pytest.fixture
def empty(tmp_path: Path) -> Till:
    return Till(tmp_path / "rms.db")


def skus(rms: Rms, *ccods: str) -> list[str]:
    return [row.sku for row in rms.rows(ccods).rows]


def statements_of(rms: Rms) -> list[str]:
    """Every statement from now on, as the driver gets it."""
    seen: list[str] = []

    @event.listens_for(rms._engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    return seen


class TestRows:
    @pytest.mark.parametrize("asked", ["24X104", "24x104", "\u00a024x104 ", "24X104\t"])
    def test_every_spelling_finds_every_spelling(self, till: Till, asked: str) -> None:
        assert skus(Rms(till.url), asked) == ["24X104-37", "24x104-38", "24X104-39", ""]

    def test_several_spellings_of_one_ccod_bring_each_row_once(self, till: Till) -> None:
        answer = Rms(till.url, chunk=3).rows(["24X104", "24x104", " 24X104 "])
        assert [row.item_id for row in answer.rows] == [1, 2, 3, 4]
        assert not answer.torn

    @pytest.mark.parametrize("asked", ["NIN\u0303O", "niño", "Nin\u0303o "])
    def test_accents_may_be_encoded_either_way(self, till: Till, asked: str) -> None:
        assert skus(Rms(till.url), asked) == ["N-1"]

    def test_quantities_are_read_as_they_are(self, till: Till) -> None:
        rows = Rms(till.url).rows(["24X104", "24X105"]).rows
        assert [row.quantity for row in rows] == [Decimal(3), Decimal("2.5"), Decimal(7), Decimal(-1), None]
        assert [row.is_text for row in rows] == [False, False, True, False, True]
        assert {str(row.last_updated) for row in rows} == {"2026-11-20 09:00:00"}

    def test_a_row_whose_item_is_missing_has_no_moment(self, till: Till) -> None:
        till.run("DELETE FROM Item WHERE ID = 5")
        assert [row.last_updated for row in Rms(till.url).rows(["24X105"]).rows] == [None]

    def test_blank_ccods_are_not_asked_for(self, till: Till) -> None:
        till.fill([("", "X", 1, 7), (" ", "Y", 1, 8), (None, "Z", 1, 9)])
        rms = Rms(till.url)
        seen = statements_of(rms)
        assert skus(rms, "", " \u00a0") == []
        assert seen == []

    def test_what_rms_does_not_know_is_simply_not_there(self, till: Till) -> None:
        assert skus(Rms(till.url), "24X999", "a'b", "%", "24X10_") == []

    def test_a_ccod_stored_as_a_number_is_found(self, empty: Till) -> None:
        empty.run(
            "DROP TABLE View_Items", "CREATE TABLE View_Items (CCOD INTEGER, C_ARTICULO, Quantity, ItemID)"
        )
        empty.fill([(24104, 2410437, 3, 1)])
        assert skus(Rms(empty.url), "24104") == ["2410437"]

    def test_two_rows_of_one_item_that_differ_are_torn(self, till: Till) -> None:
        till.fill([("24X105", "24X105-37", 8, 5)])
        assert Rms(till.url).rows(["24X105"]).torn == {5}

    def test_an_item_that_moves_while_it_is_read_is_torn(self, empty: Till) -> None:
        empty.fill([("A", "S-1", 3, 1), ("B", "S-2", 3, 2)])
        rms = Rms(empty.url, chunk=2)

        @event.listens_for(rms._engine, "before_cursor_execute")
        def rename(
            _connection: object, _cursor: object, _sql: str, parameters: tuple[str, ...], *_: object
        ) -> None:
            if "B" in parameters:
                empty.run("UPDATE View_Items SET CCOD = 'B', Quantity = 2 WHERE ItemID = 1")

        answer = rms.rows(["A", "B"])
        assert answer.torn == {1}
        assert [row.item_id for row in answer.rows] == [1, 1, 2]

    def test_statements_do_not_grow_with_products(self, empty: Till) -> None:
        empty.fill((f"C{number}", f"C{number}-37", number, number) for number in range(1, 3_001))
        rms = Rms(empty.url)
        seen = statements_of(rms)
        answer = rms.rows(f"c{number}" for number in range(1, 3_001))
        assert [row.item_id for row in answer.rows] == list(range(1, 3_001))
        assert len(seen) == 3 + 6
        assert all(sql.startswith("SELECT ") for sql in seen)
        assert max(sql.count("?") for sql in seen) <= 1000

    def test_rms_spellings_are_looked_up_again_after_a_minute(self, empty: Till) -> None:
        empty.fill([("A", "S-1", 3, 1)])
        clock = count(step=20.0)
        rms = Rms(empty.url, clock=lambda: next(clock))
        assert skus(rms, "a") == ["S-1"]
        empty.fill([("  A  ", "S-2", 3, 2)])
        assert "S-2" in [sku for _ in range(4) for sku in skus(rms, "a")]


class TestWithoutAccents:
    """A collation that takes more for the same than we do: what it brings is sorted out in Python."""

    @pytest.fixture
    def rms(self, tmp_path: Path) -> Rms:
        till = Till(tmp_path / "rms.db", "LOOSE")
        till.fill([("CAFE ", "E-1", 1, 1), ("café", "É-1", 2, 2), ("Cafe", "E-2", 3, 3)])
        made = Rms(till.url, chunk=4)
        event.listen(made._engine, "connect", lambda raw, _: raw.create_collation("LOOSE", loosely))
        return made

    def test_the_database_is_loose(self, rms: Rms) -> None:
        with rms._engine.connect() as connection:
            assert len(connection.execute(say.rows_of(Chunk(frozenset(), ("CAFE",)))).all()) == 3

    @pytest.mark.parametrize(("asked", "found"), [("Café", ["É-1"]), ("cafe", ["E-1", "E-2"])])
    def test_each_ccod_brings_its_own_rows(self, rms: Rms, asked: str, found: list[str]) -> None:
        assert skus(rms, asked) == found

    def test_both_bring_each_row_once(self, rms: Rms) -> None:
        answer = rms.rows(["cafe", "café"])
        assert [row.sku for row in answer.rows] == ["E-1", "É-1", "E-2"]
        assert (answer.torn, answer.repeats) == (frozenset(), 0)


class TestReadOnly:
    def test_a_missing_file_is_an_error_and_not_a_new_database(self, tmp_path: Path) -> None:
        file = tmp_path / "none.db"
        with pytest.raises(Transient, match=r"^RMS cannot be reached: .*$"):
            Rms(f"sqlite:///{file}").rows(["A"])
        assert not file.exists()

    def test_the_connection_cannot_write(self, till: Till) -> None:
        engine = open_engine(till.url, Limits(1, 1, 1))
        with engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
            connection.exec_driver_sql("DELETE FROM View_Items")

    def test_the_file_may_have_any_name(self, tmp_path: Path) -> None:
        till = Till(tmp_path / "a b%20#1.db")
        till.fill(SHOES)
        assert skus(Rms(till.url), "24X105") == ["24X105-37"]

    def test_it_may_be_read_while_it_is_read(self, till: Till) -> None:
        with closing(sqlite3.connect(till.file)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM View_Items").fetchone()
            assert skus(Rms(till.url), "24X105") == ["24X105-37"]


class TestTime:
    def test_a_locked_database_is_given_up_soon(self, till: Till) -> None:
        with closing(sqlite3.connect(till.file)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(
                Transient, match=r"^RMS kept us waiting too long for a lock: database is locked$"
            ):
                Rms(till.url, lock_timeout=0.05).rows(["24X104"])

    def test_a_slow_statement_is_ended(self, empty: Till) -> None:
        empty.run(
            "DROP TABLE View_Items",
            "CREATE VIEW View_Items AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            " SELECT 'A' AS CCOD, 'S' AS C_ARTICULO, 1 AS Quantity, i AS ItemID FROM n WHERE i < 0",
        )
        with pytest.raises(Transient, match=r"^RMS took too long to answer: interrupted$"):
            Rms(empty.url, statement_timeout=0.1).rows(["A"])

    def test_a_reading_of_many_slow_statements_is_ended(self, till: Till) -> None:
        clock = count(step=2.0)
        rms = Rms(till.url, whole_timeout=20.0, chunk=2, clock=lambda: next(clock))
        with pytest.raises(Transient, match=r"^RMS took longer than 20 s for one reading$"):
            rms.rows(f"C{number}" for number in range(50))

    def test_sql_server_is_told_at_the_start_of_a_connection(self) -> None:
        said: list[str] = []

        class Cursor:
            def execute(self, statement: str) -> None:
                said.append(statement)

            def close(self) -> None:
                said.append("closed")

        class Connection:
            def cursor(self) -> Cursor:
                return Cursor()

        _Session(2.5)(Connection(), None)
        assert said == [*say.session(2.5), "closed"]

    def test_a_server_that_refuses_connections_is_transient(self) -> None:
        pytest.importorskip("pymssql")
        with closing(socket.socket()) as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            rms = Rms(f"mssql+pymssql://evenstock:geheim@127.0.0.1:{port}/rms")
            with pytest.raises(Transient, match=r"^RMS cannot be reached: ") as caught:
                rms.rows(["A"])
        assert one_clean_line(str(caught.value))


def one_clean_line(text: str) -> bool:
    return "\n" not in text and "geheim" not in text and "DB-Lib" not in text


class TestWhatIsMissing:
    @pytest.mark.parametrize("column", ["CCOD", "C_ARTICULO", "Quantity", "ItemID"])
    def test_a_column_of_the_view_is_named(self, till: Till, column: str) -> None:
        till.run(f"ALTER TABLE View_Items RENAME COLUMN {column} TO other")
        with pytest.raises(ConfigurationError, match=rf"^RMS lacks the columns View_Items\.{column}$"):
            Rms(till.url).rows(["24X104"])

    def test_all_columns_are_named_at_once(self, till: Till) -> None:
        till.run("ALTER TABLE View_Items DROP COLUMN Quantity", "ALTER TABLE Item DROP COLUMN LastUpdated")
        with pytest.raises(ConfigurationError, match=r"View_Items\.Quantity, Item\.LastUpdated"):
            Rms(till.url).check()

    @pytest.mark.parametrize("name", ["View_Items", "Item"])
    def test_a_table_is_named(self, till: Till, name: str) -> None:
        till.run(f"DROP TABLE {name}")
        with pytest.raises(
            ConfigurationError, match=f"^RMS lacks a table or view, .*: no such table: {name}$"
        ):
            Rms(till.url).rows(["24X104"])

    def test_columns_may_be_written_in_any_case(self, empty: Till) -> None:
        empty.run("DROP TABLE View_Items", "CREATE TABLE View_Items (ccod, c_articulo, QUANTITY, itemid)")
        empty.fill(SHOES)
        assert skus(Rms(empty.url), "24X105") == ["24X105-37"]

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "rms.db").write_text("hello" * 100)
        with pytest.raises(ConfigurationError, match=r"^RMS cannot be read: file is not a database$"):
            Rms(f"sqlite:///{tmp_path}/rms.db").rows(["A"])

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "geheim",
            "mssql+pymssql://a:geheim@[::1/rms",
            "mssql+pymssql://a:geheim@host:port/rms",
            "mssql+pyodbc://a:geheim@host/rms",
            "mssql://a:geheim@host/rms",
            "postgresql://a:geheim@host/rms",
            "nothing://a:geheim@host/rms",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///file:geheim.db?mode=rwc&uri=true",
        ],
    )
    def test_a_url_that_will_not_do(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match=r"^RMS_DATABASE_URL") as caught:
            Rms(url)
        assert one_clean_line(str(caught.value))

    def test_the_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pymssql", None)
        with pytest.raises(
            ConfigurationError, match=r"needs the driver pymssql: pip install 'evenstock\[rms\]'$"
        ):
            Rms("mssql+pymssql://evenstock:geheim@host/rms")

    @pytest.mark.parametrize("chunk", [0, -1, 2_001])
    def test_a_chunk_that_sql_server_does_not_take(self, till: Till, chunk: int) -> None:
        with pytest.raises(ConfigurationError, match=f"not {chunk}$"):
            Rms(till.url, chunk=chunk)


def driver_error(kind: type[DBAPIError], number: int, text: str, *, nested: bool = False) -> DBAPIError:
    """As pymssql raises it; a failed login nests its pair."""
    pair = (number, text.encode())
    return kind("SELECT 1", None, Exception(pair) if nested else Exception(*pair))


class TestSqlServersWords:
    """Its errors, by number, in the form pymssql 2.3 and 2.4 give them."""

    @pytest.mark.parametrize(
        ("number", "said"),
        [
            (207, "Invalid column name 'Quantity'."),
            (208, "Invalid object name 'View_Items'."),
            (229, "The SELECT permission was denied on the object 'Item', database 'rms', schema 'dbo'."),
            (916, "The server principal 'evenstock' is not able to access the database 'rms'."),
            (4060, "Cannot open database 'rms' requested by the login."),
            (18456, "Login failed for user 'evenstock'."),
            (18487, "Login failed for user 'evenstock'. The password of the account has expired."),
        ],
    )
    def test_a_person_is_told_what_to_change(self, number: int, said: str) -> None:
        text = f"{said}DB-Lib error message 20018, severity 16:\nGeneral SQL Server error: Check messages\n"
        for nested in (True, False):
            error = explained(driver_error(OperationalError, number, text, nested=nested), "geheim")
            assert isinstance(error, ConfigurationError)
            assert str(error).endswith(f": {said}")
            assert one_clean_line(str(error))

    @pytest.mark.parametrize("number", [1205, 1222, 20003, 20006, 20009, 20047, 701])
    def test_what_passes_is_transient(self, number: int) -> None:
        error = explained(driver_error(OperationalError, number, "Not now."))
        assert isinstance(error, Transient)
        assert error.system == "rms"
        assert str(error).endswith(": Not now.")

    def test_what_sending_again_cannot_heal_is_for_a_person(self) -> None:
        error = explained(driver_error(ProgrammingError, 4413, "Could not use view 'View_Items'."))
        assert isinstance(error, ConfigurationError)

    def test_a_password_is_never_repeated(self) -> None:
        error = explained(driver_error(OperationalError, 99, "cannot open evenstock:geheim@host"), "geheim")
        assert str(error) == "RMS did not answer: cannot open evenstock:***@host"

    def test_an_error_without_words_says_so(self) -> None:
        assert (
            str(explained(OperationalError("", None, Exception()))) == "RMS did not answer: no reason given"
        )

    def test_neither_repr_nor_traceback_shows_the_password(self) -> None:
        pytest.importorskip("pymssql")
        rms = Rms("mssql+pymssql://evenstock:geheim@127.0.0.1:1/rms")
        assert "geheim" not in repr(rms)
        with pytest.raises(Transient) as caught:
            rms.rows(["A"])
        assert caught.value.__suppress_context__


@pytest.fixture
def odd(till: Till) -> Till:
    till.fill(
        [
            ("24x105", "24X105-37 ", 1, 7),
            (None, "X", 1, 8),
            ("24X106", "X", None, None),
            ("24X107", "Y", 1, 9),
            ("24X107", "Y", 1, 9),
            ("24X108", "Z", 1, 10),
            ("24X108", "Z", 2, 10),
        ]
    )
    return till


class TestCheck:
    def test_counts_what_is_odd(self, odd: Till) -> None:
        health = Rms(odd.url).check()
        assert (health.rows, health.repeats, health.torn) == (11, 1, 1)
        assert (health.blank_ccods, health.blank_skus, health.no_item_id) == (1, 1, 1)
        assert (health.unreadable, health.text) == (2, 2)
        assert str(health.newest) == "2026-11-20 09:00:00"

    def test_names_twins_in_both_spellings(self, odd: Till) -> None:
        assert Rms(odd.url).check().twins == (("24X105 24X105-37 (5)", "24x105 24X105-37  (7)"),)

    def test_says_how_the_database_compares(self, tmp_path: Path) -> None:
        said = {}
        for collation in ("BINARY", "NOCASE"):
            till = Till(tmp_path / f"{collation}.db", collation)
            till.fill(SHOES)
            said[collation] = Rms(till.url).check().collation
        assert said == {"BINARY": "tells case apart", "NOCASE": "ignores case"}

    def test_names_columns_that_are_usually_there(self, till: Till) -> None:
        till.run("ALTER TABLE View_Items ADD COLUMN TALLA", "ALTER TABLE View_Items ADD COLUMN price")
        assert Rms(till.url).check().absent == ("Description", "Familia", "Categoria", "color")

    def test_an_empty_rms_is_empty(self, empty: Till) -> None:
        health = Rms(empty.url).check()
        assert (health.rows, health.newest, health.collation, health.twins) == (0, None, "", ())

    def test_only_selects(self, odd: Till) -> None:
        rms = Rms(odd.url)
        seen = statements_of(rms)
        rms.check()
        assert seen
        assert all(re.match("SELECT ", sql) for sql in seen)
