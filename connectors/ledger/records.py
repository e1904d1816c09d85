"""What goes into the ledger and comes out of it: plain, frozen values. All times are aware and UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from connectors.records import JsonObject


class RunState(StrEnum):
    """How a run stands. A *killed* run is one whose heartbeat stopped without a word."""

    RUNNING = "running"
    COMPLETED = "completed"
    HELD = "held"
    FAILED = "failed"
    KILLED = "killed"


class PlanState(StrEnum):
    """How a plan stands. *Open* means that a run is releasing it now, or broke off over it."""

    HELD = "held"
    DRY_RUN = "dry_run"
    OPEN = "open"
    APPLIED = "applied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class OperationState(StrEnum):
    """What became of an intended write.

    *Unknown*: its answer was lost and reading has not settled it yet. *Settled*: reading back told what
    became of each of its rows, and their changes carry it.
    """

    INTENDED = "intended"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SETTLED = "settled"


class SyncType(StrEnum):
    """What started an inventory refresh."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    WEBHOOK = "webhook"


class SyncStatus(StrEnum):
    """How an inventory refresh stands. *Completed* ones may still have failed batches."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a flow. `id` is the report's `sync_id`; `day` is the day it marks products with."""

    id: str
    flow: str
    account: str
    day: date
    started_at: datetime
    heartbeat_at: datetime
    dry_run: bool = False
    state: RunState = RunState.RUNNING
    parameters: JsonObject = field(default_factory=dict)
    finished_at: datetime | None = None
    report: JsonObject | None = None
    prefect_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class LastGood:
    """When a flow first began for an account, and when the last of its runs began that ended well."""

    flow: str
    account: str
    first_at: datetime
    succeeded_at: datetime | None

    @property
    def since(self) -> datetime:
        """Since when it has not ended well."""
        return self.succeeded_at or self.first_at


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes that wait for a person, or that a dry run would have made.

    `fingerprint` is a SHA-256 over the plan's canonical lines. `release_run_id` is the run that applies it.
    """

    id: str
    run_id: str
    flow: str
    account: str
    state: PlanState
    fingerprint: str
    created_at: datetime
    expires_at: datetime
    released_by: str | None = None
    released_at: datetime | None = None
    release_run_id: str | None = None
    release_result: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One planned line: the level, its baseline, from → to with why, and in the end its outcome.

    `baseline_*` is the shop's reading from before the truth was asked, at `seen_at`. `truth` is what the
    truth said, exactly. `written_from` and `written_to` are what was really written. `released` lines were
    let through by a person; `taken_back` ones were undone; `superseded_by` names the newer run that planned
    the same level.
    """

    run_id: str
    account: str
    product_id: int
    variant_id: int
    inventory_item_id: int
    location_id: int
    sku: str
    ccod: str
    quantity_name: str
    from_quantity: int
    to_quantity: int
    id: int | None = None
    plan_id: str | None = None
    title: str = ""
    baseline_available: int | None = None
    baseline_committed: int | None = None
    baseline_on_hand: int | None = None
    seen_at: datetime | None = None
    truth: Decimal | None = None
    why: str = ""
    delete: bool = False
    rms_item_id: int | None = None
    batch: int | None = None
    outcome: str | None = None
    rule: str = ""
    reason: str = ""
    written_from: int | None = None
    written_to: int | None = None
    deleted: bool = False
    taken_back: bool = False
    released: bool = False
    settled_at: datetime | None = None
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A verdict on the change `id`. What is None here stays as the ledger has it; a true flag stays true."""

    id: int
    outcome: str
    rule: str | None = None
    reason: str | None = None
    written_from: int | None = None
    written_to: int | None = None
    deleted: bool = False
    taken_back: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A write with the id it got before the call. `rows` are full rows: baseline, from and to."""

    key: str
    run_id: str
    account: str
    kind: str
    rows: Sequence[JsonObject]
    sent_at: datetime
    state: OperationState = OperationState.INTENDED
    settled_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeadRun:
    """A run that fell silent, with its changes that have no outcome and its operations that are unclear."""

    run: Run
    changes: tuple[Change, ...]
    operations: tuple[Operation, ...]

    @property
    def fate(self) -> str:
        """How it ended, in words: what a history shows of it."""
        return f"was killed with {len(self.changes)} lines and {len(self.operations)} writes open"


