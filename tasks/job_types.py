"""What there is to do for suppliers: one function a job type."""

from collections.abc import Mapping
from typing import Final

from connectors.ledger.supplier_records import JobType
from tasks.stock_job import update_stock
from tasks.supplier_job import Work

JOB_TYPES: Final[Mapping[JobType, Work]] = {JobType.INVENTORY_UPDATE: update_stock}
"""Every job type that can be done."""
