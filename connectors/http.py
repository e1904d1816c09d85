"""The one place where Evenstock speaks HTTP: calls, paging, retries, pacing, time-outs, errors, counts.

A connector describes a call (`Call`), this module sends it and hands back what was heard (`Answer`), or
raises an error of `connectors.errors` that says what to do about it. What makes a call fail, in short:

    surely not sent, 408, 429                   Transient, RateLimited    sent again
    5xx, cut, timed out: a read                 Transient                 sent again
    5xx, cut, timed out, garbled: a write       UnknownOutcome            never sent again, unless repeatable
    401, 402, 403, 423, 430                     Unauthorised
    3xx and every other 4xx                     Refused
    not JSON                                    Malformed                 a garbled read is asked for again
"""

import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from math import isfinite
from ssl import SSLContext
from types import TracebackType
from typing import IO, Protocol, Self, TypeVar

import httpx
from tenacity import RetryCallState, Retrying

from connectors import redaction
from connectors.errors import (
    Complaint,
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
from connectors.records import JsonObject, JsonValue
from connectors.settings import is_loopback

T = TypeVar("T")

logger = logging.getLogger(__name__)


# ------------------------------------------------------------------ what is said and heard


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a system. Its content stays out of its repr, as it may hold a secret."""

    operation: str
    """The name in counts, logs and errors: a root field, or `METHOD /path` with placeholders."""
    path: str = ""
    """Joined to the base URL; whoever puts text into it quotes it."""
    method: str = "POST"
    json: JsonObject | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    writes: bool = False
    """A lost answer becomes `UnknownOutcome`, and EVENSTOCK_WRITES=off refuses the call."""
    starts: bool = False
    """A lost answer becomes `UnknownOutcome`, but nothing is written: it only makes the system work."""
    repeatable: bool = False
    """A write or start that may simply be sent again after a lost answer."""
    cost: float = 1.0
    """Points to reserve before sending."""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """Secrets of its content, which an error must not show even if the answer repeats them."""
    lane: str = ""
    """What the call is for, where an account has a budget of calls."""
    personal: bool = False
    """Its answer holds personal data, so that no error may quote it."""
    timeout: float | None = None
    """Seconds until the whole answer must be there; None: as patience says."""

    @property
    def has_effect(self) -> bool:
        """Whether it matters that nobody knows how it ended."""
        return self.writes or self.starts


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system answered. `at` is the moment by its own clock (Date), else by ours; aware, UTC.

    `seconds`: from its request to its end.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: JsonValue = field(repr=False)
    at: datetime
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Upload:
    """A form with one file, for a URL that came out of an answer. Its content stays out of its repr."""

    url: str = field(repr=False)
    fields: Sequence[tuple[str, str]] = field(repr=False)
    """Sent in this order, before the file."""
    name: str
    kind: str
    content: IO[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Points:
    """A limit by points as it is known now: how many may be spent at once, and how many return a second."""

    level: float
    rate: float


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try: seconds, except `attempts`.

    `total` bounds a call with all its retries, but for the wait for points, which is no failure; the last
    attempt may end up to `timeout` later.
    """

    attempts: int = 5
    base_delay: float = 1.0
    max_delay: float = 30.0
    total: float = 180.0
    timeout: float = 30.0


class Pacer(Protocol):
    """Lets calls through as fast as a system's limit allows. Shared by threads."""

    def reserve(self, cost: float) -> float:
        """Block until a call of this cost may be sent; the seconds waited."""

    def learn(self, answer: Answer, cost: float) -> None:
        """Take in an answer and give the reservation back. Never raises, whatever the body is."""

    def release(self, cost: float) -> None:
        """Give the reservation of a call back that never got an answer."""

    def points(self) -> Points | None:
        """What the limit allows now; None while that is not known."""


class Unpaced:
    """The pacer of a system without a known limit."""

    def reserve(self, cost: float) -> float:  # noqa: ARG002
        """Never waits."""
        return 0.0

    def learn(self, answer: Answer, cost: float) -> None:
        """Nothing to learn."""

    def release(self, cost: float) -> None:
        """Nothing to give back."""

    def points(self) -> Points | None:
        """There is no limit to know."""
        return None


@dataclass
class Usage:
    """What the calls of one `Http` amounted to. Every request counts as a call, retries too."""

    calls: int = 0
    retries: int = 0
    points: float = 0.0
    throttled: int = 0
    seconds_waited: float = 0.0
    answers: int = 0
    seconds_answering: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _here: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def add(
        self,
        *,
        calls: int = 0,
        retries: int = 0,
        points: float = 0.0,
        throttled: int = 0,
        seconds_waited: float = 0.0,
    ) -> None:
        """Count something; safe from several threads."""
        with self._lock:
            self.calls += calls
            self.retries += retries
            self.points += points
            self.throttled += throttled
            self.seconds_waited += seconds_waited
        self._here.calls = self.calls_here + calls

    @property
    def calls_here(self) -> int:
        """The calls of the thread that asks."""
        found: int = getattr(self._here, "calls", 0)
        return found

    def answered(self, seconds: float) -> None:
        """One answer that took so long."""
        with self._lock:
            self.answers += 1
            self.seconds_answering += seconds

    @property
    def latency(self) -> float | None:
        """Seconds from a request to its answer, on average; None before the first one."""
        with self._lock:
            return self.seconds_answering / self.answers if self.answers else None

    def as_dict(self) -> dict[str, int | float]:
        """What is reported, at one moment."""
        with self._lock:
            return {
                "calls": self.calls,
                "retries": self.retries,
                "points": self.points,
                "throttled": self.throttled,
                "seconds_waited": round(self.seconds_waited, 3),
            }


# ------------------------------------------------------------------ the loop


@dataclass(slots=True)
class _Course:
    """How one call is going: since when, how long it only waited for points, what must never be shown."""

    call: Call
    started: float
    queued: float = 0.0
    renewed: bool = False
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: set[str] = field(default_factory=set, repr=False)


def _accept(call: Call, answer: Answer) -> None:
    """The check of a system whose answers need none."""


def _unsigned(method: str, url: str) -> Mapping[str, str]:  # noqa: ARG001
    return {}


def _as_it_is(call: Call) -> Call:
    return call


def _unlimited(call: Call) -> None:
    """The budget of a system that counts no calls."""


def _free(answer: Answer) -> float:  # noqa: ARG001
    return 0.0


def _never(refused: Mapping[str, str]) -> bool:  # noqa: ARG001
    return False


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Http:
    """The connection to one account of one system. May be shared by threads.

    `headers` gives the credentials; they are asked for with each request and go to the base URL only.
    `sign` gives more headers for a method and a final URL, anew with each attempt, right before it is sent.
    `prepare` gives a call as it is sent, anew with each attempt: for credentials and signatures among its
    parameters; what they are belongs into the call's `hidden`.
    `spend` is asked before each attempt; what it raises ends the call, nothing sent.
    `judge` is the system's own reading of an answer whatever its status, before that status is judged here;
    `check` the same, of an answer of status 2xx only. What they raise takes part in the retry.
    `renew` is asked once a call after a 401, with the headers that were refused: true means that `headers`
    has others now.
    Raises ConfigurationError unless the base URL is https, or http to this machine.
    """

    def __init__(
        self,
        base_url: str,
        *,
        system: str,
        account: str,
        headers: Callable[[], Mapping[str, str]] = dict,
        sign: Callable[[str, str], Mapping[str, str]] = _unsigned,
        prepare: Callable[[Call], Call] = _as_it_is,
        spend: Callable[[Call], None] = _unlimited,
        judge: Callable[[Call, Answer], None] = _accept,
        check: Callable[[Call, Answer], None] = _accept,
        points: Callable[[Answer], float] = _free,
        renew: Callable[[Mapping[str, str]], bool] = _never,
        patience: Patience = Patience(),
        pacer: Pacer | None = None,
        writes_off: bool = False,
        client: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        redaction.install()
        self.system = system
        self.account = account
        self.usage = Usage()
        self._base = _base(base_url, f"{system} {account}")
        self._headers = headers
        self._signature = sign
        self._prepare = prepare
        self._spend = spend
        self._own_judgement = judge
        self._check = check
        self._points = points
        self._renew = renew
        self._patience = patience
        self._pacer = pacer or Unpaced()
        self._writes_off = writes_off
        self._client = client or _client(self._base)
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._chance = chance

    def __repr__(self) -> str:
        return f"Http({self.system} {self.account} at {self._base.host})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, call: Call) -> Answer:
        """Send a call until it is answered, for as long as patience lasts.

        Raises WritesOff before a write if writes are off, else errors of `connectors.errors` as drawn in this
        module's docstring; after the last attempt that attempt's own error.
        """
        self._permit(call)
        course = _Course(call, started=self._clock())
        return self._retrying(course)(self._attempt, course)

    def _permit(self, call: Call) -> None:
        if call.writes and self._writes_off:
            raise WritesOff(f"EVENSTOCK_WRITES=off: {self._title(call)} was not sent")

    def pages(self, first: Call, read: Callable[[Answer], tuple[Iterable[T], Call | None]]) -> Iterator[T]:
        """Everything on all pages: `read` finds what is on one, and the call for the next or None.

        Raises what `send` raises, and Malformed if a page names itself as the next.
        """
        call: Call | None = first
        while call is not None:
            answer = self.send(call)
            with self._signed(call):
                found, following = read(answer)
                yield from found
                if following == call:
                    raise Malformed("the page names itself as the next one")
            call = following

    def fetch(self, url: str, start: int = 0) -> Iterator[bytes]:
        """The bytes behind a URL that came out of an answer, in pieces; without credentials or redirects.

        `start`: so many of them are known from a download that was cut and are left out; the server is asked
        to leave them out itself. Raises Malformed unless the URL is https, or http to this machine, Refused
        for every status 4xx and Transient for what may work in a moment.
        """
        call = Call("download", method="GET")
        course = _Course(call, started=self._clock())
        with self._signed(call):
            target = _foreign(url)
        response = self._retrying(course)(self._open, course, target, start)
        with self._signed(call), _transport(call), closing(response):
            yield from _behind(response.iter_bytes(), start - _begins(response))

    def upload(self, form: Upload) -> None:
        """Send a file to a URL that came out of an answer; without credentials or redirects.

        Raises WritesOff if writes are off, else what `fetch` raises; sent again like a repeatable write.
        """
        call = Call("upload", writes=True, repeatable=True)
        self._permit(call)
        course = _Course(call, started=self._clock())
        with self._signed(call):
            target = _foreign(form.url)
        self._retrying(course)(self._send_file, course, target, form).close()

    def pause(self, seconds: float) -> None:
        """Wait for a system to get on with its work."""
        self.usage.add(seconds_waited=seconds)
        self._sleep(seconds)

    def elapsed(self) -> float:
        """Seconds since some moment: for measuring how long something took."""
        return self._clock()

    @property
    def points_left(self) -> Points | None:
        """What the account's limit allows now, as far as it is known."""
        return self._pacer.points()

    def lend(self, call: Call) -> httpx.Client:
        """A client for a vendor's package that sends by itself: what it posts leaves as the JSON of `call`.

        It goes to the base URL, whatever host the package names, and by `send`: counted, retried and
        redacted as every other call. It raises what `send` raises, so the package sees answers 2xx only.
        """
        return httpx.Client(transport=_Lent(self, call), trust_env=False)

    # ---------------------------------------------------------------- one attempt

    def _attempt(self, course: _Course) -> Answer:
        with self._signed(course.call, course.secrets):
            return self._answered(course)

    def _answered(self, course: _Course) -> Answer:
        """Reserve, send, learn, judge; with new credentials once more after a 401."""
        call = course.call
        answer, problem = self._paced(course)
        if answer.status == 401 and not course.renewed and self._renew(course.credentials):
            course.renewed = True
            return self._answered(course)
        self._own_judgement(call, answer)
        _judge(call, answer, self._now())
        if problem:
            raise _unreadable(call, problem)
        self._check(call, answer)
        return answer

    def _paced(self, course: _Course) -> tuple[Answer, Exception | None]:
        """An answer, and what kept its body from being read. The reservation is given back in any case."""
        cost = course.call.cost
        waited = self._pacer.reserve(cost)
        course.queued += waited
        try:
            request = self._request(course)
            self._spend(course.call)
            self.usage.add(calls=1, seconds_waited=waited)
            answer, problem = self._exchange(course.call, request)
        except BaseException:
            self._pacer.release(cost)
            raise
        self._pacer.learn(answer, cost)
        self.usage.add(points=self._points(answer))
        return answer, problem

    def _exchange(self, call: Call, request: httpx.Request) -> tuple[Answer, Exception | None]:
        sent_at = self._clock()
        deadline = sent_at + self._seconds(call)
        with _transport(call):
            # auth=None also keeps credentials of a client given to us away.
            response = self._client.send(request, auth=None, follow_redirects=False, stream=True)
            with closing(response):
                content = b"".join(self._before(deadline, response.iter_bytes()))
        seconds = self._clock() - sent_at
        self.usage.answered(seconds)
        body, problem = _decoded(response, content, quoted=not call.personal)
        answer = Answer(response.status_code, dict(response.headers), body, self._moment(response), seconds)
        return answer, problem

    def _before(self, deadline: float, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces of an answer. A server that drips them would never run into httpx's own time-out."""
        for piece in pieces:
            if self._clock() > deadline:
                raise httpx.ReadTimeout("the answer took too long")
            yield piece

    def _request(self, course: _Course) -> httpx.Request:
        call = self._prepare(course.call)
        course.credentials = credentials = self._carried(self._headers())
        course.secrets |= _secrets(credentials) | {secret for secret in call.hidden if secret}
        url = f"{str(self._base).rstrip('/')}/{call.path.lstrip('/')}" if call.path else str(self._base)
        content = None if call.json is None else json.dumps(call.json, allow_nan=False).encode()
        kind = {} if content is None else {"content-type": "application/json"}
        request = self._client.build_request(
            call.method,
            url,
            params=dict(call.params) or None,
            content=content,
            data=None if call.form is None else dict(call.form),
            headers={"accept": "application/json", "user-agent": "evenstock", **kind, **credentials},
            timeout=httpx.Timeout(self._seconds(call), connect=min(CONNECT, self._seconds(call))),
        )
        signature = self._carried(self._signature(request.method, str(request.url)))
        course.secrets |= _secrets(signature)
        request.headers.update(signature)
        return request

    def _seconds(self, call: Call) -> float:
        return self._patience.timeout if call.timeout is None else call.timeout

    def _carried(self, given: Mapping[str, str]) -> dict[str, str]:
        """Headers that carry credentials."""
        credentials = dict(given)
        # httpx and h11 would show the value in their own error.
        if not all(value.isascii() and value.isprintable() for value in credentials.values()):
            raise ConfigurationError(
                f"{self.system} {self.account}: a credential has characters no header can carry"
            )
        return credentials

    def _open(self, course: _Course, url: httpx.URL, start: int) -> httpx.Response:
        """The answer to a download, its bytes not read yet."""
        behind = {"range": f"bytes={start}-"} if start else {}
        return self._stranger(course, httpx.Request("GET", url, headers=_ANONYMOUS | behind))

    def _send_file(self, course: _Course, url: httpx.URL, form: Upload) -> httpx.Response:
        form.content.seek(0)
        file = {"file": (form.name, form.content, form.kind)}
        request = httpx.Request("POST", url, data=dict(form.fields), files=file, headers=_ANONYMOUS)
        return self._stranger(course, request)

    def _stranger(self, course: _Course, request: httpx.Request) -> httpx.Response:
        """Send a request to whoever an answer named: nothing that belongs to the account goes along."""
        self.usage.add(calls=1)
        request.extensions["timeout"] = httpx.Timeout(self._patience.timeout).as_dict()
        with self._signed(course.call):
            with _transport(course.call):
                response = self._client.send(request, auth=None, follow_redirects=False, stream=True)
            if not response.is_success:
                response.close()
                answer = Answer(response.status_code, dict(response.headers), None, self._moment(response))
                _judge_stranger(answer, self._now())
        return response

    def _moment(self, response: httpx.Response) -> datetime:
        return _http_date(response.headers.get("date", "")) or self._now()

    # ---------------------------------------------------------------- retries

    def _retrying(self, course: _Course) -> Retrying:
        return Retrying(
            retry=lambda state: _again(course.call, _error(state)),
            wait=self._delay,
            stop=lambda state: self._over(course, state),
            before_sleep=self._before_sleep,
            sleep=self._sleep,
            reraise=True,
        )

    def _delay(self, state: RetryCallState) -> float:
        """The server's own wait, else a doubling one; with jitter, so that threads do not return as one."""
        patience = self._patience
        error = _error(state)
        if isinstance(error, Transient) and error.retry_after is not None:
            return error.retry_after + self._chance() * min(patience.base_delay, 1.0)
        delay = min(patience.max_delay, patience.base_delay * 2.0 ** (state.attempt_number - 1))
        return delay * (0.5 + self._chance() / 2)

    def _over(self, course: _Course, state: RetryCallState) -> bool:
        spent = self._clock() - course.started - course.queued
        return (
            state.attempt_number >= self._patience.attempts
            or spent + state.upcoming_sleep > self._patience.total
        )

    def _before_sleep(self, state: RetryCallState) -> None:
        self.usage.add(retries=1, seconds_waited=state.upcoming_sleep)
        logger.warning(
            "%s; attempt %d of %d in %.1f s",
            _error(state),
            state.attempt_number + 1,
            self._patience.attempts,
            state.upcoming_sleep,
        )

    # ---------------------------------------------------------------- texts

    def _title(self, call: Call) -> str:
        return f"{self.system} {self.account} {call.operation}"

    @contextmanager
    def _signed(self, call: Call, secrets: Iterable[str] = ()) -> Iterator[None]:
        """Errors that pass get one line that names system, account and operation, and no secret."""
        try:
            yield
        except ConnectorError as error:
            if isinstance(error, RateLimited) and not error.operation:
                self.usage.add(throttled=1)
            self._sign(error, call, secrets)
            raise

    def signed(self, error: ConnectorError, call: Call) -> ConnectorError:
        """What one part of an answer means, worded like the errors that are raised."""
        self._sign(error, call, ())
        return error

    def _sign(self, error: ConnectorError, call: Call, secrets: Iterable[str]) -> None:
        """Those of others, such as a ledger that keeps the pace or the budget, stay theirs."""
        if error.operation or error.system not in {"", self.system}:
            return
        secrets = {*secrets, *call.hidden}
        error.system, error.account, error.operation = self.system, self.account, call.operation
        error.args = (f"{self._title(call)}: {_clean(str(error), secrets)}",)
        if isinstance(error, Refused):
            shown = (replace(each, message=_clean(each.message, secrets)) for each in error.complaints)
            error.complaints = tuple(shown)


class _Lent(httpx.BaseTransport):
    """Hands requests of a foreign client to an `Http`."""

    def __init__(self, http: Http, call: Call) -> None:
        self._http = http
        self._call = call

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._http.send(replace(self._call, json=json.loads(request.content)))
        return httpx.Response(answer.status, json=answer.body)


# ------------------------------------------------------------------ judgement


def _clean(text: str, secrets: Iterable[str]) -> str:
    """One line without what was sent as credentials, and without what looks like them."""
    for secret in filter(None, secrets):
        text = text.replace(secret, redaction.HIDDEN)
    return redaction.one_line(text)


def _secrets(credentials: Mapping[str, str]) -> set[str]:
    """What of some headers nobody may see: their values, the words in them and what stands in quotes."""
    values = credentials.values()
    words = {part for value in values for part in (value, *value.split(), *_QUOTED.findall(value))}
    return {word for word in words if len(word) > 7}


_QUOTED = re.compile(r'"([^"]+)"')


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _again(call: Call, error: BaseException | None) -> bool:
    """Whether the same call may be sent again after this error."""
    if isinstance(error, UnknownOutcome):
        return call.repeatable
    # A body that could not be parsed may have been cut on its way; one of another kind was not.
    garbled = isinstance(error, Malformed) and isinstance(error.__cause__, ValueError)
    return isinstance(error, Transient) or garbled


@contextmanager
def _transport(call: Call) -> Iterator[None]:
    """Errors of the connection, by whether the call may have arrived.

    https://www.python-httpx.org/exceptions/
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise Transient(f"could not connect ({_reason(error)})") from None
    except httpx.LocalProtocolError:
        # Its text may show a header's value.
        raise ConfigurationError(
            f"{call.operation}: the request breaks the rules of HTTP and was not sent"
        ) from None
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise _lost(call, f"the answer was lost ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _lost(call: Call, text: str) -> ConnectorError:
    """A call that was sent and of which nobody knows how it ended."""
    return UnknownOutcome(f"{text}; it may have been done") if call.has_effect else Transient(text)


def _unreadable(call: Call, problem: Exception) -> ConnectorError:
    if call.has_effect:
        return _lost(call, str(problem))
    error = Malformed(str(problem))
    error.__cause__ = problem.__cause__
    return error


STOPPED = frozenset({401, 402, 403, 423, 430})
"""Statuses that say: no call of this account will succeed."""

_ENOUGH = 1000
"""Characters of a body that an error starts from. It is cut to its length only after what was sent as
credentials is out of it: half a token would not be found any more."""


def _judge(call: Call, answer: Answer, now: datetime) -> None:
    """Raise what a status other than 2xx means. https://www.rfc-editor.org/rfc/rfc9110#section-15"""
    status = answer.status
    if 200 <= status < 300:
        return
    text = f"status {status}{'' if call.personal else _excerpt(answer)}"
    if status in {408, 429}:
        raise _later(answer, text, now)
    if status >= 500:
        if call.has_effect and not call.repeatable:
            raise _lost(call, text)
        raise Transient(text, retry_after=_retry_after(answer, now))
    if status in STOPPED:
        raise Unauthorised(text)
    raise Refused(text, complaints=[Complaint(str(status), text)], is_whole=True)


def _judge_stranger(answer: Answer, now: datetime) -> None:
    """As `_judge`, but there were no credentials that could be refused."""
    text = f"status {answer.status}"
    if answer.status in {408, 429}:
        raise _later(answer, text, now)
    if answer.status >= 500:
        raise Transient(text, retry_after=_retry_after(answer, now))
    raise Refused(text, complaints=[Complaint(str(answer.status), text)])


def _later(answer: Answer, text: str, now: datetime) -> Transient:
    kind = RateLimited if answer.status == 429 else Transient
    return kind(text, retry_after=_retry_after(answer, now))


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds the server asks for: a number, also a decimal one, or a date.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = answer.headers.get("retry-after", "").strip()
    until = _http_date(text)
    if until is not None:
        # By the server's own clock, if it told the time.
        return max(0.0, (until - (_http_date(answer.headers.get("date", "")) or now)).total_seconds())
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _excerpt(answer: Answer) -> str:
    """What the body of a refusal says, in a few words."""
    if 300 <= answer.status < 400:
        return f" (a redirect to {_host(answer.headers.get('location', ''))}, which is not followed)"
    body = answer.body
    said = (
        next((body[name] for name in ("errors", "error", "message") if body.get(name)), body)
        if isinstance(body, dict)
        else body
    )
    if said is None:
        return ""
    return f": {redaction.one_line(said if isinstance(said, str) else json.dumps(said), _ENOUGH)}"


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host or "itself"
    except httpx.InvalidURL:
        return "elsewhere"


# ------------------------------------------------------------------ bodies and addresses


def _decoded(response: httpx.Response, content: bytes, *, quoted: bool) -> tuple[JsonValue, Exception | None]:
    """The JSON of a body, or why there is none: an error whose cause is a ValueError if it was garbled."""
    if response.status_code in {204, 205}:
        return None, None
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    beginning = f": {_beginning(content)}" if quoted else ""
    if not _is_json(kind):
        return None, Malformed(f"expected JSON, found {kind or 'no content type'}{beginning}")
    try:
        return _parsed(content), None
    except (ValueError, RecursionError) as error:
        problem = Malformed(f"JSON that cannot be read{beginning}")
        problem.__cause__ = error
        return None, problem


def _is_json(kind: str) -> bool:
    return kind.endswith("+json") or kind in {"application/json", "text/json", "text/javascript"}


def _parsed(content: bytes) -> JsonValue:
    body: JsonValue = json.loads(content, parse_constant=_no_number)
    return body


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _beginning(content: bytes) -> str:
    return redaction.one_line(content[: 2 * _ENOUGH].decode(errors="replace"), _ENOUGH) or "nothing"


def _base(text: str, whose: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ConfigurationError(f"{whose}: the base URL cannot be read") from None
    if not _is_safe(url) or url.query or url.fragment:
        raise ConfigurationError(
            f"{whose}: the base URL must be https, or http to this machine, without user name or query"
        )
    return url


CONNECT = 10.0
"""Seconds in which a connection has to stand."""

_ANONYMOUS = {"user-agent": "evenstock"}


def _begins(response: httpx.Response) -> int:
    """The first byte of a file that an answer holds: 0 unless the server left some out.

    https://www.rfc-editor.org/rfc/rfc9110#name-content-range
    """
    if response.status_code != 206:
        return 0
    first = response.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    if not first.isdigit():
        raise Malformed("a part of a file that does not say which part it is")
    return int(first)


def _behind(pieces: Iterable[bytes], known: int) -> Iterator[bytes]:
    """The bytes behind those that are known. Raises Malformed if some between are missing."""
    if known < 0:
        raise Malformed("a part of a file that begins too late")
    for piece in pieces:
        if len(piece) > known:
            yield piece[known:]
        known = max(0, known - len(piece))


def _foreign(text: str) -> httpx.URL:
    """A URL out of an answer, if it may be fetched."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise Malformed("the answer names a URL that cannot be read") from None
    if not _is_safe(url):
        raise Malformed(f"the answer names a URL that is not https: {url.scheme}://{url.host}")
    return url


def _is_safe(url: httpx.URL) -> bool:
    encrypted = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
    return encrypted and bool(url.host) and not url.userinfo


def _client(base: httpx.URL) -> httpx.Client:
    """A client that keeps no cookies, and reaches this machine without a proxy of the environment."""
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    trust_env = not is_loopback(base.host)
    return httpx.Client(cookies=cookies, trust_env=trust_env, verify=_authorities(trust_env=trust_env))


@cache
def _authorities(*, trust_env: bool) -> SSLContext:
    """Whom to believe that a host is who it says. Reading them takes 20 ms, for clients that live seconds."""
    return httpx.create_ssl_context(trust_env=trust_env)
