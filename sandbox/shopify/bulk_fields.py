"""What the fields of bulk operations answer.

https://shopify.dev/docs/api/admin-graphql/latest/objects/BulkOperation
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.clock import spelled
from sandbox.shopify.bulk import BulkOperation
from sandbox.shopify.execute import Thing
from sandbox.shopify.paging import Connection
from sandbox.shopify.resolvers import Arguments, Context, Table, at, gid, of, order_of, searched, single


def _size(operation: BulkOperation) -> str | None:
    return str(operation.size) if operation.url else None


BULK_OPERATION: Final[Table] = {
    "id": gid("BulkOperation"),
    "type": of(lambda operation: operation.type),
    "status": of(lambda operation: operation.status),
    "errorCode": of(lambda operation: operation.error_code),
    "query": of(lambda operation: operation.query),
    "createdAt": at("created_at"),
    "completedAt": at("completed_at"),
    "objectCount": of(lambda operation: str(operation.object_count)),
    "rootObjectCount": of(lambda operation: str(operation.root_count)),
    "fileSize": of(_size),
    "url": of(lambda operation: operation.url),
    "partialDataUrl": of(lambda operation: operation.partial_url),
}
SORTED: Final[Mapping[str, Callable[[Any], tuple[Any, int]]]] = {
    "CREATED_AT": lambda operation: (spelled(operation.created_at), operation.id),
    "COMPLETED_AT": lambda operation: (
        spelled(operation.ended_at) if operation.ended_at else "",
        operation.id,
    ),
}


def bulk_operations(context: Context, _root: Thing, arguments: Arguments) -> Connection[BulkOperation]:
    """Operations of this app in this shop."""
    key = order_of(SORTED, arguments, "CREATED_AT")
    found = sorted(context.shop.bulk_operations.values(), key=key)
    return searched(context, "bulkOperations", found, arguments, key)


def current(context: Context, _root: Thing, arguments: Arguments) -> BulkOperation | None:
    """The newest operation of a type; deprecated, as there may be several."""
    found = [one for one in context.shop.bulk_operations.values() if one.type == arguments["type"]]
    return max(found, key=lambda one: one.id, default=None)


ROOT: Final[Table] = {
    "bulkOperation": single("BulkOperation"),
    "bulkOperations": bulk_operations,
    "currentBulkOperation": current,
}
