"""What `Http` makes of answers, failures and time; over httpx's own transports and real sockets."""

import gzip
import io
import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    BudgetSpent,
    ConfigurationError,
    ConnectorError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WritesOff,
)
from connectors.http import Answer, Call, Http, Patience, Points, Upload
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_int, as_list, as_object

TOKEN = "shpat_0123456789abcdef"
BASE = "https://shop.example/admin"
READ = Call("products", "graphql.json", json={"query": "{ shop { id } }"})
WRITE = Call("setQuantities", "graphql.json", json={"query": "mutation"}, writes=True)
REPEATABLE = Call("tagsAdd", "graphql.json", writes=True, repeatable=True)
CALLS = pytest.mark.parametrize("call", [READ, WRITE, REPEATABLE], ids=lambda call: call.operation)

Reply = httpx.Response | Exception


def ok(body: JsonValue = None, **headers: str) -> httpx.Response:
    return httpx.Response(200, json={"ok": True} if body is None else body, headers=headers)


def says(status: int, text: str = "{}", kind: str = "application/json", **headers: str) -> httpx.Response:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=text.encode(), headers={"content-type": kind, **given_headers})


@dataclass
class World:
    """A system that gives the replies of a list in order, the last for ever; only sleep moves its time."""

    replies: list[Reply]
    seen: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    time: float = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        reply = self.replies[min(len(self.seen), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.read())

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def http(
        self,
        *,
        base: str = BASE,
        check: Callable[[Call, Answer], None] = lambda _call, _answer: None,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        chance: float = 0.0,
        headers: Callable[[], Mapping[str, str]] = lambda: {"X-Shopify-Access-Token": TOKEN},
        renew: Callable[[Mapping[str, str]], bool] = lambda _: False,
        sign: Callable[[str, str], Mapping[str, str]] = lambda _method, _url: {},
        spend: Callable[[Call], None] = lambda _: None,
        judge: Callable[[Call, Answer], None] = lambda _call, _answer: None,
        writes_off: bool = False,
    ) -> Http:
        return Http(
            base,
            system="shopify",
            account="demo",
            headers=headers,
            check=check,
            renew=renew,
            sign=sign,
            spend=spend,
            judge=judge,
            patience=patience,
            writes_off=writes_off,
            client=httpx.Client(transport=httpx.MockTransport(self)),
            sleep=self.sleep,
            clock=lambda: self.time,
            chance=lambda: chance,
        )


def outcome(call: Call, *replies: Reply) -> tuple[ConnectorError, World]:
    world = World(list(replies))
    with pytest.raises(ConnectorError) as caught:
        world.http().send(call)
    return caught.value, world


class TestAnswer:
    def test_has_status_body_and_lower_case_headers(self) -> None:
        answer = World([says(201, '{"id": 1}', X_Request="7")]).http().send(READ)
        assert (answer.status, answer.body, answer.headers["x-request"]) == (201, {"id": 1}, "7")

    def test_is_dated_by_the_server(self) -> None:
        answer = World([ok(Date="Thu, 01 Oct 2026 12:00:00 GMT")]).http().send(READ)
        assert answer.at == datetime(2026, 10, 1, 12, tzinfo=UTC)

    @pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": ""}])
    def test_is_dated_by_our_clock_if_the_server_tells_no_time(self, headers: dict[str, str]) -> None:
        before = datetime.now(UTC)
        assert before <= World([ok(**headers)]).http().send(READ).at <= datetime.now(UTC)

    @given(st.integers())
    def test_keeps_whole_numbers_exact(self, number: int) -> None:
        assert World([ok({"n": number})]).http().send(READ).body == {"n": number}

    def test_may_be_empty_where_the_status_says_so(self) -> None:
        assert World([httpx.Response(204)]).http().send(READ).body is None

    @pytest.mark.parametrize(
        "kind", ["application/json", "application/vnd.api+json; charset=utf-8", "Text/JSON"]
    )
    def test_is_json_by_its_content_type(self, kind: str) -> None:
        assert World([says(200, '{"ñ": "日本"}', kind)]).http().send(READ).body == {"ñ": "日本"}


class TestRequest:
    def test_goes_to_the_base_url_with_credentials_and_json(self) -> None:
        world = World([ok()])
        world.http().send(Call("GET /x/{id}", "/x/1", method="GET", params={"page": "2"}))
        world.http().send(Call("set", "graphql.json", json={"name": "\ud800é"}))
        assert str(world.seen[0].url) == f"{BASE}/x/1?page=2"
        assert world.seen[0].headers["x-shopify-access-token"] == TOKEN
        assert json.loads(world.seen[1].content) == {"name": "\ud800é"}

    def test_can_be_a_form(self) -> None:
        world = World([ok()])
        world.http().send(Call("token", "oauth", form={"grant_type": "client_credentials", "a": "ä&b"}))
        assert world.seen[0].headers["content-type"] == "application/x-www-form-urlencoded"
        assert world.seen[0].content == b"grant_type=client_credentials&a=%C3%A4%26b"

    @pytest.mark.parametrize(
        "path", ["https://evil.example/x", "//evil.example/x", "@evil.example", "/../x", ":80/x"]
    )
    def test_never_leaves_the_host(self, path: str) -> None:
        world = World([ok()])
        world.http().send(Call("x", path))
        assert world.seen[0].url.host == "shop.example"
        assert world.seen[0].url.port is None

    def test_asks_for_the_credentials_each_time(self) -> None:
        world, tokens = World([says(503), ok()]), iter(["first-token", "second-token"])
        world.http(headers=lambda: {"authorization": next(tokens)}).send(READ)
        assert [request.headers["authorization"] for request in world.seen] == ["first-token", "second-token"]

    @pytest.mark.parametrize("token", ["line\nbreak", "ümlaut", "\x00"])
    def test_a_credential_no_header_can_carry_is_a_setting_to_mend(self, token: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            World([ok()]).http(headers=lambda: {"x": token}).send(READ)
        assert token not in str(caught.value)

    @pytest.mark.parametrize(
        "base",
        ["http://shop.example", "ftp://shop.example", "shop.example", "", f"https://u:{TOKEN}@shop.example"],
    )
    def test_needs_https_and_nothing_secret_in_the_address(self, base: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            World([ok()]).http(base=base)
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1", "[::1]:1"])
    def test_may_be_http_on_this_machine(self, host: str) -> None:
        assert World([ok()]).http(base=f"http://{host}/shopify/demo").send(READ).status == 200


class TestStatus:
    @CALLS
    @pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 422, 451])
    def test_refused(self, call: Call, status: int) -> None:
        error, world = outcome(call, says(status, '{"errors": "Not Found"}'))
        assert isinstance(error, Refused)
        assert error.codes == {str(status)}
        assert str(error) == f"shopify demo {call.operation}: status {status}: Not Found"
        assert len(world.seen) == 1

    @CALLS
    @pytest.mark.parametrize("status", [401, 402, 403, 423, 430])
    def test_unauthorised(self, call: Call, status: int) -> None:
        error, world = outcome(call, says(status, '{"errors": {"query": "no"}}'))
        assert isinstance(error, Unauthorised)
        assert len(world.seen) == 1

    @CALLS
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirects_are_refused_not_followed(self, call: Call, status: int) -> None:
        error, world = outcome(call, says(status, location=f"https://evil.example/x?t={TOKEN}"))
        assert isinstance(error, Refused)
        assert "evil.example" in str(error)
        assert [request.url.host for request in world.seen] == ["shop.example"]

    @CALLS
    def test_429_is_sent_again(self, call: Call) -> None:
        world = World([says(429, retry_after="2.5"), ok()])
        http = world.http()
        assert http.send(call).body == {"ok": True}
        assert world.slept == [2.5]
        assert http.usage.as_dict() == {
            "calls": 2,
            "retries": 1,
            "points": 0.0,
            "throttled": 1,
            "seconds_waited": 2.5,
        }

    def test_429_for_ever_is_rate_limited(self) -> None:
        error, world = outcome(WRITE, says(429, "<html>", "text/html"))
        assert isinstance(error, RateLimited)
        assert len(world.seen) == 5

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
    def test_5xx_is_sent_again_only_if_nothing_can_be_done_twice(self, status: int) -> None:
        page = says(status, "<html>Bad gateway</html>", "text/html")
        for call, kind, tries in [
            (READ, Transient, 5),
            (REPEATABLE, Transient, 5),
            (WRITE, UnknownOutcome, 1),
        ]:
            error, world = outcome(call, page)
            assert type(error) is kind
            assert len(world.seen) == tries

    def test_renews_a_token_once_after_a_401(self) -> None:
        refused: list[Mapping[str, str]] = []

        def renew(headers: Mapping[str, str]) -> bool:
            refused.append(headers)
            return True

        world = World([says(401), ok()])
        assert world.http(renew=renew).send(WRITE).status == 200
        with pytest.raises(Unauthorised):
            World([says(401)]).http(renew=renew).send(WRITE)
        assert refused == 2 * [{"X-Shopify-Access-Token": TOKEN}]

    def test_hides_a_secret_of_the_content_that_the_answer_repeats(self) -> None:
        call = Call("login", json={"app": "hush-hush-hush"}, hidden=("hush-hush-hush", ""))

        error, _ = outcome(call, says(400, '{"error": "not hush-hush-hush"}'))

        assert str(error) == "shopify demo login: status 400: not ***"

    @given(
        st.integers(300, 599), st.binary(max_size=50), st.sampled_from(["application/json", "text/html", ""])
    )
    def test_any_answer_ends_in_an_error_of_one_readable_line(
        self, status: int, body: bytes, kind: str
    ) -> None:
        error, _ = outcome(READ, httpx.Response(status, content=body, headers={"content-type": kind}))
        assert str(error).startswith(f"shopify demo products: status {status}")
        assert str(error).isprintable()


class TestBody:
    def test_html_with_status_200_names_its_kind(self) -> None:
        error, world = outcome(READ, says(200, "<html>Shop is\nasleep</html>", "text/html; charset=utf-8"))
        assert isinstance(error, Malformed)
        assert "text/html: <html>Shop is asleep</html>" in str(error)
        assert len(world.seen) == 1

    @pytest.mark.parametrize("text", ['{"data": {"shop"', "", "NaN", '{"a": Infinity}', "\x80"])
    def test_json_that_cannot_be_read_is_asked_for_again_then_malformed(self, text: str) -> None:
        error, world = outcome(READ, says(200, text))
        assert isinstance(error, Malformed)
        assert len(world.seen) == 5
        assert World([says(200, text), ok()]).http().send(READ).body == {"ok": True}

    @pytest.mark.parametrize(
        "reply", [says(200, '{"data":'), says(200, "<html>", "text/html"), says(200, "")]
    )
    def test_after_a_write_nobody_knows(self, reply: httpx.Response) -> None:
        error, world = outcome(WRITE, reply)
        assert isinstance(error, UnknownOutcome)
        assert len(world.seen) == 1

    def test_a_repeatable_write_is_simply_sent_again(self) -> None:
        assert World([says(200, '{"data":'), ok()]).http().send(REPEATABLE).status == 200


REQUEST = httpx.Request("POST", BASE)
NOT_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
LOST = [
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.WriteTimeout("slow"),
    httpx.RemoteProtocolError("cut"),
]


class TestConnection:
    @CALLS
    @pytest.mark.parametrize("failure", NOT_SENT, ids=repr)
    def test_what_was_not_sent_is_sent_again(self, call: Call, failure: Exception) -> None:
        assert World([failure, ok()]).http().send(call).status == 200
        error, world = outcome(call, failure)
        assert type(error) is Transient
        assert len(world.seen) == 5

    @pytest.mark.parametrize("failure", LOST, ids=repr)
    def test_a_lost_answer(self, failure: Exception) -> None:
        for call, kind, tries in [
            (READ, Transient, 5),
            (REPEATABLE, UnknownOutcome, 5),
            (WRITE, UnknownOutcome, 1),
        ]:
            error, world = outcome(call, failure)
            assert type(error) is kind
            assert len(world.seen) == tries

    def test_a_body_that_does_not_unpack_was_lost_too(self) -> None:
        with serving(_http(gzip.compress(b"{}")[:-4] + b"beef", "content-encoding: gzip")) as base:
            with pytest.raises(Transient):
                local(base, attempts=2).send(READ)
            with pytest.raises(UnknownOutcome):
                local(base).send(WRITE)

    def test_a_server_that_drips_is_cut_off(self) -> None:
        class Drip(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                for _ in range(100):
                    world.time += 1
                    yield b" "

        world = World([])
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip()))
        http = Http(
            BASE, system="s", account="a", client=httpx.Client(transport=transport), clock=lambda: world.time
        )
        with pytest.raises(UnknownOutcome, match="took too long"):
            http.send(WRITE)
        assert 30 <= world.time <= 32

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            base = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Transient, match="could not connect"):
            local(base).send(WRITE)

    @pytest.mark.parametrize(
        "raw", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"garbage\r\n\r\n"]
    )
    def test_cut_for_real(self, raw: bytes) -> None:
        with serving(raw) as base:
            with pytest.raises(UnknownOutcome):
                local(base).send(WRITE)
            with pytest.raises(Transient):
                local(base).send(READ)

    def test_a_time_out_for_real(self) -> None:
        with serving(None) as base, pytest.raises(UnknownOutcome, match="ReadTimeout"):
            local(base, timeout=0.2).send(WRITE)


