"""The flows there are, by the names that people, schedules and scripts call them by."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from connectors.errors import ConfigurationError
from connectors.settings import VARIABLES

if TYPE_CHECKING:
    from prefect import Flow

    from connectors.records import JsonObject


@dataclass(frozen=True, slots=True)
class Entry:
    """A flow: where its code is, which settings it needs, and which it goes by (also by their beginnings)."""

    entrypoint: str
    needs: tuple[str, ...]
    settings: tuple[str, ...]


_STORE = ("SHOPIFY_", "EVENSTOCK_", "HTTP_", "ALERT_", "SMTP_", "DISABLE_EXTERNAL_CALLS")
_STORE_AND_RMS = ("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "RMS_DATABASE_URL")
_GUARD = (
    "MIN_ZERO_COUNT",
    "MAX_ZERO_",
    "MAX_FALL_SHARE",
    "MAX_RISE_FACTOR",
    "MAX_QUANTITY",
    "PLAN_EXPIRES_HOURS",
)
_RMS_TO_STORE = (
    *_STORE,
    "RMS_",
    "ENABLE_REVERSE_STOCK_SYNC",
    "REVERSE_SYNC_",
    *_GUARD,
    "MAX_DELETIONS",
)

_STORE_ALONE = ("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
_PARTNERS_TO_STORE = (
    *_STORE,
    "PARTNER_",
    "REVERSE_SYNC_LOCK_SECONDS",
    "REVERSE_SYNC_MISSING_LEVEL",
    "REVERSE_SYNC_TIMEZONE",
    *_GUARD,
    "GONE_AFTER_HOURS",
    "STALE_AFTER_HOURS",
)
_INVENTORY = (*_STORE, "INVENTORY_", "REVERSE_SYNC_LOCK_SECONDS", "MIN_ZERO_COUNT", "MAX_ZERO_SHARE")
_SUPPLIERS = (
    # The store, since its levels may be fed by suppliers.
    *_STORE,
    "REVERSE_SYNC_LOCK_SECONDS",
    "REVERSE_SYNC_MISSING_LEVEL",
    "REVERSE_SYNC_TIMEZONE",
    *_GUARD,
    "SUPPLIER_",
    "BIGBUY_",
    "ALIEXPRESS_",
    "MAX_PRICE_JUMP",
    "GONE_AFTER_HOURS",
    "MAINTENANCE_",
)
_MARKETPLACES = (
    "BRICKLINK_",
    "BRICKOWL_",
    "EVENSTOCK_",
    "HTTP_",
    "ALERT_",
    "SMTP_",
    "CANCELLED_ORDERS",
    "DISABLE_EXTERNAL_CALLS",
)
_RELEASED = (*_RMS_TO_STORE, *_PARTNERS_TO_STORE)
"""A plan that is released may be of any of these, or of a supplier's goods."""
_ANSWERS_ITSELF: tuple[str, ...] = ()
"""Missing settings are in the answer of the inventory refresh, with a code."""

FLOWS: dict[str, Entry] = {
    "reverse-stock-sync": Entry("flows.reverse_stock_sync:reverse_stock_sync", _STORE_AND_RMS, _RMS_TO_STORE),
    "apply-plan": Entry("flows.plans:apply_plan", _STORE_ALONE, _RELEASED),
    "partner-sync": Entry("flows.partner_sync:partner_sync", _STORE_ALONE, _PARTNERS_TO_STORE),
    "inventory-refresh": Entry(
        "flows.inventory_refresh:manual_inventory_refresh", _ANSWERS_ITSELF, _INVENTORY
    ),
    "inventory-refresh-scheduled": Entry(
        "flows.inventory_refresh:scheduled_inventory_refresh", _ANSWERS_ITSELF, _INVENTORY
    ),
    "inventory-refresh-webhook": Entry(
        "flows.inventory_refresh:webhook_inventory_refresh", _ANSWERS_ITSELF, _INVENTORY
    ),
    "automated-sync": Entry("flows.automated_sync:automated_sync", (), _SUPPLIERS),
    "enqueue-job": Entry("flows.automated_sync:enqueue_job", (), _SUPPLIERS),
    "maintenance": Entry(
        "flows.maintenance:maintenance", (), ("MAINTENANCE_", "EVENSTOCK_", "ALERT_", "SMTP_")
    ),
    "change-inventory-item": Entry("flows.marketplace_sync:change_inventory_item", (), _MARKETPLACES),
    "marketplace-sync": Entry("flows.marketplace_sync:marketplace_sync", (), _MARKETPLACES),
    "inventory-sync-status": Entry(
        "flows.inventory_refresh:inventory_sync_status",
        ("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN"),
        _INVENTORY,
    ),
}
"""Every flow by its deployment's name."""


def entry(name: str) -> Entry:
    """A flow's entry. Raises ConfigurationError that names the closest one there is."""
    if name not in FLOWS:
        raise ConfigurationError(f"there is no flow {name}{hint(name, FLOWS)}; flows: {', '.join(FLOWS)}")
    return FLOWS[name]


def load(name: str) -> "Flow[..., JsonObject]":
    """The flow itself; importing it takes a second."""
    module, function = entry(name).entrypoint.split(":")
    found: Flow[..., JsonObject] = getattr(import_module(module), function)
    return found


def settings_of(name: str) -> list[str]:
    """The variables that a flow goes by, in the order of the settings."""
    return [variable for variable in VARIABLES if variable.startswith(entry(name).settings)]


def hint(wrong: str, known: Mapping[str, object]) -> str:
    """` (did you mean …?)`, if something known is close."""
    close = get_close_matches(wrong, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def checked(flow: "Flow[..., JsonObject]", given: Mapping[str, tuple[object, str]]) -> dict[str, object]:
    """Parameters as the flow's signature wants them, from (value, text) pairs.

    A value is tried as it is, then as the text it was written as: `12` may be a plan's id. Raises one
    ConfigurationError that names everything that is unknown, missing or out of range.
    """
    known = inspect.signature(flow.fn, eval_str=True).parameters
    problems = [
        f"{flow.name} has no parameter {name}{hint(name, known)}; parameters: {', '.join(known)}"
        for name in given
        if name not in known
    ]
    missing = [name for name, each in known.items() if each.default is each.empty and name not in given]
    problems += [f"{flow.name} needs the parameter {name}" for name in missing]
    values: dict[str, object] = {}
    for name in (name for name in given if name in known):
        try:
            values[name] = _fitting(TypeAdapter(known[name].annotation), *given[name])
        except ValidationError as error:
            problems.append(f"{name} (is {given[name][1]}): {_reason(error)}")
    if problems:
        raise ConfigurationError("; ".join(problems))
    return values


def _fitting(kind: TypeAdapter[object], value: object, text: str) -> object:
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        try:
            return kind.validate_python(text)
        except ValidationError:
            raise error from None


def _reason(error: ValidationError) -> str:
    """What is wrong, without repeating it for each kind of value that would have been right."""
    reasons = dict.fromkeys(detail["msg"] for detail in error.errors(include_url=False, include_input=False))
    return " or ".join(reasons).replace("Input should be", "must be")
