"""How a call to AliExpress is signed (https://openservice.aliexpress.com/doc/doc.htm, signature algorithm).

HMAC-SHA256 with the app's secret over all parameters: names in the order of their bytes, each with its value
as it is before URL encoding, nothing in between. A system interface has its path in front.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from connectors.http import Call
from connectors.server_clock import ServerClock

SKEW: Final = timedelta(minutes=10)
"""How far our clock may be from theirs before that matters: they allow two hours."""


def signature(secret: str, params: Mapping[str, str], path: str = "") -> str:
    """The value of `sign`; `path` is that of a system interface, such as /auth/token/create."""
    text = path + "".join(name + params[name] for name in sorted(params))
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest().upper()


class Signer:
    """Completes one call after the other with its system parameters and its signature.

    `token` gives the user's token for business methods. Everything goes into the form, nothing into the URL.
    """

    def __init__(
        self, app_key: str, secret: str, *, token: Callable[[], str], now: Callable[[], datetime]
    ) -> None:
        self._app_key = app_key
        self._secret = secret
        self._token = token
        self.clock = ServerClock(now, SKEW)

    def __call__(self, call: Call) -> Call:
        """The call as it is sent now."""
        system = call.path.startswith("/rest/")
        params = {
            "app_key": self._app_key,
            "sign_method": "sha256",
            "timestamp": str(int(self.clock().timestamp() * 1000)),
            # Clients leave empty values out, and so does whoever checks the signature.
            **{name: value for name, value in (call.form or {}).items() if value},
        }
        token = ""
        if not system:
            token = self._token()
            params |= {"method": call.operation, "session": token, "format": "json"}
        sign = signature(self._secret, params, call.path.removeprefix("/rest") if system else "")
        hidden = (*call.hidden, self._secret, token, sign)
        return replace(call, form=params | {"sign": sign}, hidden=hidden)
