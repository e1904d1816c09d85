"""Records to put into a ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from connectors.ledger import Change, LevelMemory, Operation, Plan, PlanState, Run

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLOW = "reverse-stock-sync"


def a_run(run_id: str = "reverse_stock_20261121_153000", *, at: datetime = NOW, account: str = "own") -> Run:
    return Run(run_id, FLOW, account, date(2026, 11, 21), started_at=at, heartbeat_at=at)


def a_change(run: Run, item: int = 5001, **more: object) -> Change:
    change = Change(
        run_id=run.id,
        account=run.account,
        product_id=101,
        variant_id=item - 4000,
        inventory_item_id=item,
        location_id=1,
        sku=f"24X104-{item}",
        ccod="24X104",
        quantity_name="available",
        from_quantity=5,
        to_quantity=3,
        seen_at=NOW,
    )
    return replace(change, **more)  # type: ignore[arg-type]


def a_plan(run: Run, plan_id: str = "plan-1", state: PlanState = PlanState.HELD) -> Plan:
    return Plan(
        plan_id, run.id, run.flow, run.account, state, "f" * 64, run.started_at, run.started_at + 24 * HOUR
    )


def an_operation(run: Run, key: str = "key-1") -> Operation:
    return Operation(key, run.id, run.account, "set_quantities", [{"item_id": 5001, "to": 3}], sent_at=NOW)


def a_level(item: int = 5001, **more: object) -> LevelMemory:
    level = LevelMemory("own", item, 1, product_id=101, variant_id=item - 4000, seen_at=NOW)
    return replace(level, **more)  # type: ignore[arg-type]
