"""Watch every flow from outside Prefect: with the ledger alone."""

from dataclasses import dataclass

from connectors.ledger import Alert, Ledger, Partner
from connectors.settings import Settings
from tasks import alerts, channels
from tasks.watching import SILENT, Watch, Watched, intervals_of, overdue


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found: what is wrong now, and how many notices could not be handed over."""

    alerts: tuple[Alert, ...]
    undelivered: int

    @property
    def is_well(self) -> bool:
        """Nothing is wrong, and everybody has heard what was."""
        return not self.alerts and not self.undelivered


def look(ledger: Ledger, settings: Settings) -> Look:
    """Raise alerts for flows that fell silent, clear those that run again, and deliver what waits.

    Raises what the ledger raises.
    """
    found = list(overdue(ledger.last_good_runs(), _watch(ledger, settings), settings.now()))
    silent = {(account, cause.key) for account, cause in found}
    for account, cause in found:
        alerts.store(ledger, settings, account, cause)
    for alert in ledger.alerts():
        if alert.cause.endswith(f":{SILENT}") and (alert.account, alert.cause) not in silent:
            alerts.resolve(ledger, settings, alert)
    left = channels.deliver(ledger, settings)
    return Look(tuple(each for each in ledger.alerts() if each.told_count), left)


def _watch(ledger: Ledger, settings: Settings) -> Watch:
    used = _used(ledger, settings) if settings.shopify_store_domain else {}
    return Watch(
        intervals_of(settings.watch_intervals),
        in_use=frozenset(each for each, is_used in used.items() if is_used),
        off=frozenset(each for each, is_used in used.items() if not is_used),
    )


def _used(ledger: Ledger, settings: Settings) -> dict[Watched, bool]:
    """Whether the flows that need to be set up are, for the own store."""
    partners = [each for each in ledger.partners(settings.shop, active_only=True) if _is_fed(ledger, each)]
    return {
        ("reverse-stock-sync", settings.shop): (
            settings.enable_reverse_stock_sync and settings.rms_database_url is not None
        ),
        ("partner-sync", settings.shop): bool(partners),
    }


def _is_fed(ledger: Ledger, partner: Partner) -> bool:
    return any(each.is_active and each.partner_id == partner.id for each in ledger.mappings(partner.account))