def local(base: str, *, attempts: int = 1, timeout: float = 5.0) -> Http:
    patience = Patience(attempts=attempts, base_delay=0, timeout=timeout)
    return Http(base, system="shopify", account="demo", patience=patience, headers=lambda: {"x-token": TOKEN})


def _http(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body


@contextmanager
def serving(raw: bytes | None) -> Iterator[str]:
    """A socket that answers every request with these bytes and hangs up; None: says nothing."""
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                if raw is None:
                    done.wait(5)
                else:
                    connection.sendall(raw)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        thread = threading.Thread(target=lambda: [serve() for _ in iter(done.is_set, True)])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            done.set()
            thread.join(10)


class TestRetry:
    def test_waits_longer_each_time(self) -> None:
        world = World([says(503)])
        with pytest.raises(Transient):
            world.http(chance=1.0).send(READ)
        assert world.slept == [1, 2, 4, 8]

    @given(st.floats(0, 1), st.integers(1, 9), st.floats(0, 10), st.floats(10, 60))
    def test_jitters_between_half_and_whole(
        self, chance: float, attempts: int, base: float, most: float
    ) -> None:
        world = World([says(503)])
        patience = Patience(attempts=attempts, base_delay=base, max_delay=most, total=1e9)
        with pytest.raises(Transient):
            world.http(chance=chance, patience=patience).send(READ)
        assert len(world.seen) == attempts
        for number, slept in enumerate(world.slept):
            full = min(most, base * 2**number)
            assert full / 2 <= slept <= full

    def test_is_bounded_in_time(self) -> None:
        world = World([says(503)])
        with pytest.raises(Transient):
            world.http(patience=Patience(attempts=1000, total=100)).send(READ)
        assert 60 < world.time <= 100

    def test_does_not_begin_a_wait_it_cannot_finish(self) -> None:
        error, world = outcome(READ, says(429, retry_after="3600"))
        assert isinstance(error, RateLimited)
        assert error.retry_after == 3600
        assert world.slept == []

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("2.0", 2.0),
            (" 7 ", 7.0),
            ("Thu, 01 Oct 2026 12:00:09 GMT", 9.0),
            ("Thu, 01 Oct 2026 11:00:00 GMT", 0.0),
            ("-3", 0.0),
        ],
    )
    def test_waits_as_told(self, text: str, seconds: float) -> None:
        world = World([says(503, retry_after=text, date="Thu, 01 Oct 2026 12:00:00 GMT"), ok()])
        world.http().send(READ)
        assert world.slept == [seconds]

    @pytest.mark.parametrize("text", ["soon", "nan", "inf", "", "1e999", "Fri, 31 Dec 9999 23:59:59 -2300"])
    def test_nonsense_is_not_waited_for(self, text: str) -> None:
        world = World([says(429, retry_after=text), ok()])
        world.http(chance=1.0).send(READ)
        assert world.slept == [1.0]

    def test_the_last_error_is_raised(self) -> None:
        error, _ = outcome(READ, says(503), says(502), says(404))
        assert isinstance(error, Refused)

    def test_says_in_the_log_what_it_waits_for(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, logger="connectors.http"):
            World([says(429, retry_after="2"), ok()]).http().send(READ)
        assert caplog.messages == ["shopify demo products: status 429: {}; attempt 2 of 5 in 2.0 s"]


