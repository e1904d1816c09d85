"""Tokens of the client-credentials grant: asked for once, renewed in time and after a refusal."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from connectors.errors import (
    ConfigurationError,
    LeaseLost,
    Malformed,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import Call, Http, Patience
from connectors.records import JsonObject, JsonValue
from connectors.renewal import Grant, Save, Store, Unshared
from connectors.shopify.tokens import ClientCredentials, FixedToken
from sandbox.app import Sandbox
from tests.worlds import OWN, world

SECRET = "very-secret"
EXCHANGE = "POST /admin/oauth/access_token"
DAY = 86_399
ASK: JsonObject = {"query": "query Ping { shop { id } }", "operationName": "Ping"}


@dataclass
class Shared:
    """A store of tokens in memory: as many turns as it is told to give, and what it is told to raise."""

    saved: list[SecretStr] = field(default_factory=list)
    taken: list[bool] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    refuses: list[Exception] = field(default_factory=list)
    held: int = 0

    def load(self) -> SecretStr | None:
        return self.saved[-1] if self.saved else None

    @contextmanager
    def turn(self) -> Iterator[Save | None]:
        if self.taken and self.taken.pop(0):
            self.meanwhile()
            yield None
            return
        self.held += 1
        try:
            yield self.save
        finally:
            self.held -= 1

    def save(self, secret: SecretStr) -> None:
        if self.refuses:
            raise self.refuses.pop(0)
        self.saved.append(secret)


@dataclass
class Shop:
    """The stand-in's shop, a clock of ours that goes with its own, and nothing that takes time."""

    sandbox: Sandbox = field(
        default_factory=lambda: Sandbox(world([], [], token=None, client_id="app", client_secret=SECRET))
    )
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    slept: list[float] = field(default_factory=list)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.sandbox.clock.advance(seconds)

    def connection(
        self,
        path: str = "oauth/",
        *,
        headers: Callable[[], Mapping[str, str]] = dict,
        renew: Callable[[Mapping[str, str]], bool] = lambda _: False,
        account: str = OWN,
    ) -> Http:
        return Http(
            f"http://127.0.0.1/shopify/{OWN}/admin/{path}",
            system="shopify",
            account=account,
            client=httpx.Client(transport=httpx.WSGITransport(app=self.sandbox)),
            patience=Patience(attempts=2, base_delay=0.0),
            sleep=self.slept.append,
            headers=headers,
            renew=renew,
        )

    def tokens(
        self, store: Store | None = None, *, secret: str = SECRET, client: str = "app", account: str = OWN
    ) -> ClientCredentials:
        http = self.connection(account=account)
        return ClientCredentials(http, client, secret, store, now=lambda: self.now, sleep=self.slept.append)

    def api(self, tokens: ClientCredentials) -> Http:
        return self.connection("api/2026-10/graphql.json", headers=tokens.headers, renew=tokens.renew)

    def exchanges(self) -> int:
        return [call["operation"] for call in self.sandbox.calls()].count(EXCHANGE)

    def revoke(self) -> None:
        self.sandbox.event({"system": "shopify", "account": OWN, "kind": "revoke_token"})

    def fault(self, **fault: object) -> None:
        self.sandbox.faults([{"system": "shopify"} | fault])


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestInTime:
    def test_a_token_is_asked_for_once(self, shop: Shop) -> None:
        tokens = shop.tokens()

        assert tokens.headers() == tokens.headers()
        assert shop.exchanges() == 1

    @pytest.mark.parametrize(("share", "exchanges"), [(0.79, 1), (0.81, 2)])
    def test_it_is_renewed_after_four_fifths_of_its_life(
        self, shop: Shop, share: float, exchanges: int
    ) -> None:
        tokens = shop.tokens()
        tokens.headers()

        shop.advance(share * DAY)
        tokens.headers()

        assert shop.exchanges() == exchanges

    def test_a_renewal_that_fails_leaves_the_token_that_still_lives(
        self, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        tokens = shop.tokens()
        first = tokens.headers()
        shop.advance(0.85 * DAY)
        shop.fault(operation=EXCHANGE, kind="http", status=503, times=2)

        assert tokens.headers() == tokens.headers() == first
        assert "good until" in caplog.text
        assert shop.exchanges() == 3

        shop.advance(61)
        assert tokens.headers() != first

    def test_a_token_that_ended_is_not_used_when_there_is_no_other(self, shop: Shop) -> None:
        tokens = shop.tokens()
        tokens.headers()
        shop.advance(DAY + 1)
        shop.fault(operation=EXCHANGE, kind="http", status=503, times=2)

        with pytest.raises(Transient):
            tokens.headers()

    def test_many_threads_ask_once(self, shop: Shop) -> None:
        tokens = shop.tokens(Shared())
        together = threading.Barrier(8)

        def ask() -> str:
            together.wait()
            return tokens.headers()["X-Shopify-Access-Token"]

        with ThreadPoolExecutor(8) as pool:
            found = {each.result() for each in [pool.submit(ask) for _ in range(8)]}

        assert len(found) == 1
        assert shop.exchanges() == 1


class TestRefused:
    def test_a_refused_token_is_replaced_and_the_call_succeeds(self, shop: Shop) -> None:
        tokens = shop.tokens(Shared())
        api = shop.api(tokens)
        api.send(Call("shop", json=ASK))
        shop.revoke()

        assert api.send(Call("shop", json=ASK)).status == 200
        assert shop.exchanges() == 2

    def test_a_call_that_is_refused_with_its_new_token_too_ends(self, shop: Shop) -> None:
        tokens = shop.tokens(Shared())
        shop.fault(operation="shop", kind="http", status=401, times=9)

        with pytest.raises(Unauthorised):
            shop.api(tokens).send(Call("shop", json=ASK))
        assert shop.exchanges() == 2

    def test_many_threads_that_are_refused_renew_once(self, shop: Shop) -> None:
        tokens = shop.tokens(Shared())
        api = shop.api(tokens)
        refused = tokens.headers()
        shop.revoke()
        together = threading.Barrier(8)

        def send() -> int:
            together.wait()
            return api.send(Call("shop", json=ASK)).status

        with ThreadPoolExecutor(8) as pool:
            assert {each.result() for each in [pool.submit(send) for _ in range(8)]} == {200}
        assert tokens.headers() != refused
        assert shop.exchanges() == 2

    def test_a_token_that_another_process_renewed_is_taken(self, shop: Shop) -> None:
        store = Shared()
        ours, theirs = shop.tokens(store), shop.tokens(store)
        refused = ours.headers()
        assert theirs.headers() == refused
        shop.revoke()
        theirs.renew(refused)

        assert shop.api(ours).send(Call("shop", json=ASK)).status == 200
        assert ours.headers() == theirs.headers() != refused
        assert shop.exchanges() == 2

    def test_a_fixed_token_has_no_successor(self) -> None:
        tokens = FixedToken("tok")

        assert not tokens.renew(tokens.headers())


class TestShared:
    def test_a_second_process_finds_the_token(self, shop: Shop) -> None:
        store = Shared()

        assert shop.tokens(store).headers() == shop.tokens(store).headers()
        assert shop.exchanges() == 1

    def test_a_token_of_another_app_is_none_of_ours(self, shop: Shop) -> None:
        store = Shared()
        store.saved.append(
            SecretStr(
                '{"client_id": "x", "token": "t", "renew_at": "2099-01-01T00:00:00Z", '
                '"ends_at": "2099-01-01T00:00:00Z"}'
            )
        )

        assert shop.tokens(store).headers()["X-Shopify-Access-Token"].startswith("shpat_")

    @pytest.mark.parametrize("text", ["", "tok", "{}", '{"token": 1}', "[]"])
    def test_what_is_no_token_is_replaced(self, shop: Shop, text: str) -> None:
        store = Shared([SecretStr(text)])

        shop.tokens(store).headers()
        assert shop.exchanges() == 1
        assert len(store.saved) == 2

    def test_a_token_that_could_not_be_saved_is_not_used(self, shop: Shop) -> None:
        store = Shared(refuses=[Transient("the ledger is busy"), Transient("the ledger is busy")])

        with pytest.raises(Transient, match="the ledger is busy"):
            shop.api(shop.tokens(store)).send(Call("shop", json=ASK))
        assert {call["operation"] for call in shop.sandbox.calls()} == {EXCHANGE}

    def test_whoever_comes_meanwhile_waits_and_takes_the_others(self, shop: Shop) -> None:
        store = Shared(taken=[True, True])
        first = shop.tokens(store)
        store.taken, taken = [], store.taken
        other = first.headers()
        waiting = Shared(taken=taken, meanwhile=lambda: waiting.saved.extend(store.saved))

        assert shop.tokens(waiting).headers() == other
        assert shop.slept == [0.25]
        assert shop.exchanges() == 1

    def test_waiting_has_an_end(self, shop: Shop) -> None:
        with pytest.raises(Transient, match="another process has been renewing the token for 30 s"):
            shop.tokens(Shared(taken=999 * [True])).headers()
        assert sum(shop.slept) == 30

    def test_a_renewal_that_was_overtaken_takes_the_others_token(self, shop: Shop) -> None:
        store = Shared(refuses=[LeaseLost("overtaken")])

        assert shop.tokens(store).headers()
        assert shop.exchanges() == 2
        assert store.held == 0

    def test_a_lost_answer_of_the_store_is_no_lost_answer_of_the_call(self, shop: Shop) -> None:
        with pytest.raises(Transient, match="went away"):
            shop.tokens(Shared(refuses=[UnknownOutcome("went away")])).headers()

    def test_nobody_keeps_the_turn(self, shop: Shop) -> None:
        store = Shared()

        with pytest.raises(ConfigurationError):
            shop.tokens(store, secret="wrong-secret").headers()
        assert store.held == 0
        assert store.saved == []

    def test_without_a_store_each_keeps_its_own(self, shop: Shop) -> None:
        assert shop.tokens(Unshared()).headers() != shop.tokens().headers()


class TestRefusedCredentials:
    def test_are_one_sentence_that_names_the_settings(self, shop: Shop) -> None:
        with pytest.raises(ConfigurationError, match="SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET") as caught:
            shop.tokens(secret="wrong-secret").headers()

        assert "wrong-secret" not in str(caught.value)
        assert "invalid_client" in str(caught.value)
        assert shop.exchanges() == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_are_not_tried_again(self, shop: Shop, status: int) -> None:
        shop.fault(operation=EXCHANGE, kind="http", status=status)

        with pytest.raises(ConfigurationError):
            shop.tokens().headers()
        assert shop.exchanges() == 1

    def test_a_name_that_is_no_shops_is_refused_unsent(self, shop: Shop) -> None:
        with pytest.raises(ConfigurationError, match="valid shop domain"):
            shop.tokens(account="no/shop").headers()
        assert shop.exchanges() == 0


def answering(body: JsonValue, status: int = 200) -> ClientCredentials:
    http = Http(
        "https://x.example/admin/oauth/",
        system="shopify",
        account="x.myshopify.com",
        client=httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status, json=body))),
        patience=Patience(attempts=1),
    )
    return ClientCredentials(http, "app", SECRET)


