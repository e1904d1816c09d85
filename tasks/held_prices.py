"""Prices that wait for a person: which there are, and letting one through."""

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.imported_products import Kind
from connectors.ledger.product_marks import HeldPrice
from connectors.ledger.supplier_records import Supplier
from connectors.settings import Settings
from tasks import price_guard


def release(settings: Settings, ledger: Ledger, supplier: Supplier, feeder: tuple[Kind, str]) -> HeldPrice:
    """Believe the price that is held of a product or variant; what was known and held until now.

    Raises ConfigurationError if none is held, and if the supplier told another one this moment.
    """
    kind, key = feeder
    waiting = ledger.held_price(supplier, kind, key)
    if waiting is None:
        raise ConfigurationError(f"no price of {key} of {supplier.name} is held")
    price = price_guard.told(waiting.held)
    if not ledger.accept_price(supplier, kind, waiting, price, settings.now()):
        raise ConfigurationError(f"{supplier.name} told another price of {key} this moment: look again")
    return waiting