class TestCheck:
    def test_takes_part_in_the_retry(self) -> None:
        def check(call: Call, answer: Answer) -> None:
            if as_object(answer.body, call.operation).get("throttled"):
                raise RateLimited("the bucket was empty", retry_after=1.5)

        world = World([ok({"throttled": True}), ok({"throttled": False})])
        http = world.http(check=check)
        assert http.send(WRITE).body == {"throttled": False}
        assert world.slept == [1.5]
        assert http.usage.throttled == 1

    def test_its_errors_are_named_and_cleaned(self) -> None:
        def check(_call: Call, _answer: Answer) -> None:
            raise Refused(f"no\nway with {TOKEN} and plainpassword", complaints=[])

        with pytest.raises(Refused) as caught:
            World([ok()]).http(check=check, headers=lambda: {"x": "plainpassword"}).send(WRITE)
        assert str(caught.value) == "shopify demo setQuantities: no way with *** and ***"
        assert (caught.value.system, caught.value.account, caught.value.operation) == (
            "shopify",
            "demo",
            "setQuantities",
        )

    def test_an_unknown_outcome_is_sent_again_only_if_repeatable(self) -> None:
        def check(_call: Call, answer: Answer) -> None:
            if answer.body == {"lost": True}:
                raise UnknownOutcome("internal error")

        replies: list[Reply] = [ok({"lost": True}), ok()]
        assert World(replies).http(check=check).send(REPEATABLE).body == {"ok": True}
        with pytest.raises(UnknownOutcome):
            World(replies).http(check=check).send(WRITE)


