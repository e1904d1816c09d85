"""Consent, and the tokens that come of it (https://openservice.aliexpress.com/doc/doc.htm).

A code works once, for three minutes. A renewal spends its refresh token and brings a new pair.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from sandbox.aliexpress.answers import missing, refusal
from sandbox.aliexpress.model import Account
from sandbox.aliexpress.section import DAY
from sandbox.book import Row
from sandbox.http import Response, answer
from sandbox.rest import Asked

CODE_SECONDS: Final = 180


def authorise(account: Account, asked: Asked) -> Response:
    """The page that asks the user; here it is consent at once."""
    wanted = asked.arguments
    if wanted.get("response_type") != "code" or wanted.get("redirect_uri") != account.given["redirect_uri"]:
        return answer(400, {"error": "response_type must be code, and redirect_uri that of the app"})
    code = f"3_{account.app_key}_{len(account.codes.rows) + 1:04d}"
    made = {"code": code, "made_at": account.book.clock.seconds(), "redirect_uri": wanted["redirect_uri"]}
    account.codes.put(code, made)
    back = {"code": code, **({"state": wanted["state"]} if "state" in wanted else {})}
    return Response(302, headers={"Location": f"{wanted['redirect_uri']}?{urlencode(back)}"})


def create(account: Account, asked: Asked) -> Response:
    """A pair of tokens for a code."""
    code = _needed(account, asked, "code")
    row = account.codes.rows.get(code)
    now = account.book.clock.seconds()
    if row is None or now - row["made_at"] > CODE_SECONDS:
        raise refusal("InvalidCode", account.switches, system=True)
    account.codes.drop(code)
    return _told(account, _new(account))


def refresh(account: Account, asked: Asked) -> Response:
    """A new pair for a refresh token."""
    spent = _needed(account, asked, "refresh_token")
    rows = account.tokens.rows.items()
    found = next((token for token, row in rows if row["refresh_token"] == spent), None)
    if found is None or _is_over(account, account.tokens.rows[found]):
        raise refusal("IllegalRefreshToken", account.switches, system=True)
    if account.switches["aliexpress.renewed"] == "dies":
        account.tokens.drop(found)
    else:
        account.tokens.alter(found, refresh_token=None)
    return _told(account, _new(account))


def _needed(account: Account, asked: Asked, name: str) -> str:
    value = asked.arguments.get(name)
    if not value:
        code, text = missing(name)
        raise refusal(code, account.switches, text, system=True)
    return value


def _is_over(account: Account, row: Row) -> bool:
    ends = row["refresh_ends_at"]
    return ends is not None and account.book.clock.seconds() >= ends


def _new(account: Account) -> Row:
    number = 1 + max([0, *(int(token.rsplit("-", 1)[-1]) for token in map(str, account.tokens.rows)
                           if token.rsplit("-", 1)[-1].isdecimal())])  # fmt: skip
    now = account.book.clock.seconds()
    token = f"50000-{account.name}-access-{number}"
    row: Row = {
        "access_token": token,
        "refresh_token": f"50001-{account.name}-refresh-{number}",
        "ends_at": now + account.rules.access_days * DAY,
        "refresh_ends_at": now + account.rules.refresh_days * DAY,
    }
    account.tokens.put(token, row)
    return row


def _told(account: Account, row: Mapping[str, Any]) -> Response:
    rules = account.rules
    body: dict[str, Any] = {
        "access_token": row["access_token"],
        "refresh_token": row["refresh_token"],
        "expires_in": rules.access_days * DAY,
        "expire_time": int(row["ends_at"] * 1000),
        "refresh_expires_in": rules.refresh_days * DAY,
        "refresh_token_valid_time": int(row["refresh_ends_at"] * 1000),
        **dict.fromkeys(("account_id", "seller_id", "user_id", "havana_id"), "1000200030"),
        "user_nick": "es1000200030",
        "account": "buyer@example.com",
        "account_platform": "buyerApp",
        "locale": "zh_CN",
        "sp": "ae",
        "code": "0",
        "request_id": "2101f0b1",
    }
    if account.switches["aliexpress.numbers"] == "text":
        body = {name: str(value) for name, value in body.items()}
    return answer(200, body)


ROUTES: Final = {
    "/auth/token/create": create,
    "/auth/token/security/create": create,
    "/auth/token/refresh": refresh,
    "/auth/token/security/refresh": refresh,
}