class TestAnswer:
    @pytest.mark.parametrize(
        "body",
        [
            [],
            "tok",
            None,
            {},
            {"access_token": "shpat_1"},
            {"access_token": "", "expires_in": 5},
            {"access_token": 5, "expires_in": 5},
            {"access_token": "shpat_1", "expires_in": "soon"},
            {"access_token": "shpat_1", "expires_in": 1e300},
            {"access_token": "shpat_1", "expires_in": []},
        ],
    )
    def test_that_is_no_token_is_malformed(self, body: JsonValue) -> None:
        with pytest.raises(Malformed) as caught:
            answering(body).headers()
        assert "shpat_1" not in str(caught.value)

    def test_of_a_shop_elsewhere_names_the_settings(self) -> None:
        refusal: JsonValue = {"error": "shop_not_permitted", "error_description": f"not for {SECRET}"}

        with pytest.raises(ConfigurationError, match=r"of one organisation\).*shop_not_permitted"):
            answering(refusal, 400).headers()

    def test_that_repeats_the_secret_does_not_show_it(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            answering({"error": f"{SECRET} is wrong"}, 400).headers()
        assert SECRET not in str(caught.value)


class TestSecrecy:
    def test_no_repr_and_no_log_shows_a_token_or_a_secret(
        self, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        store = Shared()
        tokens = shop.tokens(store)
        token = tokens.headers()["X-Shopify-Access-Token"]
        shop.revoke()
        shop.api(tokens).send(Call("shop", json=ASK))
        newer = tokens.headers()["X-Shopify-Access-Token"]

        shown = f"{caplog.text} {tokens!r} {vars(tokens)!r} {store.saved!r}"
        assert not [secret for secret in (token, newer, SECRET) if secret in shown]

    def test_a_grant_keeps_its_token_out_of_its_repr(self) -> None:
        now = datetime.now(UTC)

        assert "shpat" not in repr(Grant("app", "shpat_1", now, now))


def test_the_request_is_the_packages_own() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"access_token": "shpat_1", "scope": "", "expires_in": DAY})

    http = Http(
        "https://x.myshopify.com/admin/oauth/",
        system="shopify",
        account="x.myshopify.com",
        client=httpx.Client(transport=httpx.MockTransport(answer)),
    )
    ClientCredentials(http, "app", SECRET).headers()

    assert [(each.method, str(each.url)) for each in seen] == [
        ("POST", "https://x.myshopify.com/admin/oauth/access_token")
    ]
    assert json.loads(seen[0].content) == {
        "client_id": "app",
        "client_secret": SECRET,
        "grant_type": "client_credentials",
    }