@dataclass(frozen=True, slots=True)
class LevelMemory:
    """What is remembered of one level of the own store.

    `owner_truth` is the only truth that may write it. `rms_item_id` is the RMS row of the first match.
    `seen_at` is the time of the reading behind this record; an older one never replaces a newer one.
    `live_seen_at` and `units_seen`: when the level was last seen above zero, and with how many units.
    `unknown_since`, `zero_since`: since when the truth has not known it, has said exactly zero.
    `error_fingerprint`: the inputs with which the same error came `error_count` times.
    """

    account: str
    inventory_item_id: int
    location_id: int
    product_id: int
    variant_id: int
    seen_at: datetime
    owner_truth: str | None = None
    sku_folded: str = ""
    rms_item_id: int | None = None
    unknown_since: datetime | None = None
    zero_since: datetime | None = None
    live_seen_at: datetime | None = None
    units_seen: int = 0
    error_reason: str = ""
    error_count: int = 0
    error_fingerprint: str = ""
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What a flow did to an account lately, by inventory item id.

    What a person released and what was taken back is not in it.

    `live`: units of levels seen above zero. `zeroed`: levels taken to zero or deleted. `falls`, `rises`:
    units taken or given.
    """

    live: Mapping[int, int]
    zeroed: frozenset[int]
    falls: Mapping[int, int]
    rises: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is needed to make a deleted variant again. `deleted_at` is None until it was deleted.

    `restore_key` is the operation that makes it again, stored before it is sent; the other `restore…` say
    as which variant and item it came back, and when.
    """

    account: str
    variant_id: int
    product_id: int
    run_id: str
    sku_folded: str
    ccod_folded: str
    data: JsonObject
    taken_at: datetime
    deleted_at: datetime | None = None
    restore_key: str | None = None
    restored_variant_id: int | None = None
    restored_item_id: int | None = None
    restored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VendorVariant:
    """A variant that the inventory refresh knows. `gone_at`: since when the store has it no more."""

    account: str
    shopify_variant_id: int
    shopify_product_id: int
    inventory_item_id: int
    updated_at: datetime
    sku: str | None = None
    tracked: bool = True
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VendorLevel:
    """A level as the inventory refresh last saw it, at `updated_at` by the store's clock.

    A level that the store has no more (`gone_at`) has no `available`: none is not zero.
    """

    account: str
    inventory_item_id: int
    location_id: int
    available: int | None
    updated_at: datetime
    sync_batch_id: str | None = None
    last_change_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshLog:
    """One inventory refresh: who asked for it, how far it is, and how it ended.

    `sync_batch_id` is on every level it stored. `error_details` has its errors, and the seconds, retries and
    errors of each batch; `result` is the answer that it gave.
    """

    id: str
    account: str
    sync_type: SyncType
    triggered_by: str
    started_at: datetime
    sync_batch_id: str
    status: SyncStatus = SyncStatus.RUNNING
    products_synced: int = 0
    errors_count: int = 0
    error_details: JsonObject | None = None
    completed_at: datetime | None = None
    run_id: str | None = None
    retry_of: str | None = None
    products_total: int = 0
    batches_total: int = 0
    batches_done: int = 0
    result: JsonObject | None = None


class Severity(StrEnum):
    """How bad an alert is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is, or was, wrong with an account, and what people were told of it.

    `cause` is a stable key such as `reverse-stock-sync:own.example:failed`. It was told `told_count` times
    since `first_seen_at`, and is not told again before `next_tell_at`. `subjects`: what it is about, if that
    are several things. `undelivered`: what could not be handed over yet, in order, each for one channel.
    """

    account: str
    cause: str
    severity: Severity
    message: str
    first_seen_at: datetime
    last_seen_at: datetime
    told_count: int = 0
    next_tell_at: datetime | None = None
    resolved_at: datetime | None = None
    subjects: Sequence[str] = ()
    undelivered: Sequence[JsonObject] = ()


WHEN_STALE = ("keep", "zero")
"""What becomes of a partner's levels that could not be read for too long."""
HEALTH = ("healthy", "warning", "failed")
"""How a partner's last syncs went."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A store whose goods the own store (`account`) sells too.

    `shop_domain` names it everywhere, `base_url` is where it answers. `orders_known`: when it knows of the
    own store's orders: `at_shipping`, `at_once`, or after so many minutes. `last_inventory_sync` is the last
    success; `last_error` is empty after one.
    """

    account: str
    shop_domain: str
    base_url: str
    display_name: str
    created_at: datetime
    id: int | None = None
    is_active: bool = True
    orders_known: str = "at_shipping"
    when_stale: str = "keep"
    deleted_at: datetime | None = None
    last_inventory_sync: datetime | None = None
    inventory_sync_status: str | None = None
    last_attempt_at: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class ProductMapping:
    """Which variant of a partner feeds which own variant, by their ids; one own variant each.

    `location_ids`: the partner's locations that count, None for all active ones. `buffer`: units kept back.
    `orders_known` overrides the partner's. `sums`: its stock is added to that of the own variant's other
    mappings, all of which must say so. `seen_at`: when the partner's stock was last known, or its absence
    proved. `gone_since`, `gone_sightings`: since when, and how often in a row, it was not there.
    """

    account: str
    partner_id: int
    partner_variant_id: int
    own_variant_id: int
    created_at: datetime
    updated_at: datetime
    id: int | None = None
    is_active: bool = True
    location_ids: Sequence[int] | None = None
    buffer: int = 0
    orders_known: str | None = None
    sums: bool = False
    seen_at: datetime | None = None
    gone_since: datetime | None = None
    gone_sightings: int = 0


@dataclass(frozen=True, slots=True)
class SyncLog:
    """One sync of one partner, or of the whole account; not ended while `completed_at` is None."""

    account: str
    partner_id: int | None
    run_id: str
    started_at: datetime
    id: int | None = None
    sync_type: str = "inventory"
    status: str = "running"
    items_processed: int = 0
    items_updated: int = 0
    items_failed: int = 0
    items_skipped: int = 0
    errors: Sequence[JsonObject] = ()
    completed_at: datetime | None = None
