"""Breakers: whether calls of an account to a marketplace are made at all, for all processes alike."""

from collections.abc import Callable

from sqlalchemy import Connection, and_, select, true, update

from connectors.ledger.database import Database, insert_into
from connectors.ledger.market_models import BreakerRow
from connectors.ledger.market_records import Breaker
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(BreakerRow, Breaker)


class Breakers:
    """The part of the ledger that knows which marketplaces are out of order."""

    database: Database

    def breaker(self, account: str, marketplace: str) -> Breaker:
        """A breaker as it stands; closed if nothing ever happened."""
        with self.database.reading() as connection:
            return _one(connection, account, marketplace)

    def breakers(self, account: str | None = None) -> list[Breaker]:
        """All breakers that ever were anything but closed, of an account or of all."""
        mine = true() if account is None else BreakerRow.account == account
        statement = select(*_COLUMNS).where(mine).order_by(BreakerRow.account, BreakerRow.marketplace)
        with self.database.reading() as connection:
            return loaded(Breaker, connection.execute(statement).all())

    def judge_breaker(
        self, account: str, marketplace: str, judge: Callable[[Breaker], Breaker]
    ) -> tuple[Breaker, Breaker]:
        """Store what a judgement makes of a breaker; how it was and how it is.

        Of several callers at once each sees what the one before it left: only one gets to be the probe.
        A judgement that leaves things as they are costs no write.
        """
        before = self.breaker(account, marketplace)
        if judge(before) == before:
            return before, before
        with self.database.writing() as connection:
            fresh = insert_into(connection, BreakerRow).values(values([Breaker(account, marketplace)])[0])
            connection.execute(fresh.on_conflict_do_nothing(index_elements=["account", "marketplace"]))
            before = _one(connection, account, marketplace, lock=True)
            after = judge(before)
            this = and_(BreakerRow.account == account, BreakerRow.marketplace == marketplace)
            connection.execute(update(BreakerRow).where(this).values(values([after])[0]))
        return before, after


def _one(connection: Connection, account: str, marketplace: str, *, lock: bool = False) -> Breaker:
    this = and_(BreakerRow.account == account, BreakerRow.marketplace == marketplace)
    statement = select(*_COLUMNS).where(this)
    rows = connection.execute(statement.with_for_update() if lock else statement).all()
    return next(iter(loaded(Breaker, rows)), None) or Breaker(account, marketplace)
