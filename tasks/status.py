"""Look up how inventory refreshes are going; nothing is changed."""

from connectors.errors import EvenstockError
from connectors.ledger import Ledger, RefreshLog, SyncType
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import freshness
from tasks.desk import ledger_of, open_shop
from tasks.freshness import RECENT, Bucket, Scheduling
from tasks.lease import clock
from tasks.refresh import cooldown_until, resource

LOGS = 100
"""Refreshes that the figures are taken from."""

SHOWN = 20
"""Refreshes that the history lists."""


def inventory_status(settings: Settings) -> JsonObject:
    """The answer of the flow *inventory-sync-status*. Raises ConfigurationError if no store is set."""
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
    ledger = ledger_of(settings)
    logs = _logs(settings, ledger)
    scheduling = Scheduling(
        cooldown_until(settings, ledger), is_running=_is_held(settings, ledger, SyncType.MANUAL)
    )
    return {
        "success": True,
        "message": _message(scheduling),
        "data": {
            "scheduling": scheduling.as_dict(),
            "running": freshness.running(logs),
            "rateLimit": freshness.rate_limit(_bucket(settings), logs[:RECENT]),
            "history": freshness.history(logs[:SHOWN]),
            "performance": freshness.performance(logs),
            "errorTrend": freshness.error_trend(logs),
            "stockHealth": freshness.stock_health(
                ledger.vendor_stock(settings.shop), settings.inventory_low_stock
            ),
        },
    }


def _message(scheduling: Scheduling) -> str:
    if scheduling.is_running:
        return "A refresh is running"
    if scheduling.cooldown_until:
        return f"Manual refresh on cooldown until {scheduling.cooldown_until.isoformat()}"
    return "A manual refresh may be started"


def _logs(settings: Settings, ledger: Ledger) -> list[RefreshLog]:
    """The last refreshes. One counts as running only while the lease on its work is held."""
    held = {each: _is_held(settings, ledger, each) for each in SyncType}
    # Read after the leases: what ended meanwhile is shown as ended.
    logs = ledger.refresh_history(settings.shop, LOGS)
    return freshness.settled(logs, [log.id for log in logs if held[log.sync_type]])


def _is_held(settings: Settings, ledger: Ledger, sync_type: SyncType) -> bool:
    return ledger.held_until(resource(settings.shop, sync_type), clock()) is not None


def _bucket(settings: Settings) -> Bucket:
    """What Shopify says of its limit, for the price of the cheapest call."""
    shop = open_shop(settings)
    try:
        with shop.http:
            shop.facts()
            points = shop.http.points_left
    except EvenstockError as error:
        return Bucket(error=str(error))
    return Bucket(points.level, points.rate) if points else Bucket(error="the store does not tell")
