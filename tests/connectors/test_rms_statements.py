"""What RMS is asked: understood by SQL Server's dialect and by an independent reader of T-SQL."""

from collections.abc import Sequence

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select
from sqlalchemy.dialects.mssql.pymssql import MSDialect_pymssql
from sqlglot import exp

from connectors.folding import fold
from connectors.rms import statements as say
from connectors.rms.statements import Chunk

CODES = st.one_of(st.text(max_size=8), st.text("aA áÁß\u00a0", max_size=6))


def compiled(statement: Select[tuple[object]]) -> tuple[str, dict[str, object]]:
    """The statement as SQL Server's dialect writes it, and its parameters as the driver gets them."""
    dialect = MSDialect_pymssql(paramstyle="named")  # type: ignore[no-untyped-call]
    made = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(made), dict(made.params)


def parsed(statement: Select[tuple[object]]) -> exp.Select:
    sql, params = compiled(statement)
    for name in sorted(params, key=len, reverse=True):
        sql = sql.replace(f":{name}", f"@{name}")
    tree = sqlglot.parse_one(sql, read="tsql")
    assert isinstance(tree, exp.Select)
    assert not list(tree.find_all(exp.Command))
    return tree


def spellings_of(chunks: Sequence[Chunk]) -> list[str]:
    return [spelling for chunk in chunks for spelling in chunk.spellings]


EVERY_STATEMENT = [
    say.every_row(),
    say.rows_of(Chunk(frozenset({"24x104"}), ("24X104", "24x104"))),
    say.every_ccod(),
    say.spelled("24X104"),
    say.no_row(say.VIEW),
    say.no_row(say.ITEM),
    say.collation_of_ccod(),
]


class TestForSqlServer:
    @pytest.mark.parametrize("statement", EVERY_STATEMENT, ids=lambda statement: str(statement)[:40])
    def test_every_statement_is_one_select(self, statement: Select[tuple[object]]) -> None:
        assert {table.name for table in parsed(statement).find_all(exp.Table)} <= {
            "View_Items",
            "Item",
            "COLUMNS",
        }

    def test_rows_are_asked_by_column_with_their_item(self) -> None:
        tree = parsed(say.rows_of(Chunk(frozenset({"a"}), ("a", "A"))))
        columns = [(column.table, column.name) for column in tree.expressions]
        assert columns == [
            ("View_Items", "CCOD"),
            ("View_Items", "C_ARTICULO"),
            ("View_Items", "Quantity"),
            ("View_Items", "ItemID"),
            ("Item", "LastUpdated"),
        ]
        join = tree.find(exp.Join)
        assert join is not None
        assert join.side == "LEFT"

    def test_no_value_is_written_into_the_text(self) -> None:
        sql, params = compiled(say.rows_of(Chunk(frozenset({"x"}), ("x'; DROP TABLE Item --",))))
        assert "DROP" not in sql
        assert list(params.values()) == ["x'; DROP TABLE Item --"]

    @pytest.mark.parametrize("seconds", [0, 0.0004, 5, 12.5])
    def test_a_session_waits_for_no_lock_longer(self, seconds: float) -> None:
        first, second = say.session(seconds)
        assert first == f"SET LOCK_TIMEOUT {round(seconds * 1000)}"
        assert second == "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
        assert all(isinstance(sqlglot.parse_one(text, read="tsql"), exp.Set) for text in (first, second))


class TestChunks:
    @given(st.lists(CODES), st.lists(CODES), st.integers(1, 20))
    def test_no_statement_has_more_parameters_than_allowed(
        self, ccods: list[str], known: list[str], size: int
    ) -> None:
        for chunk in say.chunks(ccods, known, size):
            assert 0 < len(compiled(say.rows_of(chunk))[1]) <= size

    @pytest.mark.parametrize("size", [1, 1000, say.MAX_PARAMETERS])
    def test_thousands_of_products_stay_under_sql_servers_limit(self, size: int) -> None:
        ccods = [f"Zapato-Niño-{number}" for number in range(2_500)]
        chunks = list(say.chunks(ccods, [], size))
        assert max(len(chunk.spellings) for chunk in chunks) <= size < 2_100
        assert set(ccods) <= set(spellings_of(chunks))

    @given(st.lists(CODES), st.lists(CODES))
    def test_all_spellings_of_one_ccod_share_a_statement(self, ccods: list[str], known: list[str]) -> None:
        size = max((12 * len(ccods) + len(known)) // 2, 12 * len(ccods), len(known), 1)
        chunks = list(say.chunks(ccods, known, size))
        folds = [folded for chunk in chunks for folded in chunk.folds]
        assert len(folds) == len(set(folds))

    @given(st.lists(CODES), st.lists(CODES), st.integers(1, 20))
    def test_each_spelling_is_asked_once_and_each_ccod_of_the_shop_is(
        self, ccods: list[str], known: list[str], size: int
    ) -> None:
        chunks = list(say.chunks(ccods, known, size))
        asked = spellings_of(chunks)
        assert len(asked) == len(set(asked))
        sayable = {ccod for ccod in ccods if fold(ccod) and "\0" not in ccod}
        assert sayable <= set(asked)
        assert {
            ccod for ccod in known if fold(ccod) in set(map(fold, ccods)) - {""} and "\0" not in ccod
        } <= set(asked)

    def test_a_plain_code_costs_two_parameters(self) -> None:
        assert [chunk.spellings for chunk in say.chunks(["24X104"], [], 1000)] == [("24X104", "24x104")]

    def test_rms_own_spelling_is_added(self) -> None:
        (chunk,) = say.chunks(["24X104"], ["  24X104", "24X105"], 1000)
        assert chunk == Chunk(frozenset({"24x104"}), ("24X104", "24x104", "  24X104"))

    def test_a_ccod_with_too_many_spellings_is_cut(self) -> None:
        known = [" " * blanks + "A" for blanks in range(25)]
        chunks = list(say.chunks(["a"], known, 10))
        assert max(len(chunk.spellings) for chunk in chunks) == 10
        assert set(known) <= set(spellings_of(chunks))

    @pytest.mark.parametrize("ccod", ["", " \u00a0", "a\0b", "\ud800"])
    def test_what_no_database_can_hold_is_not_asked(self, ccod: str) -> None:
        assert list(say.chunks([ccod], [], 10)) == []


class TestVariations:
    @given(CODES)
    def test_are_few(self, ccod: str) -> None:
        assert len(say.variations(ccod)) <= 12

    def test_know_blanks_case_and_accents(self) -> None:
        asked = say.variations(" Niño ")
        assert {" Niño ", "Niño", "NIÑO", "niño", "nin\u0303o", "NIN\u0303O"} <= set(asked)


class TestLacking:
    def test_names_what_is_not_there_whatever_its_case(self) -> None:
        assert say.lacking(say.VIEW, ["ccod", "Quantity", "ITEMID", "Price"]) == ["C_ARTICULO"]
        assert say.lacking(say.ITEM, ["ID", "LastUpdated"]) == []
