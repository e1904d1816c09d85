"""The ledger: runs, plans, changes, operations, leases, levels, snapshots and secrets.

ledger = open_ledger(settings.needed("EVENSTOCK_DATABASE_URL"))
fences = ledger.acquire(["own.example/product/101"], holder=run.id, seconds=300, now=settings.now())
"""

from connectors.ledger.ledger import Ledger, open_ledger
from connectors.ledger.records import (
    Alert,
    Change,
    DeadRun,
    LastGood,
    LevelMemory,
    Operation,
    OperationState,
    Partner,
    Plan,
    PlanState,
    ProductMapping,
    RefreshLog,
    Run,
    RunState,
    Settlement,
    Severity,
    Snapshot,
    SyncLog,
    SyncStatus,
    SyncType,
    VendorLevel,
    VendorVariant,
    Window,
)
from connectors.ledger.vault import Unopenable, Vault

__all__ = [
    "Alert",
    "Change",
    "DeadRun",
    "LastGood",
    "Ledger",
    "LevelMemory",
    "Operation",
    "OperationState",
    "Partner",
    "Plan",
    "PlanState",
    "ProductMapping",
    "RefreshLog",
    "Run",
    "RunState",
    "Settlement",
    "Severity",
    "Snapshot",
    "SyncLog",
    "SyncStatus",
    "SyncType",
    "Unopenable",
    "Vault",
    "VendorLevel",
    "VendorVariant",
    "Window",
    "open_ledger",
]
