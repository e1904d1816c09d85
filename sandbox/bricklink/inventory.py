"""The calls that concern lots: https://www.bricklink.com/v3/api.page?page=get-inventories and others."""

from collections.abc import Callable, Collection
from typing import Final

from sandbox.book import Row
from sandbox.bricklink.bodies import body_of, number_in, shown
from sandbox.bricklink.envelope import done, invalid, not_found
from sandbox.bricklink.lots import new_lot, updated
from sandbox.bricklink.model import STATUSES, TYPES, Account
from sandbox.http import Response
from sandbox.rest import Asked

SCATTERED: Final = 2_654_435_761
"""A multiplier that leaves ids in no order that anybody could rely on."""
Test = Callable[[Row], bool]


def get_lots(account: Account, asked: Asked) -> Response:
    """GET /inventories: all of them at once, hidden ones too, in no order."""
    query = asked.request.query
    tests = [
        _test(query.get("item_type"), TYPES, lambda lot: lot["item"]["type"]),
        _test(query.get("status"), STATUSES, account.status_of),
        _test(query.get("category_id"), None, lambda lot: str(lot["item"]["category_id"])),
        _test(query.get("color_id"), None, lambda lot: str(lot["color_id"])),
    ]
    wanted = [test for test in tests if test]
    rows = [lot for lot in account.lots.rows.values() if all(test(lot) for test in wanted)]
    rows.sort(key=lambda lot: int(lot["inventory_id"] * SCATTERED & 0xFFFFFFFF))
    return done([shown(account, lot) for lot in rows])


def _test(value: str | None, known: Collection[str] | None, name_of: Callable[[Row], str]) -> Test | None:
    """What a filter lets through: a list of names, each of them kept out by a minus before it."""
    chosen = included(value, known)
    return (lambda lot: chosen(name_of(lot))) if chosen else None


def included(value: str | None, known: Collection[str] | None) -> Callable[[str], bool] | None:
    """The names that a filter lets through; None if it lets all through. Without `known` they are numbers."""
    words = [word.strip().upper() for word in (value or "").split(",") if word.strip()]
    for word in words:
        name = word.removeprefix("-")
        if not (name in known if known else name.isdecimal()):
            raise invalid(f"Invalid parameter value: [{value}]")
    if not words:
        return None
    wanted = {word for word in words if not word.startswith("-")}
    unwanted = {word[1:] for word in words if word.startswith("-")}
    return lambda name: name not in unwanted and (not wanted or name in wanted)


def get_lot(account: Account, asked: Asked) -> Response:
    """GET /inventories/{id}."""
    return done(shown(account, _lot(account, asked)))


def _lot(account: Account, asked: Asked) -> Row:
    number = number_in(asked, "id")
    found = account.lots.rows.get(number)
    if found is None:
        raise not_found(f"inventory {number}")
    return found


def post_lots(account: Account, asked: Asked) -> Response:
    """POST /inventories: one lot, or a list of them, whose ids nobody is told."""
    body = body_of(asked)
    if isinstance(body, list):
        for lot in [new_lot(each, account) for each in body]:
            _add(account, lot)
        return done({}, 201)
    return done(shown(account, _add(account, new_lot(body, account))), 201)


def _add(account: Account, lot: Row) -> Row:
    number = account.new_lot()
    added = {**lot, "inventory_id": number}
    account.lots.put(number, added)
    return added


def put_lot(account: Account, asked: Asked) -> Response:
    """PUT /inventories/{id}: whatever it says of the quantity is added to it."""
    lot = _lot(account, asked)
    after = updated(lot, body_of(asked), account)
    if after is None:
        account.lots.drop(lot["inventory_id"])
        return done({**lot, "quantity": 0})
    if after != lot:
        account.lots.put(lot["inventory_id"], after)
    return done(shown(account, after))


def delete_lot(account: Account, asked: Asked) -> Response:
    """DELETE /inventories/{id}."""
    account.lots.drop(_lot(account, asked)["inventory_id"])
    if account.switch("deleted") == "bare":
        return Response(204)
    return done({}, 204)
