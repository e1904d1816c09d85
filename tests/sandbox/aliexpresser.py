"""An AliExpress stand-in in process, and a client that says and signs just what it is told to."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.worlds import NOW

Json = Any
KEY, SECRET, SESSION, REFRESH = "501234", "app-secret-0123456789", "session-0123456789", "refresh-0123456789"
BASE = "http://127.0.0.1/aliexpress"
FIRST = 1005006000000001


def sku(number: int, **more: object) -> dict[str, Any]:
    """A sku of a world."""
    usual = {"sku_id": 12000030000000000 + number, "sku_attr": f"14:{number}", "price": "9.90", "stock": 7}
    return usual | {"options": {"Color": f"c{number}"}} | more


def product(number: int, *skus: dict[str, Any], **more: object) -> dict[str, Any]:
    """A product of a world, with two skus unless others are given."""
    usual = {"product_id": FIRST + number - 1, "subject": f"Lace {number}"}
    return usual | {"skus": list(skus) or [sku(10 * number), sku(10 * number + 1)]} | more


def section(*products: dict[str, Any], **more: object) -> dict[str, Any]:
    """An account, with all its products in the feed `best`."""
    account = {"app_key": KEY, "app_secret": SECRET, "session": SESSION, "refresh_token": REFRESH}
    feeds = {"best": [each["product_id"] for each in products]}
    return account | {"products": list(products), "feeds": feeds} | more


def signed(params: Mapping[str, str], secret: str = SECRET, path: str = "") -> str:
    """HMAC-SHA256 as the developer's guide has it."""
    text = path + "".join(f"{name}{params[name]}" for name in sorted(params))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


@dataclass
class Buyer:
    """The stand-in and its only client; no time passes by itself."""

    sandbox: Sandbox
    client: httpx.Client
    token: str = SESSION

    def system(self, **more: str) -> dict[str, str]:
        """System parameters of now."""
        now = f"{self.sandbox.clock.seconds() * 1000:.0f}"
        return {"app_key": KEY, "timestamp": now, "sign_method": "sha256"} | more

    def raw(self, path: str = "/sync", **params: str) -> Json:
        """What a form is answered, sent just so."""
        response = self.client.post(path, data=params)
        assert response.status_code == 200
        return response.json()

    def ask(self, method: str, **params: object) -> Json:
        """What is in the envelope of a method; an error as it is."""
        said = self.system(method=method, session=self.token) | {k: str(v) for k, v in params.items()}
        body = self.raw(**said, sign=signed(said))
        return body.get(f"{method.replace('.', '_')}_response", body)

    def token_for(self, path: str, **params: str) -> Json:
        """What a system interface is answered."""
        said = self.system(**params)
        return self.raw(f"/rest{path}", **said, sign=signed(said, path=path))

    def product(self, number: int = FIRST, **params: object) -> Json:
        """The answer about one product, as it is sold to Spain."""
        usual = {"ship_to_country": "ES", "target_currency": "EUR"}
        return self.ask("aliexpress.ds.product.get", product_id=number, **(usual | params))

    def event(self, kind: str, **given: object) -> object:
        """Something happens in the world."""
        return self.sandbox.event({"system": "aliexpress", "kind": kind, **given})

    def account(self) -> Json:
        """The account as it is now."""
        return self.sandbox.world()["aliexpress"]["default"]


def buyer(account: dict[str, Any], switches: dict[str, str] | None = None) -> Buyer:
    """A stand-in with this account, at the tests' time; `switches` by their names without the system's."""
    moved = {f"aliexpress.{name}": at for name, at in (switches or {}).items()}
    sandbox = Sandbox({"aliexpress": {"default": account}}, clock=Clock(NOW, frozen=True), switches=moved)
    return Buyer(sandbox, httpx.Client(transport=httpx.WSGITransport(app=sandbox), base_url=BASE))


def code_of(answer: Json) -> str:
    """The code of an error inside a 200."""
    return str(answer.get("error_response", answer)["code"])
