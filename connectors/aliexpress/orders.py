"""What an order's and its parcels' answers mean (https://openservice.aliexpress.com/doc/api.htm)."""

from collections.abc import Sequence
from typing import Final

from connectors.aliexpress.envelope import Said, objects, opened, text
from connectors.aliexpress.verdict import is_success
from connectors.errors import Complaint, Refused
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_object, as_text
from connectors.supplier import OrderState, SupplierOrder

STATES: Final[dict[str, OrderState]] = {
    "PLACE_ORDER_SUCCESS": "pending",
    "RISK_CONTROL": "processing",
    "WAIT_SELLER_SEND_GOODS": "processing",
    "WAIT_SELLER_EXAMINE_MONEY": "processing",
    "IN_FROZEN": "processing",
    "SELLER_PART_SEND_GOODS": "shipped",
    "WAIT_BUYER_ACCEPT_GOODS": "shipped",
    "FUND_PROCESSING": "delivered",
    "FINISH": "delivered",
    "IN_CANCEL": "cancelled",
}
"""What a status means. IN_ISSUE, a dispute, is not among them: it leaves an order as it is."""
ENDED: Final = "FINISH"
SENT: Final = frozenset({"SELLER_SEND_PART_GOODS", "SELLER_SEND_GOODS", "BUYER_ACCEPT_GOODS"})
NO_TRACKING: Final = "1001"
_UNKNOWN: Final = ("not_found", "not found", "not exist", "not_exist")


def order(body: JsonValue, method: str, number: str) -> tuple[SupplierOrder, bool]:
    """An order, and whether its parcels are on their way. Raises Refused for a failure.

    The answer does not name the order: it is the one that was asked for.
    """
    said = opened(body, method)
    if is_unknown(said):
        return SupplierOrder(number, known=False), False
    found = said.result()
    status = as_text(found.get("order_status"), "order_status")
    parcels = _parcels(found)
    first: JsonObject = parcels[0] if parcels else {}
    told = SupplierOrder(
        number,
        status=status,
        state="cancelled" if status == ENDED and _is_cancelled(found) else STATES.get(status),
        carrier=text(first, "logistics_service") or None,
        tracking_number=text(first, "logistics_no") or None,
        tracking_info=tuple(parcels),
    )
    return told, bool(parcels) or text(found, "logistics_status") in SENT


def is_unknown(said: Said) -> bool:
    """Whether the answer says that there is no such order."""
    return bool(said.code) and any(word in said.text.lower() for word in _UNKNOWN)


def _parcels(found: JsonObject) -> list[JsonObject]:
    return _either(found.get("logistics_info_list"), "ae_order_logistics_info", "aeop_order_logistics_info")


def _is_cancelled(found: JsonObject) -> bool:
    """FINISH only says that an order ended: it was cancelled if every line was."""
    lines = _either(found.get("child_order_list"), "ae_child_order_info", "aeop_child_order_info")
    return bool(lines) and all(text(each, "end_reason").upper().startswith("CANCEL") for each in lines)


def _either(value: JsonValue, *names: str) -> list[JsonObject]:
    """The elements of a list that is wrapped under one of these names: each method has its own."""
    found = next((name for name in names if isinstance(value, dict) and name in value), None)
    return objects(value, found) if found else []


def tracked(body: JsonValue, method: str) -> list[JsonObject]:
    """What happened to the parcels of an order, newest first; nothing before they are sent."""
    result = opened(body, method).result()
    if not is_success(result.get("ret")):
        code = text(result, "code")
        if code == NO_TRACKING:
            return []
        raise Refused(f"{code}: {text(result, 'msg')}", complaints=[Complaint(code, text(result, "msg"))])
    data = as_object(result.get("data") or {}, "data")
    lines = objects(data.get("tracking_detail_line_list"), "tracking_detail")
    steps = [step for line in lines for step in _steps(line)]
    return sorted(steps, key=_when, reverse=True)


def _steps(line: JsonObject) -> list[JsonObject]:
    parcel: JsonObject = {name: text(line, name) for name in ("mail_no", "carrier_name", "eta_time_stamps")}
    nodes = objects(line.get("detail_node_list"), "detail_node")
    return [parcel | each for each in nodes] or [parcel]


def _when(step: JsonObject) -> int:
    found = text(step, "time_stamp")
    return int(found) if found.isdecimal() else 0


def with_steps(told: SupplierOrder, steps: Sequence[JsonObject]) -> SupplierOrder:
    """An order with what happened to its parcels."""
    if not steps:
        return told
    newest = steps[0]
    return SupplierOrder(
        told.supplier_order_id,
        status=told.status,
        state=told.state,
        carrier=text(newest, "carrier_name") or told.carrier,
        tracking_number=text(newest, "mail_no") or told.tracking_number,
        tracking_info=tuple(steps),
    )
