"""Between records and rows: a record's fields are its table's columns, name for name."""

from collections.abc import Iterable, Sequence
from dataclasses import Field, fields
from operator import attrgetter
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import BindParameter, Row, bindparam
from sqlalchemy.orm import InstrumentedAttribute

from connectors.ledger.models import Base


class Record(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


R = TypeVar("R", bound=Record)
Values = dict[str, object]


def columns(table: type[Base], record: type[Record]) -> list[InstrumentedAttribute[object]]:
    """The table's columns in the order of the record's fields."""
    return [getattr(table, field.name) for field in fields(record)]


def loaded(record: type[R], rows: Iterable[Row[Any]]) -> list[R]:
    """Records of rows that were selected as `columns`."""
    return [record(*row) for row in rows]


def values(records: Sequence[Record], *, without: str = "") -> list[Values]:
    """Each record as column → value. Not `asdict`, which copies every nested value."""
    if not records:
        return []
    names = [field.name for field in fields(records[0]) if field.name != without]
    read = attrgetter(*names)
    return [dict(zip(names, read(record), strict=True)) for record in records]


def given(name: str, column: InstrumentedAttribute[Any]) -> BindParameter[Any]:
    """A parameter of the column's own type, whose name does not clash with the column's."""
    return bindparam(f"_{name}", type_=column.type)
