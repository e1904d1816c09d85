"""The suppliers there are: one row each. A new one is a module, a row here, a stand-in and samples.

What a supplier needs and can do is told here, so that a job can be refused before anything is opened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors import aliexpress, bigbuy, csv_supplier
from connectors.errors import ConfigurationError
from connectors.records import JsonObject
from connectors.supplier import Ability, Access, Configuration, Supplier, configuration


@dataclass(frozen=True, slots=True)
class SupplierType:
    """One kind of supplier.

    `credentials` by name → the variable that serves suppliers without credentials of their own; `optional`:
    those that may be missing. `quota`: the credential that limits belong to. `base_url_setting`: the variable
    that may replace `base_url`.
    `needs`: what of the configuration must be there; `check` raises ConfigurationError for whatever else is
    wrong with it.
    """

    open: Callable[[Access], Supplier]
    abilities: frozenset[Ability]
    default_batch: int
    credentials: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    quota: str = ""
    base_url: str = ""
    base_url_setting: str = ""
    needs: tuple[str, ...] = ()
    check: Callable[[Configuration], None] = lambda _: None

    @property
    def accepted(self) -> Mapping[str, str]:
        """All credentials that it takes."""
        return {**self.credentials, **self.optional}


SUPPLIERS: Final[Mapping[str, SupplierType]] = {
    "bigbuy": SupplierType(
        open=bigbuy.open_bigbuy,
        abilities=frozenset(
            {Ability.LISTS_PRODUCTS, Ability.LISTS_STOCK, Ability.LISTS_PRICES, Ability.TRACKS_ORDERS}
        ),
        default_batch=100,
        credentials={"api_key": "BIGBUY_API_KEY"},
        quota="api_key",
        base_url=bigbuy.BASE_URL,
        base_url_setting="BIGBUY_BASE_URL",
    ),
    "aliexpress": SupplierType(
        open=aliexpress.open_aliexpress,
        abilities=frozenset({Ability.LISTS_PRODUCTS, Ability.LOOKS_UP, Ability.TRACKS_ORDERS}),
        default_batch=50,
        credentials={
            "api_key": "ALIEXPRESS_API_KEY",
            "api_secret": "ALIEXPRESS_API_SECRET",
            "session": "ALIEXPRESS_SESSION",
        },
        optional={"refresh_token": "ALIEXPRESS_REFRESH_TOKEN"},
        quota="api_key",
        base_url=aliexpress.BASE_URL,
        base_url_setting="ALIEXPRESS_BASE_URL",
        needs=("ship_to_country",),
    ),
    "csv": SupplierType(
        open=csv_supplier.open_csv,
        abilities=frozenset({Ability.LISTS_PRODUCTS, Ability.LISTS_STOCK, Ability.LISTS_PRICES}),
        default_batch=500,
        credentials={},
        needs=("url",),
        check=csv_supplier.check,
    ),
}


def supplier_type(connector_type: str) -> SupplierType:
    """The row of a type. Raises ConfigurationError if there is none."""
    found = SUPPLIERS.get(connector_type)
    if found is None:
        raise ConfigurationError(
            f"'{connector_type}' is not a kind of supplier; known are {', '.join(sorted(SUPPLIERS))}"
        )
    return found


def need(connector_type: str, *abilities: Ability) -> Ability:
    """The first of these that a type offers. Raises ConfigurationError if it offers none of them."""
    offered = supplier_type(connector_type).abilities
    found = next((each for each in abilities if each in offered), None)
    if found is None:
        wanted = " or ".join(abilities)
        raise ConfigurationError(
            f"{connector_type}: not offered by this supplier (a connector that {wanted})"
        )
    return found


def configured(connector_type: str, values: JsonObject) -> Configuration:
    """A supplier row's configuration. Raises ConfigurationError that names what is wrong or missing."""
    row = supplier_type(connector_type)
    found = configuration(values, row.default_batch)
    missing = [name for name in row.needs if not getattr(found, name)]
    if missing:
        raise ConfigurationError(f"a {connector_type} supplier's configuration lacks {', '.join(missing)}")
    row.check(found)
    return found
