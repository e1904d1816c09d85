"""Which accounts are on which marketplaces, and when these were last asked for orders and lots."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, true

from connectors.ledger.database import Database, insert_into
from connectors.ledger.market_models import MarketAccountRow
from connectors.ledger.market_records import MarketAccount
from connectors.ledger.rows import Values, columns, loaded, values

_COLUMNS = columns(MarketAccountRow, MarketAccount)


class MarketAccounts:
    """The part of the ledger that knows accounts on marketplaces."""

    database: Database

    def market_accounts(self, account: str | None = None) -> list[MarketAccount]:
        """An account's marketplaces, or those of all; also those that are switched off."""
        mine = true() if account is None else MarketAccountRow.account == account
        statement = select(*_COLUMNS).where(mine)
        ordered = statement.order_by(MarketAccountRow.account, MarketAccountRow.marketplace)
        with self.database.reading() as connection:
            return loaded(MarketAccount, connection.execute(ordered).all())

    def switch_markets(
        self, account: str, marketplaces: Collection[str], now: datetime, *, enabled: bool
    ) -> None:
        """From now on the account takes part in these marketplaces, or does not."""
        for marketplace in sorted(marketplaces):
            self._store(account, marketplace, now, {"enabled": enabled})

    def remove_markets(self, account: str) -> None:
        """Forget that the account is on any marketplace; its items and orders stay."""
        with self.database.writing() as connection:
            connection.execute(delete(MarketAccountRow).where(MarketAccountRow.account == account))

    def polled(self, account: str, marketplace: str, now: datetime) -> None:
        """All orders that a marketplace told of at this time are booked."""
        self._store(account, marketplace, now, {"polled_at": now, "poll_asked": False})

    def ask_poll(self, account: str, marketplace: str, now: datetime) -> None:
        """Orders are wanted now: a lot shows less than expected."""
        self._store(account, marketplace, now, {"poll_asked": True})

    def compared(self, account: str, marketplace: str, now: datetime) -> None:
        """All lots were compared with all items at this time."""
        self._store(account, marketplace, now, {"compared_at": now})

    def _store(self, account: str, marketplace: str, now: datetime, content: Values) -> None:
        fresh = MarketAccount(account, marketplace, enabled=True, added_at=now)
        row = values([fresh])[0] | content
        with self.database.writing() as connection:
            one = insert_into(connection, MarketAccountRow).values(row)
            connection.execute(
                one.on_conflict_do_update(index_elements=["account", "marketplace"], set_=content)
            )