class TestSigning:
    def test_happens_anew_with_each_attempt_by_its_final_url(self) -> None:
        world = World([says(503), says(503), ok()])
        asked: list[tuple[str, str]] = []

        def sign(method: str, url: str) -> Mapping[str, str]:
            asked.append((method, url))
            return {"Authorization": f"OAuth {len(asked)}"}

        call = Call("list", "lots", "GET", params={"status": "Y,-S"})
        world.http(sign=sign).send(call)
        assert asked == [("GET", str(request.url)) for request in world.seen]
        assert asked[0][1] == f"{BASE}/lots?status=Y%2C-S"
        assert [request.headers["authorization"] for request in world.seen] == [
            "OAuth 1",
            "OAuth 2",
            "OAuth 3",
        ]

    def test_leaves_what_it_sent_out_of_errors(self) -> None:
        header = 'OAuth oauth_consumer_key="C0FFEE0123", oauth_signature="abc%2Fdef123"'
        world = World([says(401, '{"error": "unknown consumer C0FFEE0123"}')])
        with pytest.raises(Unauthorised) as caught:
            world.http(sign=lambda _method, _url: {"Authorization": header}).send(READ)
        assert "unknown consumer" in str(caught.value)
        assert "C0FFEE0123" not in str(caught.value)


class TestSpending:
    def test_is_asked_before_every_attempt(self) -> None:
        world = World([says(503), ok()])
        spent: list[tuple[str, int]] = []
        call = replace(READ, lane="falls")
        world.http(spend=lambda call: spent.append((call.lane, len(world.seen)))).send(call)
        assert spent == [("falls", 0), ("falls", 1)]

    def test_ends_a_call_of_which_there_are_no_more(self) -> None:
        world = World([ok()])
        until = datetime(2026, 11, 22, tzinfo=UTC)

        def spend(_: Call) -> None:
            raise BudgetSpent("no calls left", free_at=until)

        with pytest.raises(BudgetSpent) as caught:
            world.http(spend=spend).send(WRITE)
        assert (caught.value.free_at, caught.value.operation) == (until, "setQuantities")
        assert (world.seen, world.slept) == ([], [])


