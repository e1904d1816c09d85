"""One access token for all processes of an account: sealed in the ledger, renewed by one of them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from pydantic import SecretStr

from connectors.ledger import Ledger, Unopenable, Vault
from connectors.shopify.tokens import Save
from tasks.lease import Hold, clock, held

SECONDS = 20.0
"""After so long another process takes over from one that was killed while it renewed."""

_NAME = "shopify_access_token"

logger = logging.getLogger(__name__)


class SharedToken:
    """An account's place for its token (`connectors.shopify.tokens.Store`).

    Raises what the ledger raises: ConfigurationError or Transient, when it cannot be used or reached.
    """

    def __init__(self, ledger: Callable[[], Ledger], vault: Vault, account: str) -> None:
        self._ledger = ledger
        self._vault = vault
        self._account = account

    def load(self) -> SecretStr | None:
        """What was stored last. A token that our keys do not open counts as none: it can be had anew."""
        try:
            return self._ledger().secret(self._vault, self._account, _NAME)
        except Unopenable as error:
            logger.warning("%s; another token is asked for", error)
            return None

    @contextmanager
    def turn(self) -> Iterator[Save | None]:
        """The lease on the token, kept alive while it is renewed."""
        with held(self._ledger(), [f"token:shopify:{self._account}"], uuid4().hex, SECONDS) as hold:
            yield (lambda secret: self._save(hold, secret)) if hold.fences else None

    def _save(self, hold: Hold, secret: SecretStr) -> None:
        self._ledger().store_secret(self._vault, self._account, _NAME, secret, clock(), fences=hold.fences)
