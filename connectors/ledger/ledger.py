"""The ledger: our database, put together from one small part a subject."""

import os
import threading

from connectors.ledger.alerts import Alerts
from connectors.ledger.boids import Boids
from connectors.ledger.breakers import Breakers
from connectors.ledger.budgets import Budgets
from connectors.ledger.changes import Changes
from connectors.ledger.cleaning import Cleaning
from connectors.ledger.database import Database
from connectors.ledger.imported_products import ImportedProducts
from connectors.ledger.items import Items
from connectors.ledger.jobs import Jobs
from connectors.ledger.leases import Leases
from connectors.ledger.levels import Levels
from connectors.ledger.listings import Listings
from connectors.ledger.locks import Locks
from connectors.ledger.mappings import Mappings
from connectors.ledger.market_accounts import MarketAccounts
from connectors.ledger.market_orders import MarketOrders
from connectors.ledger.market_writes import MarketWrites
from connectors.ledger.operations import Operations
from connectors.ledger.paces import Paces
from connectors.ledger.partners import Partners
from connectors.ledger.plans import Plans
from connectors.ledger.product_marks import ProductMarks
from connectors.ledger.refresh_log import RefreshLogs
from connectors.ledger.runs import Runs
from connectors.ledger.schema import bring_up_to_date
from connectors.ledger.secrets import Secrets
from connectors.ledger.shop import Accounts, Products, Snapshots
from connectors.ledger.supplier_feeds import SupplierFeeds
from connectors.ledger.supplier_orders import SupplierOrders
from connectors.ledger.suppliers import Suppliers
from connectors.ledger.sync_logs import SyncLogs
from connectors.ledger.vendor_inventory import VendorInventory


class Ledger(
    Runs,
    Plans,
    Changes,
    Operations,
    Leases,
    Levels,
    Products,
    Accounts,
    Snapshots,
    Secrets,
    Partners,
    Mappings,
    SyncLogs,
    VendorInventory,
    RefreshLogs,
    Alerts,
    Items,
    Listings,
    MarketWrites,
    MarketOrders,
    MarketAccounts,
    Budgets,
    Breakers,
    Locks,
    Paces,
    Boids,
    Jobs,
    Suppliers,
    ImportedProducts,
    ProductMarks,
    SupplierOrders,
    SupplierFeeds,
    Cleaning,
):
    """Every method is one unit of work: all of it is stored, or nothing.

    Raises ConfigurationError when a person has to mend the database, Transient when it is busy or away,
    UnknownOutcome when it went away while storing. Thread-safe. Never pass one between processes.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.database.name!r})"

    def close(self) -> None:
        """Give all connections back; the next use opens new ones."""
        self.database.close()


_open: dict[tuple[int, str], Ledger] = {}
_turn = threading.Lock()


def open_ledger(url: str, *, upgrade: bool = True) -> Ledger:
    """The ledger at an SQLAlchemy URL; its folder and its tables are made or upgraded if need be.

    One engine a URL and process. With `upgrade=False` an older schema raises ConfigurationError instead.
    """
    # By process, since connections must not cross a fork.
    key = (os.getpid(), url)
    with _turn:
        if key not in _open:
            database = Database(url)
            bring_up_to_date(database, upgrade=upgrade)
            _open[key] = Ledger(database)
        return _open[key]
