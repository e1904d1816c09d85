"""What we say to Brick Owl's API, version 1: builders of calls, without any I/O.

Arguments are form fields or a query, never JSON; the key is put in last, by `keyed`. A misspelt argument is
ignored there with a success, so that every name is written out here once.
https://www.brickowl.com/api_docs
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from connectors.brickowl.terms import condition, sellable
from connectors.brickowl.verdict import BATCH
from connectors.http import Call
from connectors.market import Change, Lane, NewLot
from connectors.records import JsonObject

LIST_SECONDS: Final = 180.0
"""How long a list of all lots, or a batch, may take."""

MOST_PARTS: Final = 20
"""Parts of a batch. Fifty are allowed, but a lost answer leaves all of them unclear."""

BATCH_POINTS: Final = 2.0
"""The cost by which the pacer knows a batch."""

MOST_ORDERS: Final = 5000
"""Orders that one list may have."""


def keyed(call: Call, key: str) -> Call:
    """The call with the account's key: in the query of a GET, in the form of a POST, hidden from errors."""
    if call.method == "GET":
        return replace(call, params={"key": key, **call.params}, hidden=(key,))
    return replace(call, form={"key": key, **(call.form or {})}, hidden=(key,))


def _get(
    endpoint: str,
    lane: Lane,
    params: Mapping[str, str],
    *,
    personal: bool = False,
    timeout: float | None = None,
) -> Call:
    name = f"GET /{endpoint}"
    return Call(name, endpoint, "GET", params=params, lane=lane, personal=personal, timeout=timeout)


def _post(endpoint: str, lane: Lane, form: Mapping[str, str]) -> Call:
    return Call(f"POST /{endpoint}", endpoint, "POST", form=form, writes=True, lane=lane)


# ------------------------------------------------------------------ lots


def lots(lane: Lane) -> Call:
    """All lots in one answer. Without `active_only=0` those that nobody can buy would seem deleted."""
    return _get("inventory/list", lane, {"active_only": "0"}, timeout=LIST_SECONDS)


def lot(lot_id: str, lane: Lane) -> Call:
    """One lot, whatever its state."""
    return _get("inventory/list", lane, {"active_only": "0", "lot_id": lot_id})


def create(new: NewLot, boid: str) -> Call:
    """Make a lot, on sale at once. Texts are not taken here: they are a change of their own."""
    form = {
        "boid": boid,
        "quantity": str(new.quantity),
        "price": sellable(new.price),
        "condition": condition(new.part),
        "external_id": new.marker,
    }
    return _post("inventory/create", "creations", form)


def change(lot_id: str, wanted: Change) -> Call:
    """Change a lot: what is not named stays. The quantity is added to whatever is there."""
    return _post("inventory/update", wanted.lane, {"lot_id": lot_id, **_fields(wanted)})


def _fields(wanted: Change) -> dict[str, str]:
    told = {
        "relative_quantity": f"{wanted.delta:d}" if wanted.delta else None,
        "price": None if wanted.price is None else sellable(wanted.price),
        "personal_note": _lines(wanted.text),
        "public_note": _lines(wanted.public_text),
        "update_external_id_1": wanted.marker,
    }
    return {name: value for name, value in told.items() if value is not None}


def _lines(text: str | None) -> str | None:
    """Text as it is kept there, with LF at the ends of lines."""
    return None if text is None else text.replace("\r\n", "\n").replace("\r", "\n")


def delete(lot_id: str) -> Call:
    """Delete a lot for ever."""
    return _post("inventory/delete", "deletions", {"lot_id": lot_id})


def is_for_batch(wanted: Change) -> bool:
    """Whether a batch may carry a change: all but quantities is said to be ignored there with success."""
    return bool(wanted.delta) and wanted == Change(delta=wanted.delta)


def batch(changes: Sequence[tuple[str, Change]]) -> Call:
    """Change the quantities of up to `MOST_PARTS` lots; each part is done or refused on its own."""
    requests = [_part(lot_id, wanted) for lot_id, wanted in changes]
    lane: Lane = "falls" if any(wanted.delta < 0 for _, wanted in changes) else "rises"
    call = _post(BATCH, lane, {"requests": json.dumps({"requests": requests})})
    return replace(call, cost=BATCH_POINTS, timeout=LIST_SECONDS)


def _part(lot_id: str, wanted: Change) -> JsonObject:
    params: JsonObject = {"lot_id": lot_id, "relative_quantity": wanted.delta}
    return {"endpoint": "inventory/update", "request_method": "POST", "params": [params]}


# ------------------------------------------------------------------ catalogue


def id_lookup(kind: str, no: str) -> Call:
    """The BOIDs of BrickLink's number of an item."""
    params = {"id": no, "type": kind, "id_type": "bl_item_no"}
    return _get("catalog/id_lookup", "creations", params)


def color_list() -> Call:
    """All colours."""
    return _get("catalog/color_list", "creations", {})


# ------------------------------------------------------------------ orders and account


def orders(limit: int, since: int | None) -> Call:
    """The orders that were changed last, so many of them; only those placed since a moment (Unix seconds)."""
    params = {"list_type": "store", "sort_by": "updated", "limit": str(limit)}
    if since is not None:
        params["order_time"] = str(since)
    return _get("order/list", "orders", params, personal=True, timeout=LIST_SECONDS)


def order(order_id: str) -> Call:
    """One order, without what was sold in it."""
    return _get("order/view", "orders", {"order_id": order_id}, personal=True)


def order_items(order_id: str) -> Call:
    """What was sold in one order."""
    return _get("order/items", "orders", {"order_id": order_id}, personal=True)


def details() -> Call:
    """Whose key it is, and which store it opens."""
    return _get("user/details", "orders", {}, personal=True)
