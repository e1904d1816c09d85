"""Leases: the right to work on something until a time, with a number that only ever grows.

Times come from the callers' clocks; these should agree to well within a lease's length.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update

from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.models import LeaseRow
from connectors.ledger.rows import Values

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = ""
_LAST = chr(0x10FFFF)


class Leases:
    """The part of the ledger that says who may work on what."""

    database: Database

    def acquire(self, resources: Iterable[str], holder: str, seconds: float, now: datetime) -> dict[str, int]:
        """Take what is free or lapsed; resource → fencing number of what was got, one statement a batch."""
        until = now + timedelta(seconds=seconds)
        # Everybody takes rows in the same order: two batches never wait for each other.
        rows = [
            {"resource": resource, "holder": holder, "fence": 1, "expires_at": until}
            for resource in sorted(set(resources))
        ]
        got: dict[str, int] = {}
        with self.database.writing() as connection:
            insert = insert_into(connection, LeaseRow)
            statement = insert.on_conflict_do_update(
                index_elements=[LeaseRow.resource],
                set_={
                    "holder": insert.excluded.holder,
                    "fence": LeaseRow.fence + 1,
                    "expires_at": insert.excluded.expires_at,
                },
                where=LeaseRow.expires_at <= now,
            ).returning(LeaseRow.resource, LeaseRow.fence)
            for part in chunks(rows):
                got.update((resource, fence) for resource, fence in connection.execute(statement, part))
        return got

    def renew(self, held: Mapping[str, int], holder: str, seconds: float, now: datetime) -> set[str]:
        """Prolong leases (resource → fencing number); those still held. A lapsed one that nobody took is."""
        until = now + timedelta(seconds=seconds)
        return self._change(held, holder, {"expires_at": until})

    def check(self, held: Mapping[str, int], now: datetime) -> set[str]:
        """Which of these leases (resource → fencing number) are lost: lapsed, released or taken over."""
        sound: set[str] = set()
        with self.database.reading() as connection:
            for part in chunks(sorted(held.items())):
                statement = select(LeaseRow.resource).where(_are(part), LeaseRow.expires_at > now)
                sound.update(connection.execute(statement).scalars())
        return set(held) - sound

    def release(self, held: Mapping[str, int], holder: str) -> None:
        """Give leases back. What was taken over meanwhile stays with its new holder."""
        self._change(held, holder, {"holder": _NOBODY, "expires_at": _LONG_AGO})

    def live(self, prefix: str, now: datetime) -> int:
        """How many leases whose resource begins with `prefix` are held at this moment."""
        statement = select(func.count()).where(
            LeaseRow.resource >= prefix, LeaseRow.resource < prefix + _LAST, LeaseRow.expires_at > now
        )
        with self.database.reading() as connection:
            return connection.execute(statement).scalar_one()

    def held_until(self, resource: str, now: datetime) -> datetime | None:
        """When the lease on a resource ends unless its holder renews it; None: nobody holds it."""
        statement = select(LeaseRow.expires_at).where(
            LeaseRow.resource == resource, LeaseRow.expires_at > now
        )
        with self.database.reading() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def _change(self, held: Mapping[str, int], holder: str, content: Values) -> set[str]:
        """Update those of these leases that are the holder's; which they are."""
        changed: set[str] = set()
        with self.database.writing() as connection:
            for part in chunks(sorted(held.items())):
                changed |= _locked(connection, part, holder)
            for names in chunks(changed):
                mine = update(LeaseRow).where(LeaseRow.resource.in_(names))
                connection.execute(mine.values(content))
        return changed


def _locked(connection: Connection, pairs: Iterable[tuple[str, int]], holder: str) -> set[str]:
    """Lock rows in the order of their names, as `acquire` does; an UPDATE alone takes them in any order."""
    statement = select(LeaseRow.resource).where(_are(pairs), LeaseRow.holder == holder)
    ordered = statement.order_by(LeaseRow.resource).with_for_update()
    return set(connection.execute(ordered).scalars())


def _are(pairs: Iterable[tuple[str, int]]) -> ColumnElement[bool]:
    return tuple_(LeaseRow.resource, LeaseRow.fence).in_(list(pairs))