class TestJudging:
    def test_comes_before_the_status_is_judged(self) -> None:
        def judge(_: Call, answer: Answer) -> None:
            raise Refused(f"own words for {answer.status}")

        for status in (200, 401, 503):
            world = World([says(status)])
            with pytest.raises(Refused, match=f"own words for {status}"):
                world.http(judge=judge).send(WRITE)
            assert len(world.seen) == 1

    def test_may_ask_for_another_attempt(self) -> None:
        world = World([says(401), ok()])

        def judge(_: Call, answer: Answer) -> None:
            if answer.status == 401:
                raise Transient("not yet")

        world.http(judge=judge).send(WRITE)
        assert len(world.seen) == 2


class TestPersonalAnswers:
    @pytest.mark.parametrize(
        "reply", [says(200, '{"buyer": "Ann'), says(422, '{"error": "Ann"}'), says(200, "Ann", "text/html")]
    )
    def test_are_not_quoted(self, reply: httpx.Response) -> None:
        with pytest.raises(ConnectorError) as caught:
            World([reply]).http().send(replace(READ, personal=True))
        assert "Ann" not in f"{caught.value}{caught.value.__cause__}"


class TestWritesOff:
    def test_sends_reads_only(self) -> None:
        world = World([ok()])
        http = world.http(writes_off=True)
        http.send(READ)
        for call in (WRITE, REPEATABLE):
            with pytest.raises(
                WritesOff, match=f"EVENSTOCK_WRITES=off: shopify demo {call.operation} was not sent"
            ):
                http.send(call)
        assert len(world.seen) == 1


def numbers(answer: Answer) -> tuple[Iterable[int], Call | None]:
    body = as_object(answer.body, "page")
    following = body.get("next")
    call = Call("list", params={"page": str(following)}) if following is not None else None
    return (as_int(each, "number") for each in as_list(body["numbers"], "numbers")), call


def page(values: list[int], following: int | None) -> httpx.Response:
    body: JsonObject = {"numbers": list[JsonValue](values), "next": following}
    return ok(body)


