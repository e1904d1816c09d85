"""How many batches write to an account side by side, over all runs and machines: a global limit of Prefect.

A slot is leased, so that one whose worker was killed comes free by itself. (The slots of a limit on a tag are
leased for a hundred years: what a killed worker held would be lost, and in the end every run would wait.)
https://docs.prefect.io/v3/concepts/global-concurrency-limits
"""

from contextlib import AbstractContextManager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

LEASE = 60.0
"""Seconds after which the slot of a killed worker may be taken by others; Prefect's least."""


LIMIT = "evenstock-writes:"
"""What the names of these limits begin with."""


def limit_of(account: str) -> str:
    """The name of an account's limit."""
    return f"{LIMIT}{account}"


def writing(account: str) -> AbstractContextManager[None]:
    """One of the account's slots, as soon as there is one."""
    return concurrency(limit_of(account), lease_duration=LEASE)


def provide(account: str, most: int) -> None:
    """See that the account has a limit; one that is there stays as somebody set it."""
    with get_client(sync_client=True) as client:
        if not _is_there(client, limit_of(account)):
            _create(client, limit_of(account), most)


def arrange(client: SyncPrefectClient, account: str, most: int) -> None:
    """Set the account's limit. Slots that a Prefect server forgot when it was started anew come free."""
    name = limit_of(account)
    if not _is_there(client, name):
        _create(client, name, most)
    client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=most, active_slots=0))


def free_forgotten(client: SyncPrefectClient) -> None:
    """Free all slots, on a server that has just begun and keeps its leases in memory: it knows of none.

    Its database still counts those that were held when the server before it ended.
    """
    for limit in client.read_global_concurrency_limits(limit=200):
        if limit.name.startswith(LIMIT) and limit.active_slots:
            client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=0))


def _is_there(client: SyncPrefectClient, name: str) -> bool:
    try:
        client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return False
    return True


def _create(client: SyncPrefectClient, name: str, most: int) -> None:
    try:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=most))
    except ObjectAlreadyExists:
        return  # another run was quicker
