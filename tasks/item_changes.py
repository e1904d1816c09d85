"""Change an own item: judge what is asked, store it with its history, say how its listings stand."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from connectors.errors import ConfigurationError
from connectors.ledger import Item, Ledger, Listing, Why
from connectors.market import MARKETPLACES
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings
from tasks.items import changed_item, check_request, deleted_item, described, is_storable, new_item
from tasks.market_accounts import DEFAULT, enabled_markets, named

NAMED = 5
"""Items that one error names."""


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """A change that somebody asks for, in the names of `data` (`tasks.items.FIELDS`).

    `correlation_id` follows it through events and the history. With a `change_key` it happens once for ever.
    """

    change_type: str
    item_id: str | None = None
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    reason: str | None = None
    account: str = DEFAULT
    actor: str = "operator"
    role: str = "owner"
    dry_run: bool = False
    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    change_key: str | None = None
    at: datetime | None = None
    """When it was asked for, if that is past."""
    legacy_id: str | None = None
    """A new item's id in an older system."""


def change_item(settings: Settings, ledger: Ledger, change: ItemRequest) -> JsonObject:
    """Make a change and give the item's document: id, revision, and how it stands on each marketplace.

    The marketplaces are not asked: their listings are *syncing* from now on. A dry run changes nothing and
    shows the item as it would be. Raises ConfigurationError for what may not be asked like this; an item of
    another account is not found.
    """
    check_request(change.change_type, change.item_id, change.data, change.role)
    named(change.account)
    at = change.at or settings.now()
    if change.change_type == "create":
        return _create(settings, ledger, change, at)
    return _change(settings, ledger, change, at)


def fresh_id() -> str:
    """An item's id: 12 characters of base 32, so that it is short enough to be a marker on lots."""
    return base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]


def document_of(ledger: Ledger, item: Item) -> JsonObject:
    """An item's document, as its listings stand now."""
    found = {each.listing.marketplace: each.listing for each in ledger.views(item.account, [item.id])}
    return {
        "item_id": item.id,
        "revision": item.revision,
        "marketplaces": {each: standing(found.get(each)) for each in MARKETPLACES},
    }


def standing(listing: Listing | None) -> JsonObject:
    """How an item stands on a marketplace; without a listing it was never to be there."""
    if listing is None:
        return {"enabled": False, "status": None, "lot_id": None, "synced_revision": None, "error": None}
    return {
        "enabled": listing.enabled,
        "status": str(listing.status),
        "lot_id": listing.lot_id,
        "synced_revision": listing.synced_revision,
        "error": listing.reason or None,
        "expected": listing.expected,
        "review": listing.review or None,
        "next_attempt_at": listing.next_attempt_at.isoformat() if listing.next_attempt_at else None,
    }


def the_item(ledger: Ledger, account: str, item_id: str) -> Item:
    """An item of the account. Raises ConfigurationError if it has none such."""
    item = ledger.item(account, item_id) if is_storable(item_id) else None
    if item is None:
        raise ConfigurationError(f"item {item_id} not found in the account {account}")
    return item


def the_items(ledger: Ledger, accounts: Sequence[str], item_ids: Sequence[str]) -> list[str]:
    """The ids of these items of the accounts. Raises ConfigurationError that names those they have not."""
    asked = {each for each in item_ids if is_storable(each)}
    found = {item.id for account in accounts for item in ledger.items(account, asked, deleted=True)}
    if missing := sorted(set(item_ids) - found):
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise ConfigurationError(f"item_ids: not found: {', '.join(missing[:NAMED])}{more}")
    return sorted(found)


def _create(settings: Settings, ledger: Ledger, change: ItemRequest, at: datetime) -> JsonObject:
    item = new_item(change.account, fresh_id(), change.data, actor=_plain(change.actor), now=at)
    markets = enabled_markets(settings, ledger, change.account)
    if change.dry_run:
        listed = {each: standing(Listing(item.account, item.id, each)) for each in markets}
        standings: JsonObject = {each: listed.get(each) or standing(None) for each in MARKETPLACES}
        return {"item_id": None, "revision": item.revision, "marketplaces": standings} | _shown(item)
    ledger.create_items([replace(item, legacy_id=change.legacy_id)], _why(change), markets)
    return document_of(ledger, item)


def _change(settings: Settings, ledger: Ledger, change: ItemRequest, at: datetime) -> JsonObject:
    before = the_item(ledger, change.account, change.item_id or "")

    def judged(item: Item) -> Item:
        return deleted_item(item, at) if change.change_type == "delete" else changed_item(item, change.data)

    if change.dry_run:
        return document_of(ledger, before) | _shown(judged(before))
    markets = enabled_markets(settings, ledger, change.account)
    done = ledger.change_item(change.account, before.id, judged, _why(change), marketplaces=markets, now=at)
    return document_of(ledger, done.after if done else before)


def _shown(item: Item) -> JsonObject:
    """What a dry run adds: the item as it would be."""
    return {"dry_run": True, "item": described(item)}


def _why(change: ItemRequest) -> Why:
    return Why(
        change.change_type,
        _plain(change.actor),
        _plain(change.reason or ""),
        correlation_id=change.correlation_id,
        change_key=change.change_key,
    )


def _plain(text: str) -> str:
    """A text without what no database or terminal takes."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
