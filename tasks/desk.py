"""Open what a step works with: the store, RMS and the ledger, from the settings."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from connectors.errors import ConfigurationError, NeedsConsent
from connectors.http import Http, Patience
from connectors.ledger import Ledger, Partner, Vault, open_ledger
from connectors.pacing import points, shared_bucket
from connectors.renewal import Store, Unshared
from connectors.rms import Rms
from connectors.settings import Settings
from connectors.shopify import Shopify, check_version
from connectors.shopify.tokens import ClientCredentials, FixedToken, OfflineToken, Tokens
from tasks.token import PAIR, TOKEN, PartnersPair, SharedToken, secret_of

SCOPES = frozenset({"read_products", "write_products", "read_inventory", "write_inventory", "read_locations"})
"""Without these nothing works. `read_orders` is needed only for deletions and late bookings."""

NOWHERE = 0
"""The location of a store that was opened only to ask who it is."""


def ledger_of(settings: Settings) -> Ledger:
    """The ledger that the settings name."""
    return open_ledger(settings.needed("EVENSTOCK_DATABASE_URL"))


def open_shop(settings: Settings, location: int = NOWHERE, *, aside: bool = False) -> Shopify:
    """The own store. Its bucket of points is shared by everything in this process that talks to it.

    Raises ConfigurationError for settings that are missing or forbid all calls. `aside`: the ledger is not
    touched, not even for a token.
    """
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
    base = settings.shopify_base_url
    tokens = _tokens(settings, aside=aside)
    return _shop(
        settings, (base, settings.shop), tokens, location=location, writes_off=not settings.evenstock_writes
    )


def open_partner(
    settings: Settings, ledger: Ledger, partner: Partner, *, tokens: Tokens | None = None
) -> Shopify:
    """A partner's store, with a bucket of its own; it is only read. `tokens` in place of what is stored.

    Raises ConfigurationError without EVENSTOCK_SECRET_KEY or the key that its token was stored under,
    NeedsConsent if nothing is stored, also at a call when the token has ended for good.
    """
    tokens = tokens or _partners_tokens(settings, ledger, partner)
    return _shop(settings, (partner.base_url, partner.shop_domain), tokens, location=NOWHERE, writes_off=True)


def _shop(
    settings: Settings, where: tuple[str, str], tokens: Tokens, *, location: int, writes_off: bool
) -> Shopify:
    _refuse_calls(settings)
    version = settings.shopify_api_version
    base, account = where
    http = Http(
        f"{base}/admin/api/{version}/",
        system="shopify",
        account=account,
        headers=tokens.headers,
        renew=tokens.renew,
        check=check_version(version),
        points=points,
        patience=patience(settings),
        pacer=shared_bucket("shopify", base),
        writes_off=writes_off,
    )
    return Shopify(http, location=location, version=version, path=settings.shopify_read_path)


def _refuse_calls(settings: Settings) -> None:
    if settings.disable_external_calls:
        raise ConfigurationError("DISABLE_EXTERNAL_CALLS is set: no store is asked anything with it")


_granted: dict[tuple[object, ...], ClientCredentials] = {}
_consented: dict[tuple[object, ...], OfflineToken] = {}
_turn = threading.Lock()


def _tokens(settings: Settings, *, aside: bool) -> Tokens:
    """The store's token, or those that the app's own credentials are granted."""
    if settings.shopify_admin_token is not None:
        return FixedToken(settings.needed("SHOPIFY_ADMIN_TOKEN"))
    base, client = settings.shopify_base_url, settings.needed("SHOPIFY_CLIENT_ID")
    app = (client, settings.shopify_client_secret)
    shared = (settings.evenstock_database_url, settings.evenstock_secret_key)
    with _turn:
        key = (base, *app, *shared, aside)
        if key not in _granted:
            http = Http(
                f"{base}/admin/oauth/", system="shopify", account=settings.shop, patience=_haste(settings)
            )
            store = Unshared() if aside else _store(settings)
            secret = settings.needed("SHOPIFY_CLIENT_SECRET")
            _granted[key] = ClientCredentials(http, client, secret, store)
        return _granted[key]


def _store(settings: Settings) -> Store:
    """Where the token is kept: in the ledger if it can be sealed there, else in this process only."""
    if settings.evenstock_secret_key is None:
        return Unshared()
    vault = Vault(settings.evenstock_secret_key)
    return SharedToken(lambda: ledger_of(settings), vault, settings.shop)


def _partners_tokens(settings: Settings, ledger: Ledger, partner: Partner) -> Tokens:
    """A partner's lasting token, or the one it consented to, shared by all threads of this process."""
    vault = Vault(settings.evenstock_secret_key)
    lasting = ledger.secret(vault, partner.account, secret_of(partner, TOKEN))
    if lasting:
        return FixedToken(lasting.get_secret_value())
    if secret_of(partner, PAIR) not in ledger.secret_names(partner.account):
        raise NeedsConsent(
            f"{partner.shop_domain} needs new consent (evenstock partners consent {partner.shop_domain}): "
            "no token is stored",
            system="shopify",
            account=partner.shop_domain,
        )
    client, secret = settings.partner_app
    shared = (ledger.database.name, settings.evenstock_secret_key)
    with _turn:
        key = (partner.base_url, partner.id, client, secret, *shared)
        if key not in _consented:
            store = PartnersPair(lambda: ledger_of(settings), vault, partner)
            _consented[key] = OfflineToken(door(settings, partner), client, secret, store)
        return _consented[key]


def door(settings: Settings, partner: Partner) -> Http:
    """Where a partner's store gives tokens out."""
    _refuse_calls(settings)
    return Http(
        f"{partner.base_url}/admin/oauth/",
        system="shopify",
        account=partner.shop_domain,
        patience=_haste(settings),
    )


def _haste(settings: Settings) -> Patience:
    """For the exchange of a token, on which a call waits whose lease was already looked at."""
    calm = patience(settings)
    return replace(calm, total=min(20.0, calm.total / 4), timeout=min(10.0, calm.timeout / 2))


class Share:
    """The part of an account's bucket that this process may use: one for each live process, by their leases.

    Counted again after some seconds, not with every call.
    """

    AGE = 5.0

    def __init__(self, ledger: Ledger, prefix: str) -> None:
        self._ledger = ledger
        self._prefix = prefix
        self._counted_at = -self.AGE
        self._share = 1.0

    def __call__(self) -> float:
        """The share, between 0 and 1."""
        if time.monotonic() - self._counted_at >= self.AGE:
            self._counted_at = time.monotonic()
            self._share = 1.0 / max(1, self._ledger.live(self._prefix, datetime.now(UTC)))
        return self._share


def process_prefix(settings: Settings) -> str:
    """Leases with this prefix are the live processes that share the store's bucket."""
    return f"process:shopify:{settings.shop}:"


@contextmanager
def sharing_bucket(settings: Settings, ledger: Ledger) -> Iterator[None]:
    """Share the store's bucket of points with other live processes for a while."""
    base = settings.shopify_base_url
    shared_bucket("shopify", base, share=Share(ledger, process_prefix(settings)))
    try:
        yield
    finally:
        shared_bucket("shopify", base, share=_alone)


def _alone() -> float:
    return 1.0


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
