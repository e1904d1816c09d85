"""A long-lived worker that pushes items as soon as they were changed.

Starts   with `evenstock worker`, and with `evenstock up`; any number of them, on any number of machines.
Writes   what `flows.marketplace_sync:push_item` writes.
Stops    with Ctrl-C or SIGTERM, once the pushes it has begun are done.
"""

from prefect.task_worker import serve

from flows.marketplace_sync import push_item

WIDTH = 8
"""Items that one worker pushes at the same time."""


def work(width: int = WIDTH) -> None:
    """Push items until somebody stops it."""
    serve(push_item, limit=width)


if __name__ == "__main__":
    work()
