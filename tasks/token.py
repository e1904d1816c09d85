"""One access token for all processes of an account: sealed in the ledger, renewed by one of them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from pydantic import SecretStr

from connectors.ledger import Ledger, Partner, Unopenable, Vault
from connectors.renewal import Save
from tasks.lease import Hold, clock, held

SECONDS = 20.0
"""After so long another process takes over from one that was killed while it renewed."""

_NAME = "shopify_access_token"

logger = logging.getLogger(__name__)


class SharedToken:
    """An account's place for its token (`connectors.renewal.Store`).

    A token that our keys do not open counts as none: it can be had anew.
    Raises what the ledger raises: ConfigurationError or Transient, when it cannot be used or reached.
    """

    def __init__(
        self, ledger: Callable[[], Ledger], vault: Vault, account: str, name: str = _NAME, lease: str = ""
    ) -> None:
        self._ledger = ledger
        self._vault = vault
        self._account = account
        self._name = name
        self._lease = lease or f"token:shopify:{account}"

    def load(self) -> SecretStr | None:
        """What was stored last."""
        try:
            return self._ledger().secret(self._vault, self._account, self._name)
        except Unopenable as error:
            return self._closed(error)

    def _closed(self, error: Unopenable) -> SecretStr | None:
        logger.warning("%s; another token is asked for", error)
        return None

    @contextmanager
    def turn(self) -> Iterator[Save | None]:
        """The lease on the token, kept alive while it is renewed."""
        with held(self._ledger(), [self._lease], uuid4().hex, SECONDS) as hold:
            yield (lambda secret: self._save(hold, secret)) if hold.fences else None

    def _save(self, hold: Hold, secret: SecretStr) -> None:
        self._ledger().store_secret(
            self._vault, self._account, self._name, secret, clock(), fences=hold.fences
        )


class PartnersPair(SharedToken):
    """The place for the access and refresh token that a partner consented to.

    One that our keys do not open is a ConfigurationError: only a new consent would bring another.
    """

    def __init__(self, ledger: Callable[[], Ledger], vault: Vault, partner: Partner) -> None:
        super().__init__(
            ledger,
            vault,
            partner.account,
            secret_of(partner, PAIR),
            f"token:shopify:{partner.account}:{partner.shop_domain}",
        )

    def _closed(self, error: Unopenable) -> SecretStr | None:
        raise error


TOKEN, PAIR, STATE = "token", "pair", "state"
"""What is kept sealed of a partner: a lasting token, or a pair that is renewed; the state of a consent."""


def secret_of(partner: Partner, what: str) -> str:
    """The name of a partner's secret."""
    return f"partner:{partner.id}:{what}"