class TestPages:
    def test_reads_to_the_end(self) -> None:
        world = World([page([1, 2], 2), page([], 3), page([3], None)])
        assert list(world.http().pages(Call("list"), numbers)) == [1, 2, 3]
        assert [request.url.query for request in world.seen] == [b"", b"page=2", b"page=3"]

    def test_asks_for_a_page_only_when_it_is_wanted(self) -> None:
        world = World([page([1, 2], 2)])
        found = world.http().pages(Call("list"), numbers)
        assert world.seen == []
        assert (next(found), next(found)) == (1, 2)
        assert len(world.seen) == 1

    def test_a_page_that_names_itself_ends_the_walk_with_an_error(self) -> None:
        with pytest.raises(Malformed, match="shopify demo list: the page names itself"):
            list(World([page([1], 2)]).http().pages(Call("list"), numbers))

    def test_a_reader_that_does_not_understand_is_named(self) -> None:
        with pytest.raises(Malformed, match=r"^shopify demo list: number: expected a whole number"):
            list(World([ok({"numbers": ["x"]})]).http().pages(Call("list"), numbers))


@dataclass
class Till:
    """A pacer that keeps a book."""

    events: list[tuple[str, float]] = field(default_factory=list)

    def reserve(self, cost: float) -> float:
        self.events.append(("reserve", cost))
        return 3.0

    def learn(self, answer: Answer, cost: float) -> None:
        self.events.append((f"learn {answer.status}", cost))

    def release(self, cost: float) -> None:
        self.events.append(("release", cost))

    def points(self) -> Points | None:
        return None


class TestPacing:
    def paced(self, *replies: Reply) -> tuple[Http, Till, World]:
        world, till = World(list(replies)), Till()
        http = Http(
            BASE,
            system="shopify",
            account="demo",
            pacer=till,
            points=lambda _: 2.5,
            client=httpx.Client(transport=httpx.MockTransport(world)),
            sleep=world.sleep,
            clock=lambda: world.time,
            chance=lambda: 1.0,
        )
        return http, till, world

    def test_every_reservation_is_given_back_once(self) -> None:
        replies = [httpx.ConnectError("x"), says(503), says(200, "<", "application/json"), says(429), ok()]
        http, till, _ = self.paced(*replies)
        http.send(Call("products", cost=12))
        ends = ["release", "learn 503", "learn 200", "learn 429", "learn 200"]
        assert till.events == [(each, 12) for end in ends for each in ("reserve", end)]

    def test_counts_points_and_waits(self) -> None:
        http, _, _ = self.paced(says(503), ok())
        http.send(READ)
        assert http.usage.as_dict() == {
            "calls": 2,
            "retries": 1,
            "points": 5.0,
            "throttled": 0,
            "seconds_waited": 7.0,
        }

    def test_an_interrupted_call_gives_its_points_back(self) -> None:
        class Stop(BaseException):
            pass

        def interrupt(_: httpx.Request) -> httpx.Response:
            raise Stop

        till = Till()
        client = httpx.Client(transport=httpx.MockTransport(interrupt))
        with pytest.raises(Stop):
            Http(BASE, system="s", account="a", pacer=till, client=client).send(READ)
        assert [name for name, _ in till.events] == ["reserve", "release"]

    def test_usage_counts_the_calls_of_all_threads(self) -> None:
        http = World([ok()]).http()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: http.send(READ), range(200)))
        assert http.usage.calls == 200


Start = Callable[[str, list[tuple[str, str]]], object]


