"""What the ledger keeps of suppliers: plain, frozen values. All times are aware and UTC."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from connectors.records import JsonObject


class JobType(StrEnum):
    """What a job does with its supplier."""

    SUPPLIER_API = "supplier_api"
    INVENTORY_UPDATE = "inventory_update"
    PRICE_UPDATE = "price_update"
    ORDER_SYNC = "order_sync"


class JobStatus(StrEnum):
    """How a job stands. One that is to be tried again, or goes on later, is *pending*."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
"""A job in one of these is over, unless a person wants it tried again."""


class CallbackStatus(StrEnum):
    """What became of the message that a job's end is told by."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the queue (`import_jobs`).

    `source_type` is a `JobType`; it stays text, as other programs may write into the queue. `account` is the
    supplier account whose limits count (`Supplier.account`). `attempts` counts tries that began and were not
    put back. While it is running, `worker` has it until `lease_until` under the number `fence`. `cursor`: how
    far it came before it was put back. `started_at`: when its first try began.
    """

    id: str
    user_id: str
    source_type: str
    supplier_id: str | None
    scheduled_at: datetime
    created_at: datetime
    updated_at: datetime
    account: str = ""
    status: JobStatus = JobStatus.PENDING
    priority: int = 0
    attempts: int = 0
    max_attempts: int = 3
    fence: int = 0
    lease_until: datetime | None = None
    heartbeat_at: datetime | None = None
    worker: str | None = None
    cursor: JsonObject | None = None
    configuration: JsonObject = field(default_factory=dict)
    callback_url: str | None = None
    callback_status: CallbackStatus | None = None
    total_rows: int = 0
    processed_rows: int = 0
    success_rows: int = 0
    error_rows: int = 0
    errors: Sequence[str] = ()
    result_data: JsonObject | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims jobs, for how many seconds unless it gives signs of life, and which.

    `per_account`: how many jobs of one supplier account may run at once, over all workers.
    """

    worker: str
    seconds: float
    job_types: Sequence[str] | None = None
    per_account: int | None = None


class Rows(NamedTuple):
    """How many products or orders a job is about, and what became of them so far."""

    total: int = 0
    processed: int = 0
    success: int = 0
    error: int = 0


class StatusCount(NamedTuple):
    """The origin's second monitoring query: jobs of a status, and how long they took on average."""

    status: str
    jobs: int
    avg_duration_seconds: float | None


class TypeCount(NamedTuple):
    """How the ended jobs of one type and supplier went."""

    source_type: str
    supplier_id: str | None
    completed: int
    failed: int
    avg_duration_seconds: float | None


@dataclass(frozen=True, slots=True)
class Supplier:
    """Somebody whose goods a user sells without having them.

    `connector_type` names its row in the table of `connectors/suppliers.py`. `account`: whose limits at the
    supplier count; suppliers that share credentials share it. `configuration` has no secrets: `language`,
    `ship_to_country`, `search_keywords`, `feed`, `batch_size`.
    """

    id: str
    user_id: str
    name: str
    connector_type: str
    account: str
    created_at: datetime
    updated_at: datetime
    status: str = "active"
    configuration: JsonObject = field(default_factory=dict)
    product_count: int = 0
    error_count: int = 0
    last_sync_at: datetime | None = None
    last_sync_status: str = "never"


@dataclass(frozen=True, slots=True)
class ImportedProduct:
    """A product of a supplier as the ledger knows it.

    `price` is what the supplier suggests, `cost_price` what it asks, both without VAT. The stock of one with
    variants is their sum. `missing_from`: the facet whose complete list lacked it, since `missing_since`,
    `missing_sightings` times in a row. `held`: a price that waits for a person, with the reason.
    `own_variant_id` or `own_item_id`: what it feeds with its stock, less `buffer`.
    """

    id: int
    user_id: str
    supplier_id: str
    supplier_product_id: str
    sku: str
    name: str
    description: str
    brand: str
    category: str
    ean: str
    price: Decimal | None
    cost_price: Decimal | None
    currency: str
    stock_quantity: int | None
    image_urls: Sequence[str]
    available: bool
    supplier_updated_at: str | None
    import_id: str | None
    created_at: datetime
    updated_at: datetime
    stock_synced_at: datetime | None
    price_synced_at: datetime | None
    missing_from: str | None
    missing_since: datetime | None
    missing_sightings: int
    held: JsonObject | None
    own_variant_id: int | None
    own_item_id: str | None
    buffer: int
    ai_score: Decimal | None


@dataclass(frozen=True, slots=True)
class ImportedVariant:
    """A variant of a supplier's product, as `ImportedProduct`. Suppliers number variants apart from products.

    `supplier_product_id` is None as long as no list named its product. `options`: [["Size", "L"], …].
    """

    id: int
    user_id: str
    supplier_id: str
    supplier_variant_id: str
    supplier_product_id: str | None
    sku: str
    ean: str
    options: Sequence[Sequence[str]]
    price: Decimal | None
    cost_price: Decimal | None
    currency: str
    stock_quantity: int | None
    available: bool
    import_id: str | None
    created_at: datetime
    updated_at: datetime
    stock_synced_at: datetime | None
    price_synced_at: datetime | None
    missing_from: str | None
    missing_since: datetime | None
    missing_sightings: int
    held: JsonObject | None
    own_variant_id: int | None
    own_item_id: str | None
    buffer: int


class Stored(NamedTuple):
    """What storing products and variants came to. Unchanged ones were not touched."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0


class Scored(NamedTuple):
    """What the performance score of a product is made of, and the score it has."""

    id: int
    stock_quantity: int | None
    price: Decimal | None
    created_at: datetime
    missing_since: datetime | None
    ai_score: Decimal | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order that a supplier sends to a user's customer. `status` is the supplier's own word."""

    user_id: str
    supplier_id: str
    supplier_order_id: str
    created_at: datetime
    updated_at: datetime
    id: int | None = None
    order_number: str = ""
    status: str = "pending"
    is_open: bool = True
    carrier: str = ""
    tracking_number: str = ""
    tracking_info: JsonObject | None = None
    tracking_status: str = ""
    tracking_updated_at: datetime | None = None
    checked_at: datetime | None = None


DIRECTIONS = ("push", "pull", "bidirectional")
"""Which way stock flows between imported products and a channel; `push` writes the channel's levels."""


@dataclass(frozen=True, slots=True)
class MarketplaceIntegration:
    """A channel that a user's imported products feed. `shop_id` is the account there."""

    user_id: str
    platform: str
    shop_id: str
    created_at: datetime
    updated_at: datetime
    id: int | None = None
    sync_direction: str = "push"
    is_active: bool = True
    last_sync_at: datetime | None = None
