"""Add and remove tags of many products, several calls at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from connectors.errors import ConnectorError, Unauthorised
from connectors.http import Call, Http
from connectors.records import TagChange
from connectors.shopify import calls


def change_directly(http: Http, changes: Sequence[TagChange], width: int) -> dict[int, str]:
    """Call by call, `width` products at once; error texts by id of the products that failed.

    A product's removals go out only after its additions succeeded. Once the account is turned away, the
    products whose turn has not come yet fail with the same text, without a call.
    """
    failed: dict[int, str] = {}
    shut: list[str] = []

    def change(each: TagChange) -> None:
        try:
            if shut:
                failed[each.product_id] = shut[0]
                return
            for call in _calls(each):
                http.send(call)
        except ConnectorError as error:
            failed[each.product_id] = str(error)
            if isinstance(error, Unauthorised):
                shut.append(str(error))

    _together(change, changes, width)
    return failed


def _calls(change: TagChange) -> Iterator[Call]:
    if change.add:
        yield calls.add_tags(change.product_id, change.add)
    if change.remove:
        yield calls.remove_tags(change.product_id, change.remove)


def _together(act: Callable[[TagChange], None], changes: Sequence[TagChange], width: int) -> None:
    """Act on all, some at once. The first error that is no failure of one product alone ends it."""
    with ThreadPoolExecutor(max(1, min(width, len(changes)))) as pool:
        acts = [pool.submit(act, each) for each in changes]
        try:
            for each in acts:
                each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