class TestFetch:
    def http(self, handler: Callable[[httpx.Request], httpx.Response]) -> Http:
        patience = Patience(attempts=3, base_delay=0)
        client = httpx.Client(transport=httpx.MockTransport(handler))
        headers = {"X-Shopify-Access-Token": TOKEN}
        return Http(
            BASE, system="shopify", account="demo", headers=lambda: headers, client=client, patience=patience
        )

    @pytest.mark.parametrize("host", ["https://files.example", "https://shop.example", "http://127.0.0.1:9"])
    def test_brings_the_bytes_without_credentials(self, host: str) -> None:
        world = World([httpx.Response(200, content=b"line 1\nline 2")])
        found = b"".join(self.http(world).fetch(f"{host}/result.jsonl?sign=x"))
        assert found == b"line 1\nline 2"
        assert TOKEN not in str(world.seen[0].headers.raw)
        assert world.seen[0].url.query == b"sign=x"

    def test_hands_on_piece_by_piece(self) -> None:
        taken: list[int] = []

        def app(_environ: dict[str, object], start: Start) -> Iterable[bytes]:
            start("200 OK", [("Content-Type", "application/jsonl")])
            for number in range(3):
                taken.append(number)
                yield b"x"

        client = httpx.Client(transport=httpx.WSGITransport(app=app))  # type: ignore[arg-type]
        pieces = Http(BASE, system="s", account="a", client=client).fetch("https://files.example/x")
        assert next(pieces) == b"x"
        assert taken[-1] < 2

    @pytest.mark.parametrize(
        "url",
        [
            "http://files.example/x",
            "ftp://127.0.0.1/x",
            "//files.example",
            "",
            "https://u:p@files.example",
            "file:///x",
        ],
    )
    def test_goes_nowhere_unsafe(self, url: str) -> None:
        world = World([ok()])
        with pytest.raises(Malformed):
            list(self.http(world).fetch(url))
        assert world.seen == []

    def test_follows_no_redirect(self) -> None:
        world = World([says(302, location="https://evil.example")])
        with pytest.raises(Refused):
            list(self.http(world).fetch("https://files.example/x"))
        assert len(world.seen) == 1

    @pytest.mark.parametrize(
        ("status", "kind", "tries"), [(403, Refused, 1), (404, Refused, 1), (503, Transient, 3)]
    )
    def test_a_status_is_no_content(self, status: int, kind: type[Exception], tries: int) -> None:
        world = World([says(status)])
        with pytest.raises(kind) as caught:
            list(self.http(world).fetch("https://files.example/x?sign=very-secret"))
        assert len(world.seen) == tries
        assert "very-secret" not in str(caught.value)

    def test_a_download_cut_in_the_middle_says_so(self) -> None:
        with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf") as base:
            pieces = local(base).fetch(f"{base}/x")
            assert next(pieces) == b"half"
            with pytest.raises(Transient, match=r"^shopify demo download: the answer was lost"):
                next(pieces)

    @pytest.mark.parametrize("start", [1, 4, 11, 12])
    def test_goes_on_behind_what_is_known(self, start: int) -> None:
        whole = b"hello world!"
        part = {"content-range": f"bytes {start}-11/12"}
        for reply in (
            httpx.Response(206, content=whole[start:], headers=part),
            httpx.Response(200, content=whole),
        ):
            world = World([reply])
            assert b"".join(self.http(world).fetch("https://files.example/x", start)) == whole[start:]
            assert world.seen[0].headers["range"] == f"bytes={start}-"

    @pytest.mark.parametrize("part", ["bytes 5-11/12", "bytes */12", "", "bytes x"])
    def test_takes_no_part_that_leaves_something_out(self, part: str) -> None:
        world = World([httpx.Response(206, content=b"world!", headers={"content-range": part})])
        with pytest.raises(Malformed, match="part of a file"):
            list(self.http(world).fetch("https://files.example/x", 4))


class TestUpload:
    def form(self, content: bytes = b"line 1\n", url: str = "https://files.example/up?sign=x") -> Upload:
        fields = [("Content-Type", "text/jsonl"), ("zeta", "1"), ("alpha", "2"), ("key", "tmp/x")]
        return Upload(url, fields, "x.jsonl", "text/jsonl", io.BytesIO(content))

    def test_sends_the_fields_in_their_order_and_the_file_last(self) -> None:
        world = World([httpx.Response(201, content=b"<xml/>")])
        world.http().upload(self.form())
        (request,) = world.seen
        names = re.findall(rb'; name="([^"]+)"', request.content)
        assert names == [b"Content-Type", b"zeta", b"alpha", b"key", b"file"]
        assert b"line 1\n" in request.content
        assert TOKEN not in str(request.headers.raw)
        assert int(request.headers["content-length"]) == len(request.content)

    def test_sends_the_whole_file_again_after_what_passes(self) -> None:
        world = World([says(503), httpx.ReadError("cut"), says(429), ok()])
        world.http().upload(self.form(b"x" * 100_000))
        assert [request.content.count(b"x" * 100_000) for request in world.seen] == [1] * 4

    def test_a_refusal_is_told_without_the_signature(self) -> None:
        world = World([says(403)])
        with pytest.raises(Refused, match="upload: status 403") as caught:
            world.http().upload(self.form(url="https://files.example/up?sign=very-secret"))
        assert "very-secret" not in f"{caught.value!r}{self.form()!r}"

    def test_goes_nowhere_unsafe_and_follows_no_redirect(self) -> None:
        world = World([says(302, location="https://evil.example")])
        with pytest.raises(Malformed):
            world.http().upload(self.form(url="http://files.example/x"))
        with pytest.raises(Refused):
            world.http().upload(self.form())
        assert len(world.seen) == 1

    def test_is_a_write(self) -> None:
        world = World([ok()])
        with pytest.raises(WritesOff):
            world.http(writes_off=True).upload(self.form())
        assert world.seen == []


