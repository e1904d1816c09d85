"""Let every change of an own item reach BrickLink and Brick Owl: at once, and once.

Starts   with every change of an item; a net under it every few minutes; at night a look at everything.
Writes   lots of the account's stores on BrickLink and Brick Owl that items are paired with, and no others.
Stops    nothing as a whole: an item, a marketplace or an account that fails touches no other.
"""

import logging
from collections.abc import Sequence
from typing import Annotated, Literal, cast
from uuid import uuid4

from prefect import flow, runtime, task
from prefect.context import TaskRunContext
from pydantic import Field

from connectors.errors import ConfigurationError, Transient
from connectors.ledger import Ledger
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings, load_settings
from flows.keep_even import as_state
from flows.policy import reports
from tasks import market_accounts, market_report, market_run, run
from tasks.desk import ledger_of
from tasks.hand_over import hand_over
from tasks.immediate import Told, push_everywhere, side_by_side
from tasks.item_changes import ItemRequest, change_item, the_items
from tasks.market_report import Tale
from tasks.market_round import Part, Place, level, plan, sell

CHANGE = "change-inventory-item"

Text = Annotated[str, Field(min_length=1, max_length=255)]

# ------------------------------------------------------------------ at once


def _change_name() -> str:
    asked = runtime.flow_run.parameters
    what = asked.get("item_id") or "a new item"
    return f"{asked.get('change_type')} {what}" + (" (dry run)" if asked.get("dry_run") else "")


@flow(name=CHANGE, flow_run_name=_change_name, persist_result=True, result_serializer="json")
def change_inventory_item(
    change_type: Literal["create", "update", "delete"],
    item_id: str | None = None,
    data: dict[str, object] | None = None,
    reason: str = "",
    account: Text = "default",
    actor: Text = "operator",
    role: Literal["owner", "member"] = "owner",
    dry_run: bool = False,
) -> JsonObject:
    """Create, update or delete an own item. The marketplaces follow at once; this does not wait for them.

    Args:
        change_type: `create`, `update` or `delete`.
        item_id: Which item; not for `create`.
        data: What it is to be: name, partNumber, colorId, location, quantityAvailable, condition, price …
        reason: Why; kept in the item's history.
        account: Whose item.
        actor: Who asks; kept in the item's history.
        role: What the actor is: an `owner` may do everything, a `member` may create.
        dry_run: Show what would be, and change nothing.

    Raises ConfigurationError for what may not be asked like this.

    """
    asked = cast("JsonObject", data or {})
    request = ItemRequest(
        change_type, item_id, asked, reason, account, actor, role, dry_run, correlation_id=str(uuid4())
    )
    return as_state(apply_change(request), "Completed", f"{change_type}: the marketplaces follow")


def apply_change(request: ItemRequest) -> JsonObject:
    """Make a change, hand it to a worker, and give the item's document: for programs that need no run."""
    settings = load_settings()
    document = change_item(settings, ledger_of(settings), request)
    if not request.dry_run:
        tell_worker(str(document["item_id"]), request.account, request.change_type, request.correlation_id)
    return document


def tell_worker(item_id: str, account: str, change_type: str, correlation_id: str) -> None:
    """Let a worker push an item. Whatever keeps that from working, the net finds the item behind."""
    asked = {
        "item_id": item_id,
        "account": account,
        "change_type": change_type,
        "correlation_id": correlation_id,
    }
    try:
        is_told = hand_over(push_item, asked)
    except Transient as error:
        run.log(f"item {item_id} waits for the next {market_run.FLOW}: {error}", logging.WARNING)
        return
    if not is_told:
        run.log(f"item {item_id} waits for the next {market_run.FLOW}: there is no Prefect server to tell")


def _never(context: TaskRunContext, parameters: dict[str, object]) -> str:  # noqa: ARG001
    """No two pushes are the same. A worker of background tasks takes a task without a key for one whose
    results may be taken again.
    """
    return str(uuid4())


@task(
    name="push-item",
    task_run_name="push {item_id}",
    cache_key_fn=_never,
    persist_result=True,
    result_serializer="json",
)
def push_item(
    item_id: str, account: str, change_type: str = "update", correlation_id: str = ""
) -> JsonObject:
    """Bring an item level on both marketplaces, side by side. Only its id comes along: a push sends the
    newest state, whichever change asked for it.
    """
    settings = load_settings()
    told = Told(change_type, correlation_id)
    ended = push_everywhere(settings, ledger_of(settings), account, item_id, told)
    return {each.key.marketplace: {"outcome": each.how.value, "reason": each.reason} for each in ended}


# ------------------------------------------------------------------ the net


def _sync_name() -> str:
    asked = runtime.flow_run.parameters
    items = asked.get("item_ids")
    what = f"{len(items)} items" if isinstance(items, list) else "everything behind"
    night = ", all lots compared" if asked.get("compare") else ""
    return f"{market_run.FLOW}: {what}{night}" + (" (dry run)" if asked.get("dry_run") else "")


@reports(market_run.FLOW, _sync_name)
def marketplace_sync(
    item_ids: list[str] | None = None,
    account: Text | None = None,
    compare: bool = False,
    dry_run: bool = False,
) -> JsonObject:
    """Book what was sold, then bring level whatever is behind, for whatever reason it is.

    Args:
        item_ids: These items only. Empty: all.
        account: This account only. Empty: all.
        compare: Compare all lots with all items, too, and look at every order again: for the night.
        dry_run: Show what is behind and what would be done; nobody is asked and nothing is sent.

    """
    settings = load_settings()
    ledger = ledger_of(settings)
    known = market_accounts.accounts(settings, ledger)
    if account is not None and account not in known:
        raise ConfigurationError(f"there is no account {account}; accounts: {', '.join(known) or 'none'}")
    accounts = [account] if account else known
    items = the_items(ledger, accounts, item_ids) if item_ids else None
    asked: JsonObject = {"item_ids": list[JsonValue](items or []), "account": account, "compare": compare}
    with market_run.begun(settings, ledger, account, asked, dry_run=dry_run) as tale:
        places = [place for each in accounts for place in _places(settings, ledger, each, dry_run=dry_run)]
        if dry_run or settings.disable_external_calls:
            tale.parts += [plan(settings, ledger, place, items) for place in places]
        else:
            tale.parts += _worked(settings, ledger, places, items, compares=compare)
        return _finished(settings, ledger, tale, accounts)


def _places(settings: Settings, ledger: Ledger, account: str, *, dry_run: bool) -> list[Place]:
    """Where an account takes part; its items are listed there from now on."""
    if not dry_run:
        market_accounts.list_items(settings, ledger, account)
    return [Place(account, each) for each in market_accounts.enabled_markets(settings, ledger, account)]


def _worked(
    settings: Settings,
    ledger: Ledger,
    places: Sequence[Place],
    items: Sequence[str] | None,
    *,
    compares: bool,
) -> list[Part]:
    """Orders of all marketplaces first: what one sold, the others are owed in the same run."""
    sold = side_by_side(lambda each: sell(settings, ledger, each, thorough=compares), places)
    levelled = side_by_side(lambda each: level(settings, ledger, each, items, compares=compares), places)
    return sold + levelled


def _finished(settings: Settings, ledger: Ledger, tale: Tale, accounts: Sequence[str]) -> JsonObject:
    """The report, once it was shown in the Prefect UI and told in the log."""
    report = market_run.finish(settings, ledger, tale, accounts)
    run.log(str(report["message"]), logging.INFO if report["success"] else logging.ERROR)
    return as_state(report, market_report.state_name(report), str(report["message"]))


if __name__ == "__main__":
    marketplace_sync()
