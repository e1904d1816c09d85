"""Add and remove tags of many products: call by call, several at once, or by bulk mutations."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from connectors.errors import ConnectorError, Refused, Unauthorised
from connectors.http import Call, Http
from connectors.records import JsonObject, TagChange
from connectors.shopify import calls, choice, inner, readers
from connectors.shopify.bulk import Bulk
from connectors.shopify.calls import PAGE, gid
from connectors.shopify.walk import pace
from connectors.slices import chunks

logger = logging.getLogger(__name__)

COST = 10
"""Points of one direct call."""


def change(http: Http, bulk: Bulk, changes: Sequence[TagChange], width: int) -> dict[int, str]:
    """The way that is quicker now; error texts by id of the products that failed."""
    adds, removals = sum(1 for each in changes if each.add), sum(1 for each in changes if each.remove)
    if choice.bulk_changes_sooner(adds, removals, COST, pace(http), width):
        return change_in_bulk(http, bulk, changes, width)
    return change_directly(http, changes, width)


# -------------------------------------------------------------------- directly


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


# --------------------------------------------------------------------- in bulk


def change_in_bulk(http: Http, bulk: Bulk, changes: Sequence[TagChange], width: int) -> dict[int, str]:
    """First all additions, then the removals of the products that have theirs; two bulk mutations.

    Two, as a bulk mutation has one field, and its lines run in any order. What they leave open is looked up,
    and what is not done then is done call by call: nothing is taken for done that was not seen.
    """
    adding = [TagChange(each.product_id, add=each.add) for each in changes if each.add]
    failed = _pass(http, bulk, inner.ADD_TAGS, adding, width)
    removing = [
        TagChange(each.product_id, remove=each.remove)
        for each in changes
        if each.remove and each.product_id not in failed
    ]
    return failed | _pass(http, bulk, inner.REMOVE_TAGS, removing, width)


def _pass(http: Http, bulk: Bulk, text: str, changes: Sequence[TagChange], width: int) -> dict[int, str]:
    """One bulk mutation over products that each have only additions, or only removals."""
    failed: dict[int, str] = {}
    is_open = set(range(len(changes)))
    try:
        for number, result in bulk.mutate(text, map(_line, changes), repeatable=True):
            if isinstance(result, Refused):
                failed[changes[number].product_id] = str(result)
            if isinstance(result, Refused | dict):
                is_open.discard(number)
    except Unauthorised as error:
        return failed | {changes[number].product_id: str(error) for number in is_open}
    except ConnectorError as error:
        logger.warning("%s; what is left is changed call by call", error)
    left = [changes[number] for number in sorted(is_open)]
    return failed | change_directly(http, _not_done(http, left), width)


def _line(change: TagChange) -> JsonObject:
    return {"id": gid("Product", change.product_id), "tags": list(change.add or change.remove)}


def _not_done(http: Http, changes: Sequence[TagChange]) -> list[TagChange]:
    """Those that the products themselves do not show to be done. A product that cannot be read is none."""
    left: list[TagChange] = []
    for some in chunks(changes, PAGE):
        products = [each.product_id for each in some]
        try:
            answer = http.send(calls.tags(products))
            now = dict(readers.head(node) for node in readers.nodes(answer, "Product", products))
        except ConnectorError as error:
            logger.warning("%s; these tags are changed again", error)
            now = {}
        left.extend(each for each in some if not _is_done(each, now.get(each.product_id)))
    return left


def _is_done(change: TagChange, tags: tuple[str, ...] | None) -> bool:
    """Whether a product's tags are as asked; Shopify takes no notice of their case."""
    if tags is None:
        return False
    there = {tag.casefold() for tag in tags}
    return all(tag.casefold() in there for tag in change.add) and not any(
        tag.casefold() in there for tag in change.remove
    )