class TestStarts:
    START = Call("bulkOperationRunQuery", starts=True)

    def test_may_be_sent_while_writes_are_off(self) -> None:
        world = World([ok()])
        assert world.http(writes_off=True).send(self.START).status == 200

    @pytest.mark.parametrize("reply", [says(502), says(200, "<"), httpx.ReadError("cut")])
    def test_are_not_sent_twice(self, reply: Reply) -> None:
        world = World([reply])
        with pytest.raises(UnknownOutcome):
            world.http().send(self.START)
        assert len(world.seen) == 1


class TestLatency:
    def test_is_the_average_of_answers(self) -> None:
        world = World([ok()])
        http = world.http()
        assert http.usage.latency is None
        http.usage.answered(1.0)
        http.usage.answered(3.0)
        assert http.usage.latency == 2.0

    def test_a_pause_is_counted_as_a_wait(self) -> None:
        world = World([ok()])
        http = world.http()
        http.pause(2.5)
        assert (world.slept, http.usage.seconds_waited) == ([2.5], 2.5)


class TestSecrets:
    FAILURES = (
        says(401, json.dumps({"errors": f"Invalid access token {TOKEN} or hunter2-hunter2"})),
        says(500, f"<html>{TOKEN} hunter2-hunter2</html>", "text/html"),
        says(200, f'{{"access_token": "{TOKEN}", "x": "hunter2-hunter2'),
        httpx.ReadError(f"POST https://shop.example/?access_token={TOKEN}"),
    )

    @pytest.mark.parametrize("reply", FAILURES, ids=["401", "500", "garbled", "cut"])
    @CALLS
    def test_are_in_no_error_and_no_log(
        self, call: Call, reply: Reply, caplog: pytest.LogCaptureFixture
    ) -> None:
        headers = {"X-Shopify-Access-Token": TOKEN, "Authorization": "Basic hunter2-hunter2"}
        with caplog.at_level(logging.DEBUG), pytest.raises(ConnectorError) as caught:
            World([reply]).http(headers=lambda: headers).send(call)
        shown = f"{caught.value!r} {caught.value} {vars(caught.value)} {caplog.text}"
        assert TOKEN not in shown
        assert "hunter2" not in shown

    @given(st.integers(0, 320))
    def test_are_in_no_half(self, before: int) -> None:
        world = World([says(200, "x" * before + " hunter2-hunter2", "text/plain")])
        with pytest.raises(Malformed) as caught:
            world.http(headers=lambda: {"x": "hunter2-hunter2"}).send(READ)
        assert "hunter2" not in str(caught.value)

    def test_are_in_no_line_that_httpx_and_httpcore_log(self, caplog: pytest.LogCaptureFixture) -> None:
        raw = _http(b"{}", f"set-cookie: session={TOKEN}", f"x-next: https://x.example/?token={TOKEN}")
        with caplog.at_level(logging.DEBUG), serving(raw) as base:
            local(base).send(Call("x", "path/x", params={"api_key": "hunter2-hunter2"}))
        assert "/path/x" in caplog.text
        assert "httpcore" in caplog.text
        assert TOKEN not in caplog.text
        assert "hunter2" not in caplog.text

    def test_are_in_no_repr(self) -> None:
        http = World([ok({"access_token": TOKEN})]).http()
        call = Call("token", json={"client_secret": TOKEN}, form={"a": TOKEN}, params={"key": TOKEN})
        assert TOKEN not in f"{http!r} {http.send(call)!r} {call!r} {http.usage!r}"

    def test_cookies_are_not_kept(self) -> None:
        http = local("https://shop.example")
        response = httpx.Response(200, headers={"set-cookie": "a=b"}, request=REQUEST)
        http._client.cookies.extract_cookies(response)
        assert not http._client.cookies

    def test_the_client_is_closed_with_its_owner(self) -> None:
        with local("https://shop.example") as http:
            pass
        assert http._client.is_closed


class TestLent:
    CALL = Call("login", "login.json")

    def test_a_foreign_client_sends_to_the_base_url_only(self) -> None:
        world = World([ok({"fine": True})])

        with world.http().lend(self.CALL) as client:
            answer = client.post("https://elsewhere.example/x", json={"a": 1})

        assert (answer.status_code, answer.json()) == (200, {"fine": True})
        assert str(world.seen[0].url) == f"{BASE}/login.json"
        assert json.loads(world.seen[0].content) == {"a": 1}

    def test_its_calls_are_retried_and_counted(self) -> None:
        world = World([says(503), ok()])
        http = world.http()

        with http.lend(self.CALL) as client:
            client.post("https://elsewhere.example/", json={})

        assert (http.usage.calls, http.usage.retries) == (2, 1)

    def test_it_raises_our_errors(self) -> None:
        with World([says(400)]).http().lend(self.CALL) as client, pytest.raises(Refused, match="login"):
            client.post("https://elsewhere.example/", json={})
