"""Lines of the older system's queue: which are still to be done, and what each of them asks for.

A line is a JSON object with `businessAccountId`, `inventoryItemId`, `changeType`, `newData`, `previousData`,
`correlationId`, `createdAt` and `syncStatus`; only those that are `pending` were never sent anywhere.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NoReturn

from connectors.records import JsonObject, JsonValue
from tasks.items import CHANGES, FIELDS

PENDING: Final = "pending"
LONGEST_ID: Final = 200
_MILLISECONDS_FROM: Final = 100_000_000_000
"""Numbers from here on count milliseconds since 1970 (this is 1973 in them), smaller ones seconds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A pending change. `item_id` is the older system's, or ours; `key` is the same for the same change."""

    account: str
    item_id: str
    change_type: str
    data: JsonObject
    at: datetime
    key: str
    correlation_id: str | None


def entry_in(line: str) -> Entry | None:
    """The change that a line asks for; None if it is not pending. Raises ValueError that says why not."""
    row = _object(line)
    if _text(row, "syncStatus") != PENDING:
        return None
    account, item_id, change_type = (
        _text(row, name) for name in ("businessAccountId", "inventoryItemId", "changeType")
    )
    if change_type not in CHANGES:
        raise ValueError(f"changeType is {change_type!r}, it must be one of {', '.join(CHANGES)}")
    return Entry(
        account=account,
        item_id=item_id,
        change_type=change_type,
        data={} if change_type == "delete" else _data(row),
        at=_moment(row.get("createdAt")),
        key=_key((account, item_id, change_type), row),
        correlation_id=_text(row, "correlationId") if row.get("correlationId") else None,
    )


def _object(line: str) -> Mapping[str, JsonValue]:
    try:
        row = json.loads(line, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(row, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - one kind of error for whoever reads
    return row


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _text(row: Mapping[str, JsonValue], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is missing" if value is None else f"{name} must be text")
    return _fitting(name, value.strip())


def _fitting(name: str, text: str) -> str:
    if len(text) > LONGEST_ID or not text.isprintable():
        raise ValueError(f"{name} must be a word of {LONGEST_ID} characters at the most")
    return text


def _data(row: Mapping[str, JsonValue]) -> JsonObject:
    """What an item has or gets, of the names we know; the older system's own bookkeeping is left out."""
    new, before = (row.get(name) or {} for name in ("newData", "previousData"))
    if not isinstance(new, dict) or not isinstance(before, dict):
        raise ValueError("newData and previousData must be JSON objects")  # noqa: TRY004
    known: JsonObject = {name: value for name, value in new.items() if name in FIELDS and value is not None}
    if not known:
        raise ValueError("newData says nothing of an item")
    return known


def _moment(value: JsonValue) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError("createdAt must be a time: milliseconds since 1970, or ISO")


def _key(whose: tuple[str, str, str], row: Mapping[str, JsonValue]) -> str:
    """The same for the same change. Without a correlation id, only whole equal lines are the same."""
    same = row.get("correlationId") or json.dumps(row, sort_keys=True)
    return "queue:" + hashlib.sha256(json.dumps([*whose, same]).encode()).hexdigest()
