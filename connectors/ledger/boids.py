"""What Brick Owl's catalogue said of BrickLink's numbers, kept so that it is asked rarely."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.market_models import LookupRow
from connectors.ledger.market_records import Lookup
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(LookupRow, Lookup)
_KEY = ("account", "kind", "key")


class Boids:
    """The part of the ledger that knows Brick Owl's numbers."""

    database: Database

    def lookups(self, account: str, kind: str, keys: Iterable[str]) -> dict[str, Lookup]:
        """What is known of these keys, by key."""
        found: dict[str, Lookup] = {}
        with self.database.reading() as connection:
            for part in chunks(sorted(set(keys))):
                own = LookupRow.account == account, LookupRow.kind == kind, LookupRow.key.in_(part)
                rows = connection.execute(select(*_COLUMNS).where(*own)).all()
                found |= {each.key: each for each in loaded(Lookup, rows)}
        return found

    def store_lookups(self, lookups: Sequence[Lookup]) -> None:
        """Store what the catalogue said; only a person's word replaces a person's word."""
        if not lookups:
            return
        with self.database.writing() as connection:
            one = insert_into(connection, LookupRow)
            new = one.excluded
            statement = one.on_conflict_do_update(
                index_elements=list(_KEY),
                set_={column.key: new[column.key] for column in _COLUMNS if column.key not in _KEY},
                where=new.by_person | ~LookupRow.by_person,
            )
            for part in chunks(values(lookups)):
                connection.execute(statement, part)
