"""RMS as a file: what clients that have it open see."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from sandbox.app import Sandbox
from sandbox.reading import WorldError
from tests.sandbox.shopper import Json


def rms(*quantities: object, **extra: object) -> Json:
    items = [{"ccod": "A", "sku": f"A-{n}", "quantity": value} for n, value in enumerate(quantities, 1)]
    return {"rms": {"items": items, **extra}}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(rms(1, 2, 3, 4)) as made:
        yield made


def read(sandbox: Sandbox, column: str = "Quantity") -> list[Any]:
    with sqlite3.connect(f"file:{sandbox.rms.file}?mode=ro", uri=True, timeout=0.1) as connection:
        return [row[0] for row in connection.execute(f"SELECT {column} FROM View_Items ORDER BY C_ARTICULO")]  # noqa: S608


def test_quantities_are_stored_as_they_are() -> None:
    with Sandbox(rms(3, None, "n/a", 2.5, -1, "7", True, [1])) as sandbox:
        assert read(sandbox) == [3, None, "n/a", 2.5, -1, "7", 1, "[1]"]


def test_columns_are_those_of_the_view(sandbox: Sandbox) -> None:
    engine = create_engine(sandbox.rms.url)
    with engine.connect() as connection:
        view = connection.execute(text("SELECT * FROM View_Items"))
        table = connection.execute(text("SELECT ID, ItemLookupCode, LastUpdated FROM Item"))
        names = "CCOD C_ARTICULO Quantity ItemID Description Price Familia Categoria color talla"
        assert list(view.keys()) == names.split()
        assert [row.ID for row in table] == [1, 2, 3, 4]
    engine.dispose()


def test_ids_are_stable_by_code_and_sku() -> None:
    items = [{"ccod": "B", "sku": "1"}, {"ccod": "A", "sku": "2"}, {"ccod": "A", "sku": "1", "item_id": 70}]
    with Sandbox({"rms": {"items": items}}) as sandbox:
        assert [item["item_id"] for item in sandbox.world()["rms"]["items"]] == [2, 1, 70]


def test_an_open_connection_sees_the_new_world(sandbox: Sandbox) -> None:
    connection = sqlite3.connect(sandbox.rms.file)
    assert connection.execute("SELECT count(*) FROM View_Items").fetchone() == (4,)
    sandbox.put_world(rms(9))
    assert connection.execute("SELECT Quantity FROM View_Items").fetchall() == [(9,)]
    connection.close()


def test_a_column_may_be_missing() -> None:
    with Sandbox(rms(1, without_columns=["CCOD"])) as sandbox:
        with pytest.raises(sqlite3.OperationalError, match="CCOD"):
            read(sandbox, "CCOD")
        assert sandbox.world()["rms"]["without_columns"] == ["CCOD"]


def fault(sandbox: Sandbox, *kinds: str) -> None:
    sandbox.faults([{"system": "rms", "kind": kind} for kind in kinds])


@pytest.mark.parametrize(("kind", "rows"), [("empty", []), ("partial", [1, 3])])
def test_rows_are_missing_until_the_faults_are_replaced(sandbox: Sandbox, kind: str, rows: list[int]) -> None:
    fault(sandbox, kind)
    assert read(sandbox) == rows
    fault(sandbox)
    assert read(sandbox) == [1, 2, 3, 4]


def test_rms_is_down(sandbox: Sandbox) -> None:
    fault(sandbox, "down")
    with pytest.raises(sqlite3.OperationalError, match=r"unable to open|disk I/O"):
        read(sandbox)
    engine = create_engine(sandbox.rms.url)
    with pytest.raises(OperationalError), engine.connect():
        pass
    engine.dispose()
    sandbox.put_world(rms(8))
    with pytest.raises(sqlite3.OperationalError):
        read(sandbox)
    fault(sandbox)
    assert read(sandbox) == [8]


def test_rms_is_locked(sandbox: Sandbox) -> None:
    fault(sandbox, "locked")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        read(sandbox)
    fault(sandbox)
    assert read(sandbox) == [1, 2, 3, 4]


def test_a_row_is_edited_and_removed(sandbox: Sandbox) -> None:
    edit = {"system": "rms", "kind": "edit", "ccod": "A", "sku": "A-2", "quantity": 20}
    assert sandbox.event(edit) == {"rows": 1}
    assert sandbox.event({"system": "rms", "kind": "remove", "ccod": "A", "sku": "A-1"}) == {"rows": 1}
    assert read(sandbox) == [20, 3, 4]
    assert [(write["system"], write["before"], write["after"]) for write in sandbox.writes()] == [
        ("rms", 2, 20),
        ("rms", 1, None),
    ]
    assert "refused" in sandbox.event({**edit, "sku": "A-9"})
    with pytest.raises(WorldError, match="'quantity' is missing"):
        sandbox.event({"system": "rms", "kind": "edit", "ccod": "A", "sku": "A-2"})


def test_the_file_goes_with_the_sandbox() -> None:
    sandbox = Sandbox(rms(1))
    file = sandbox.rms.file
    fault(sandbox, "down")
    sandbox.close()
    assert not file.exists()
