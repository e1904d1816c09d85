"""Open what a step works with: the store, RMS and the ledger, from the settings."""

from connectors.http import Http, Patience
from connectors.ledger import Ledger, open_ledger
from connectors.pacing import points, shared_bucket
from connectors.rms import Rms
from connectors.settings import Settings
from connectors.shopify import Shopify, check_version

SCOPES = frozenset({"read_products", "write_products", "read_inventory", "write_inventory", "read_locations"})
"""Without these nothing works. `read_orders` is needed only for deletions and late bookings."""

NOWHERE = 0
"""The location of a store that was opened only to ask who it is."""


def ledger_of(settings: Settings) -> Ledger:
    """The ledger that the settings name."""
    return open_ledger(settings.needed("EVENSTOCK_DATABASE_URL"))


def open_shop(settings: Settings, location: int = NOWHERE) -> Shopify:
    """The own store. Its bucket of points is shared by everything in this process that talks to it."""
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
    version = settings.shopify_api_version
    token = settings.needed("SHOPIFY_ADMIN_TOKEN")
    base = settings.shopify_base_url
    http = Http(
        f"{base}/admin/api/{version}/",
        system="shopify",
        account=settings.shop,
        headers=lambda: {"X-Shopify-Access-Token": token},
        check=check_version(version),
        points=points,
        patience=patience(settings),
        pacer=shared_bucket("shopify", base),
        writes_off=not settings.evenstock_writes,
    )
    return Shopify(http, location=location, version=version)


def patience(settings: Settings) -> Patience:
    """How long a call may take in all: well within the lease on what it writes."""
    lease = float(settings.reverse_sync_lock_seconds)
    return Patience(
        attempts=settings.http_max_attempts,
        base_delay=settings.http_base_delay,
        max_delay=settings.http_max_delay,
        total=min(180.0, lease / 2),
        timeout=min(30.0, lease / 4),
    )


def open_rms(settings: Settings) -> Rms:
    """The RMS database, read only."""
    return Rms(settings.needed("RMS_DATABASE_URL"))
