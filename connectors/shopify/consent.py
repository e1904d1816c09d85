"""How a store's owner lets our app in: the link that asks, the address that answers, its code's exchange.

https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant
Shopify's own package knows the later renewals, but not this first exchange.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import SecretStr

from connectors.errors import ConfigurationError, NeedsConsent, Refused, Unauthorised
from connectors.http import Call, Http
from connectors.records import JsonObject, JsonValue
from connectors.renewal import Grant, granted_pair
from connectors.shape import as_int, as_object, as_text
from connectors.shopify.tokens import EXCHANGE

SCOPES = ("read_products", "read_inventory", "read_locations")
"""What is asked of a partner: its goods are read, and nothing of it is ever written."""

REDIRECT = "https://localhost/evenstock"
"""Where Shopify sends the owner's browser afterwards. Nobody answers there: the address is the answer."""

_CODE = re.compile(r"[\w.~-]{1,255}", re.ASCII)


def link(base_url: str, client_id: str, state: str, *, scopes: Sequence[str], redirect: str) -> str:
    """The page on which a store's owner consents."""
    asked = {"client_id": client_id, "scope": ",".join(scopes), "redirect_uri": redirect, "state": state}
    return f"{base_url}/admin/oauth/authorize?{urlencode(asked)}"


def code_in(answer: str, *, shop: str, state: str, secret: str) -> str:
    """The code in what the owner's browser came back with: the code alone, or the whole address.

    Raises ConfigurationError when the address belongs to another store or another question, is forged, or
    says that the owner declined.
    """
    text = answer.strip()
    if _CODE.fullmatch(text):
        return text
    query = urlsplit(text).query if "?" in text else text
    given = dict(parse_qsl(query, keep_blank_values=True))
    if given.get("error"):
        raise ConfigurationError(f"{shop} did not consent: {_shown(given['error'])}")
    _check_origin(given, shop, state)
    _check_signature(query, secret)
    if not _CODE.fullmatch(given.get("code", "")):
        raise ConfigurationError("this is neither a code nor an address with a code in it")
    return given["code"]


def _check_origin(given: dict[str, str], shop: str, state: str) -> None:
    if given.get("shop", shop).lower() != shop:
        raise ConfigurationError(f"this address belongs to {_shown(given['shop'])}, not to {shop}")
    if not hmac.compare_digest(given.get("state", "").encode(), state.encode()):
        raise ConfigurationError("this address answers another link than the one above: open that one")


def _check_signature(query: str, secret: str) -> None:
    """What Shopify signs is everything but the signature, sorted."""
    pairs = parse_qsl(query, keep_blank_values=True)
    signature = dict(pairs).get("hmac")
    if signature is None:
        return
    signed = urlencode(sorted((name, value) for name, value in pairs if name != "hmac"), safe="/:")
    expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise ConfigurationError("this address was not signed by Shopify for this app")


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:100]


def exchange(http: Http, app: tuple[str, SecretStr], code: str, now: datetime) -> Grant:
    """The first pair of tokens for a code, which works once.

    Raises NeedsConsent when the code is refused, ConfigurationError when the app is, UnknownOutcome when the
    answer was lost: then the owner has to open the link once more.
    """
    client_id, secret = app[0], app[1].get_secret_value()
    body: JsonObject = {"client_id": client_id, "client_secret": secret, "code": code, "expiring": "1"}
    call = Call(EXCHANGE, "access_token", json=body, starts=True, hidden=(secret, code))
    try:
        answer = http.send(call)
    except (Refused, Unauthorised) as error:
        if "invalid_client" in str(error):
            raise ConfigurationError(f"the app's client id or secret is wrong: {error}") from None
        raise NeedsConsent(f"the code is refused, open the link once more: {error}") from None
    found = as_object(answer.body, "answer")
    return granted_pair(
        client_id, _pair(found, "access_token", ""), _pair(found, "refresh_token", "refresh_token_"), now
    )


def _pair(found: JsonObject, name: str, prefix: str) -> tuple[str, timedelta]:
    """A token and how long it lives; one that never ends has no second half, and is none of ours."""
    life: JsonValue = found.get(f"{prefix}expires_in", 0)
    token: JsonValue = found.get(name, "")
    return as_text(token, name), timedelta(seconds=as_int(life, f"{prefix}expires_in"))
