"""AliExpress's own ways, for the frame that all stand-ins share.

An operation is named by its method (`aliexpress.ds.product.get`), a system interface by `POST /rest/auth/…`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sandbox.aliexpress import affiliate, answers, goods, lists, orders, tokens
from sandbox.aliexpress.answers import LIMITED, envelope, missing, refusal, spoken, trouble
from sandbox.aliexpress.model import Account
from sandbox.aliexpress.section import read_account
from sandbox.aliexpress.signing import is_timely, merged, signature
from sandbox.http import Request, Response, answer, page
from sandbox.reading import Json, Path
from sandbox.rest import Asked, Target, kept
from sandbox.shopify.switches import Switches
from sandbox.surroundings import Surroundings


@dataclass(frozen=True)
class Method:
    """One method: what it needs, whether it needs a user, whether it writes."""

    handle: Callable[[Account, Asked], dict[str, Any]]
    needed: tuple[str, ...] = ()
    writes: bool = False
    session: bool = True


_PRODUCT: Final = ("product_id", "ship_to_country")
METHODS: Final[Mapping[str, Method]] = {
    "aliexpress.ds.product.get": Method(goods.product_get, _PRODUCT),
    "aliexpress.ds.product.wholesale.get": Method(goods.wholesale_get, _PRODUCT),
    "aliexpress.ds.text.search": Method(lists.text_search, ("local", "countryCode", "currency")),
    "aliexpress.ds.feedname.get": Method(lists.feed_names),
    "aliexpress.ds.recommend.feed.get": Method(lists.recommend_feed, ("feed_name",)),
    "aliexpress.ds.feed.itemids.get": Method(lists.feed_ids, ("feed_name",)),
    "aliexpress.ds.category.get": Method(lists.categories),
    "aliexpress.ds.freight.query": Method(lists.freight, ("queryDeliveryReq",)),
    "aliexpress.ds.order.create": Method(
        orders.create, ("param_place_order_request4_open_api_d_t_o",), writes=True
    ),
    "aliexpress.ds.trade.order.get": Method(orders.trade_order, ("order_id",)),
    "aliexpress.trade.ds.order.get": Method(orders.old_trade_order, ("single_order_query",)),
    "aliexpress.ds.order.tracking.get": Method(orders.tracking, ("ae_order_id", "language")),
    "aliexpress.affiliate.category.get": Method(lists.categories, session=False),
    "aliexpress.affiliate.product.query": Method(affiliate.products, session=False),
    "aliexpress.affiliate.hotproduct.query": Method(affiliate.products, session=False),
    "aliexpress.affiliate.productdetail.get": Method(affiliate.details, ("product_ids",), session=False),
}
CREATED: Final = "aliexpress.ds.order.create"


class AliExpress:
    """The dialect."""

    name = "aliexpress"
    switches: Mapping[str, Sequence[str]] = {
        # Whether sign_method md5 and hmac of old clients are taken.
        "old_signs": ("taken", "refused"),
        # A wrapped list of one element: a list, or the bare element.
        "single": ("list", "object"),
        # Whether simplify=true takes the wrappers off lists.
        "simplify": ("ignored", "unwrapped"),
        "numbers": ("numbers", "text"),
        # Errors of the gateway inside error_response, or at the top with `message`.
        "errors": ("wrapped", "top"),
        # Where ds.recommend.feed.get puts its result.
        "feed": ("result", "resp_result"),
        # What becomes of the access token that is renewed.
        "renewed": ("lives", "dies"),
        # The envelope of an order that was created.
        "created": ("order_create", "placeorder"),
    }

    def __init__(self) -> None:
        self._switches = Switches(more={f"{self.name}.{each}": at for each, at in self.switches.items()})

    def read(self, name: str, section: Json, path: Path, around: Surroundings) -> Account:
        """An account of the world file."""
        self._switches = around.switches
        return read_account(name, section, path, around)

    def target(self, request: Request, path: str) -> Target[Account]:
        """A method by its name, a system interface by its path; both gateways take methods."""
        params = merged(request)
        system = path.removeprefix("/rest")
        if path.startswith("/rest/") and system in tokens.ROUTES:
            name = f"{request.method} {path}"
            return Target(name, tokens.ROUTES[system], params, writes=True)
        if path == "/oauth/authorize":
            return Target(f"{request.method} {path}", tokens.authorise, params, writes=True)
        named = params.get("method") if path in ("/sync", "/rest") else None
        method = METHODS.get(named or "")
        if named is None or method is None:
            return Target(named or f"{request.method} {path}", self._lost, params)
        return Target(named, partial(_called, named, method), params, method.writes)

    def _lost(self, _: Account, asked: Asked) -> Response:
        return self._error(asked, "InvalidApiPath", system=_is_system(asked))

    def whose(self, request: Request, path: str, accounts: Mapping[str, Account]) -> str | None:
        """The account whose app key is shown."""
        params = merged(request)
        key = params.get("client_id" if path == "/oauth/authorize" else "app_key")
        return next((name for name, account in accounts.items() if account.app_key == key), None)

    def stranger(self, asked: Asked) -> Response:
        """An app that nobody knows, or none."""
        return self._error(asked, "InvalidAppKey", system=_is_system(asked))

    def admit(self, account: Account, asked: Asked) -> Response | None:
        """The refusal of a call: for time, signature, token, permission or limits, in this order."""
        if asked.call.operation.endswith("/oauth/authorize"):
            return None
        code = self._wrong(account, asked)
        if code is not None:
            return self._error(asked, code, system=_is_system(asked))
        limited = account.limits.enter(asked.call.operation, account.book.clock.seconds())
        return self._error(asked, limited[0], LIMITED.format(limited[1])) if limited else None

    def _wrong(self, account: Account, asked: Asked) -> str | None:
        params = asked.arguments
        if account.rules.white_ips and asked.request.remote not in account.rules.white_ips:
            return "AppWhiteIpLimit"
        if not is_timely(params.get("timestamp", ""), account.now()):
            return "IllegalTimestamp"
        if not self._is_signed(account, asked):
            return "IncompleteSignature"
        method = METHODS.get(asked.call.operation)
        if method is None:
            return None
        if asked.call.operation in account.rules.denied:
            return "InsufficientPermission"
        token = params.get("access_token") or params.get("session") or ""
        return "IllegalAccessToken" if method.session and not account.is_let_in(token) else None

    def _is_signed(self, account: Account, asked: Asked) -> bool:
        params = asked.arguments
        known = {"sha256", "md5", "hmac"} if self._switches["aliexpress.old_signs"] == "taken" else {"sha256"}
        path = asked.request.path.partition("/rest")[2] if _is_system(asked) else ""
        signed = signature(params, account.app_secret, path)
        return params.get("sign_method") in known and params.get("sign") == signed

    def failed(self, asked: Asked, status: int) -> Response:
        """A fault with a code is an error of the gateway; without one it is a page of some proxy."""
        code = asked.fault.code if asked.fault else None
        return self._error(asked, code, system=_is_system(asked)) if code else page(status)

    def throttled(self, asked: Asked) -> Response:
        """Too many calls: for a second, or for as long as the fault says."""
        seconds = int(asked.fault.seconds) if asked.fault and asked.fault.seconds else 1
        code = "ApiCallLimit" if seconds < 60 else "AppApiCallLimit"
        return self._error(asked, code, LIMITED.format(seconds), system=_is_system(asked))

    def shortened(self, asked: Asked, response: Response, kind: str) -> Response:  # noqa: ARG002
        """An answer whose list has nothing, or its first half."""
        return answers.shortened(response, partial(kept, kind=kind))

    def settings(self, account: Account, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock here."""
        given = account.given
        renewing = {"ALIEXPRESS_REFRESH_TOKEN": given["refresh_token"]} if given["refresh_token"] else {}
        return {
            "ALIEXPRESS_API_KEY": account.app_key,
            "ALIEXPRESS_API_SECRET": account.app_secret,
            "ALIEXPRESS_SESSION": given["session"],
            **renewing,
            "ALIEXPRESS_BASE_URL": f"{base_url}/aliexpress",
        }

    def _error(self, asked: Asked, code: str, text: str = "", *, system: bool = False) -> Response:
        asked.call.code = code
        return trouble(code, self._switches, text, system=system)


def _is_system(asked: Asked) -> bool:
    return "/rest/" in asked.request.path


def _called(name: str, method: Method, account: Account, asked: Asked) -> Response:
    """A method's answer, in its envelope."""
    lacking = next((each for each in method.needed if not asked.arguments.get(each)), None)
    if lacking is not None:
        code, text = missing(lacking)
        asked.call.code = code
        raise refusal(code, account.switches, text)
    content = method.handle(account, asked)
    told = spoken(content, account.switches, simplified=asked.arguments.get("simplify") == "true")
    key = envelope(name)
    if name == CREATED and account.switches["aliexpress.created"] == "placeorder":
        key = "aliexpress_trade_buy_placeorder_response"
    return answer(200, {key: {**told, "request_id": "2101f0b1", "_trace_id_": "212a6f1c"}})
