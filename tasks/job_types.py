"""What there is to do for suppliers: one function a job type."""

from collections.abc import Mapping
from typing import Final

from connectors.ledger.supplier_records import JobType
from tasks.order_job import sync_orders
from tasks.price_job import update_prices
from tasks.stock_job import update_stock
from tasks.supplier_job import Work
from tasks.supplier_sync import sync_products

JOB_TYPES: Final[Mapping[JobType, Work]] = {
    JobType.SUPPLIER_API: sync_products,
    JobType.INVENTORY_UPDATE: update_stock,
    JobType.PRICE_UPDATE: update_prices,
    JobType.ORDER_SYNC: sync_orders,
}
"""Every job type that can be done."""
