"""A Shopify store over HTTP: who may ask, what a call meets, what it costs, and what it answers.

Checks in the vendor's order: authentication, JSON, parse, validation, variables, price, bucket, execution.
"""

import math
import re
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from graphql import GraphQLError, execute

from sandbox.events import Event
from sandbox.faults import CutError, Fault
from sandbox.http import Request, Response, answer, page
from sandbox.ledger import Call
from sandbox.shopify import cost, happenings
from sandbox.shopify.bucket import PLANS, Bucket, cost_extension, max_cost_reply, throttled_reply
from sandbox.shopify.bulk import RESULTS as BULK_RESULTS
from sandbox.shopify.bulk import Bulk, BulkOperation, kept
from sandbox.shopify.bulk_fields import BULK_OPERATION
from sandbox.shopify.bulk_fields import ROOT as BULK_ROOT
from sandbox.shopify.bulk_mutation import HANDLERS as BULK_HANDLERS
from sandbox.shopify.bulk_mutation import Desk
from sandbox.shopify.bulk_query import BulkExecution
from sandbox.shopify.deliveries import Deliveries
from sandbox.shopify.documents import Errors, Prepared, RootField, prepare
from sandbox.shopify.execute import (
    Execution,
    FieldError,
    Getter,
    Served,
    Steps,
    Thing,
    UnservedError,
    unserved_body,
)
from sandbox.shopify.hooks import ENDPOINT, SUBSCRIPTION, Endpoint, Subscription
from sandbox.shopify.hooks import HANDLERS as HOOK_HANDLERS
from sandbox.shopify.hooks import ROOT as HOOK_ROOT
from sandbox.shopify.idempotency import CODES, REQUIRED, KeyMemory, Verdict, usable
from sandbox.shopify.mutations import HANDLERS, Mutation, Payload
from sandbox.shopify.mutations import SCOPES_NEEDED as WRITE_SCOPES
from sandbox.shopify.paging import Connection
from sandbox.shopify.resolvers import GETTERS, SERVED_VERSIONS, TYPES, Context, dictionary
from sandbox.shopify.resolvers import SCOPES_NEEDED as READ_SCOPES
from sandbox.shopify.schema import load_schema, root_type
from sandbox.shopify.shop import Shop
from sandbox.shopify.storage import UPLOADS, Signer, Uploads, refused
from sandbox.shopify.store import Store
from sandbox.shopify.tokens import Tokens
from sandbox.surroundings import Surroundings

APP: Final = "app"
GRAPHQL: Final = re.compile(r"/admin/api/([^/]+)/graphql\.json")
EXCHANGE: Final = "/admin/oauth/access_token"
GRANTED: Final = "/admin/oauth/access_scopes.json"
UNKNOWN_CLIENT: Final = "[API] Invalid API key or access token (unrecognized login or wrong password)"
ERRORS: Final[Mapping[int, str]] = {
    401: UNKNOWN_CLIENT,
    402: "This shop's plan is frozen: payment is due",
    403: "This shop is not available to the app",
    404: "Not Found",
    423: "This shop is locked",
    429: "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
    430: "Shopify Security Rejection",
}

SERVED: Final = Served(
    {
        **GETTERS,
        "QueryRoot": {**GETTERS["QueryRoot"], **BULK_ROOT, **HOOK_ROOT},
        "WebhookSubscription": SUBSCRIPTION,
        "WebhookHttpEndpoint": ENDPOINT,
        "BulkOperation": BULK_OPERATION,
        "StagedMediaUploadTarget": dictionary("url", "resourceUrl", "parameters"),
        "StagedUploadParameter": dictionary("name", "value"),
        "Mutation": dict.fromkeys([*HANDLERS, *BULK_HANDLERS, *HOOK_HANDLERS], lambda *_: None),
    },
    {
        **TYPES,
        BulkOperation: "BulkOperation",
        Subscription: "WebhookSubscription",
        Endpoint: "WebhookHttpEndpoint",
    },
    {**READ_SCOPES, **WRITE_SCOPES},
)
STORAGE: Final = (BULK_RESULTS, UPLOADS)
"""Where paths begin that need no token."""
TICK: Final = 0.05
"""Real seconds between two looks at running bulk operations."""
PATIENCE: Final = 0.1
"""Real seconds that a call gives to bulk operations that lag behind the clock."""
BREATH: Final = 0.0005
"""Real seconds between two parts of their work, in which other calls get their turn."""


@dataclass
class Asked:
    """A GraphQL request, read as far as it can be before anything is decided."""

    request: Request
    version: str
    call: Call
    prepared: Prepared | Errors | None
    fault: Fault | None = None
    when_answered: list[Callable[[], None]] = field(default_factory=list)

    @property
    def roots(self) -> Sequence[RootField]:
        """Root fields, none where the document is in error."""
        return self.prepared.root_fields if isinstance(self.prepared, Prepared) else ()

    def kind_of_fault(self) -> str | None:
        """The kind of fault this call meets."""
        return self.fault.kind if self.fault else None


class Service:
    """One store."""

    def __init__(self, shop: Shop, around: Surroundings) -> None:
        self.shop = shop
        self.around = around
        self.store = Store(shop, around.ledger, around.switches)
        self.tokens = Tokens(shop.settings, around.clock, around.chance)
        plan = PLANS[shop.settings.plan]
        self.bucket = Bucket(plan.restore_rate, plan.maximum, around.clock.seconds)
        remember = around.switches["idempotency"] == "remembered"
        self.keys = KeyMemory(around.clock.seconds, remember=remember)
        self.replies: dict[str, Payload] = {}
        self.lock = threading.RLock()
        signer = Signer(around.chance.randbytes(16), around.clock)
        folder = Path(tempfile.mkdtemp(dir=around.folder))
        self.uploads = Uploads(signer, around.clock, folder)
        self.bulk = Bulk(
            shop.settings, around.clock, around.switches, around.chance, signer, folder, shop.bulk_operations
        )
        self.ticking = False
        meet = partial(self.around.faults.meet, "shopify", shop.settings.domain, named=True)
        self.hooks = Deliveries(shop, around.ledger, around.switches, around.chance, meet)
        self.store.tell, self.bulk.finished = self.hooks.tell, self.hooks.bulk_finished

    @property
    def domain(self) -> str:
        """The shop's name, as the journal has it."""
        return self.shop.settings.domain

    def answer(self, request: Request, path: str) -> Response:
        """The answer to a request for this store; CutError when there is none."""
        self.bulk.base = f"http://{request.headers.get('host', '')}/shopify/{quote(self.domain)}"
        found = GRAPHQL.fullmatch(path)
        if found and request.method == "POST":
            return self.graphql(request, found[1])
        if path == EXCHANGE and request.method == "POST":
            return self.plain(request, f"POST {EXCHANGE}", self.exchange)
        if path == GRANTED and request.method == "GET":
            return self.plain(request, f"GET {GRANTED}", self.granted)
        if path.startswith(STORAGE):
            return self.stored(request, path)
        return answer(404, {"errors": "Not Found"})

    # ------------------------------------------------------------------ storage

    def stored(self, request: Request, path: str) -> Response:
        """An upload, or the download of a result. A token that is sent along is told in the journal: it has
        no business there.
        """
        make = self.storage_call(request, path)
        if make is None:
            return refused(404, "NoSuchKey")
        operation, call = make
        noted = Call("shopify", self.domain, operation, cost=0)
        if "x-shopify-access-token" in request.headers:
            noted.code = "token sent"
        self.catch_up()
        return self.noted(noted, lambda fault: self.of_storage(fault, call))

    def storage_call(self, request: Request, path: str) -> tuple[str, Callable[[], Response]] | None:
        """The operation's name in the journal, and what it does."""
        if request.method == "GET" and re.fullmatch(rf"{BULK_RESULTS}\d+\.jsonl", path):
            return f"GET {BULK_RESULTS}{{id}}", partial(self.bulk.download, request, path)
        if request.method == "POST" and path == UPLOADS:
            return f"POST {UPLOADS}", partial(self.uploads.post, request)
        if request.method == "PUT" and path.startswith(f"{UPLOADS}/"):
            return f"PUT {UPLOADS}/{{key}}", partial(self.uploads.put, request, path)
        return None

    def of_storage(self, fault: Fault | None, make: Callable[[], Response]) -> Response:
        """The answer of storage with the fault it meets."""
        early = self.instead(fault)
        if early:
            return refused(early.status, "AccessDenied") if early.status < 500 else early
        response = make()
        if fault and response.file and fault.kind == "lost_answer":
            return replace(response, breaks=True)
        if fault and response.file and fault.kind in ("empty", "partial"):
            return response.cut(max(0, kept(response.file, response.end, fault.kind) - response.start))
        return self.afterwards(fault, response)

    # -------------------------------------------------------- bulk operations

    def catch_up(self, patience: float | None = PATIENCE) -> None:
        """Let bulk operations do what is due by now, in small parts, so that other calls come between. Where
        time passes by itself nobody waits for them longer than `patience`; None: until all is done.
        """
        until = time.monotonic() + patience if patience and self.around.clock.runs else math.inf
        due = bool(self.bulk.running)
        while due and time.monotonic() < until:
            with self.lock:
                due = self.bulk.step()
            if patience is None:
                time.sleep(BREATH)
        with self.lock:
            self.bulk.expire()

    def close(self) -> None:
        """Stop what runs."""
        self.hooks.close()
        with self.lock:
            self.bulk.close()

    def tick(self) -> None:
        """Have bulk operations caught up every now and then, as long as there are any."""
        if self.around.clock.runs and not self.ticking and self.bulk.moves:
            self.ticking = True
            threading.Thread(target=_tick, args=(weakref.ref(self),), name="bulk", daemon=True).start()

    def desk(self, served: str) -> Desk:
        """What mutations of bulk operations need."""

        def execution(prepared: Prepared) -> BulkExecution:
            context = Context(self.shop, self.around.switches, served, deep=True)
            return BulkExecution(SERVED, prepared, context, self.shop.settings.scopes)

        def meet(operation: str) -> Fault | None:
            return self.around.faults.meet("shopify", self.domain, [operation], named=True)

        chance = self.around.chance
        return Desk(self.bulk, self.uploads, chance, execution, partial(self.run_line, served), meet)

    def run_line(self, served: str, prepared: Prepared) -> Mapping[str, Any]:
        """Run one line of a bulk mutation."""
        execution = self.execution(prepared, served)
        with self.store.writing(prepared.root_fields[0].name):
            data = execution.run(self.guarded_steps(prepared, execution), None)
        for finish in execution.context.when_answered:
            finish()
        return _body(execution, data)

    # ------------------------------------------------------------ plain calls

    def plain(self, request: Request, operation: str, make: Callable[[Request], Response]) -> Response:
        """A call that is no GraphQL, with the faults it meets."""
        call = Call("shopify", self.domain, operation)
        return self.noted(call, lambda fault: self.meeting(fault, lambda: make(request)))

    def noted(self, call: Call, make: Callable[[Fault | None], Response]) -> Response:
        """The answer to a call, which is noted in the journal with the fault it meets."""
        self.happen([call.operation])
        try:
            fault = self.around.faults.meet("shopify", self.domain, [call.operation])
            call.fault = fault.kind if fault else None
            response = make(fault)
            call.status = response.status
        finally:
            self.around.ledger.note(call)
        return response

    def meeting(self, fault: Fault | None, make: Callable[[], Response]) -> Response:
        """The answer that a call gets which meets this fault."""
        early = self.instead(fault)
        return early or self.afterwards(fault, make())

    def exchange(self, request: Request) -> Response:
        """POST /admin/oauth/access_token."""
        with self.lock:
            return answer(*self.tokens.exchange(request.fields()))

    def granted(self, request: Request) -> Response:
        """GET /admin/oauth/access_scopes.json."""
        if not self.tokens.opens(request.headers.get("x-shopify-access-token")):
            return answer(401, {"errors": UNKNOWN_CLIENT})
        return answer(200, {"access_scopes": [{"handle": scope} for scope in self.shop.settings.scopes]})

    # --------------------------------------------------------------- graphql

    def graphql(self, request: Request, version: str) -> Response:
        """POST …/graphql.json."""
        asked = self.read(request, version)
        pause = self.around.latency.draw(asked.call.operation, self.around.chance) / 2
        try:
            time.sleep(pause)
            response = self.attended(asked)
            asked.call.status = response.status
            time.sleep(pause)
        finally:
            for finish in asked.when_answered:
                finish()
            self.around.ledger.note(asked.call)
        return response

    def read(self, request: Request, version: str) -> Asked:
        """What is asked, and which fault it meets."""
        call = Call("shopify", self.domain, "invalid")
        asked = Asked(request, version, call, None)
        try:
            body = request.json()
            asked.prepared = prepare(
                body.get("query"), body.get("variables"), body.get("operationName") or None
            )
        except (ValueError, AttributeError, TypeError):
            asked.prepared = None
        names = [root.name for root in asked.roots]
        call.operation = names[0] if names else "invalid"
        call.key = next((key for root in asked.roots if (key := _key(root))), None)
        asked.fault = self.around.faults.meet("shopify", self.domain, names or ["invalid"])
        call.fault = asked.kind_of_fault()
        return asked

    def attended(self, asked: Asked) -> Response:
        """The answer, after what happens in the world just before it, and with the fault it meets."""
        self.happen([root.name for root in asked.roots] or ["invalid"])
        return self.instead(asked.fault) or self.afterwards(asked.fault, self.checked(asked))

    def happen(self, operations: Sequence[str]) -> None:
        """Events that waited for a call of these operations."""
        for event in self.around.events.due("shopify", self.domain, operations):
            self.around.happen(event)

    def make_happen(self, event: Event) -> dict[str, object]:
        """Make an event happen now."""
        self.catch_up()
        with self.lock:
            result = happenings.happen(self.store, event.kind, event.given)
            if event.kind == "revoke_token":
                self.tokens.revoke_all()
        return result

    def instead(self, fault: Fault | None) -> Response | None:
        """The answer that a fault gives instead of executing, None if it lets the call through."""
        if fault is None:
            return None
        if fault.kind in ("timeout_before", "slow"):
            time.sleep(fault.seconds)
        if fault.kind == "timeout_before":
            raise CutError
        return refusal(fault) if fault.kind == "http" else None

    def afterwards(self, fault: Fault | None, response: Response) -> Response:
        """What a fault makes of the answer of a call that was executed."""
        kind = fault.kind if fault else None
        if fault and kind == "http_after":
            return refusal(fault)
        if kind == "lost_answer":
            raise CutError
        if kind == "malformed":
            return response.cut(response.length // 2)
        return response

    def checked(self, asked: Asked) -> Response:
        """The answer, or what keeps the call from being executed."""
        served = served_version(asked.version)
        if served is None:
            return self.failed(asked, 404)
        if not self.tokens.opens(asked.request.headers.get("x-shopify-access-token")):
            return self.failed(asked, 401)
        if asked.prepared is None or (isinstance(asked.prepared, Errors) and _has_no_query(asked)):
            return answer(400, {"errors": {"query": "Required parameter missing or invalid"}})
        if isinstance(asked.prepared, Errors):
            return self.replied(asked, served, _static(asked.prepared))
        return self.replied(asked, served, self.admitted(asked, asked.prepared, served))

    def failed(self, asked: Asked, status: int) -> Response:
        """An answer that is no GraphQL."""
        asked.call.code = str(status)
        return answer(status, {"errors": ERRORS[status]})

    def replied(self, asked: Asked, served: str, body: Mapping[str, Any]) -> Response:
        """A GraphQL answer: HTTP 200 whatever it says."""
        asked.call.code = _code(body)
        return answer(200, body, X_Shopify_API_Version=served, X_Request_Id=self.request_id())

    def request_id(self) -> str:
        """An id to quote to support."""
        return f"{self.around.chance.getrandbits(64):016x}"

    def admitted(self, asked: Asked, prepared: Prepared, served: str) -> dict[str, Any]:
        """The body of a valid document: refused for its price, or executed."""
        requested = cost.requested(prepared)
        if requested > cost.MAX_COST:
            return max_cost_reply(requested)
        if asked.kind_of_fault() == "throttled":
            return throttled_reply(requested, self.bucket)
        if asked.fault and asked.fault.kind == "graphql_error" and not asked.fault.after:
            return self.internal_error(asked.fault)
        if not self.bucket.admit(requested):
            return throttled_reply(requested, self.bucket)
        try:
            body = self.executed(asked, prepared, served)
        except UnservedError as error:
            self.bucket.charge(0)
            return unserved_body(error)
        except BaseException:
            self.bucket.charge(requested)
            raise
        return self.priced(asked, prepared, requested, body)

    def internal_error(self, fault: Fault) -> dict[str, Any]:
        """The body that a `graphql_error` gives."""
        code = fault.code or "INTERNAL_SERVER_ERROR"
        detail = {"code": code, "requestId": self.request_id()}
        text = (
            f"Internal error. Looks like something went wrong on our end. Request ID: {detail['requestId']}"
        )
        return {"errors": [{"message": text, "extensions": detail}]}

    def priced(
        self, asked: Asked, prepared: Prepared, requested: int, body: dict[str, Any]
    ) -> dict[str, Any]:
        """The body with its price, which is charged now."""
        actual = cost.actual(prepared, body["data"])
        self.bucket.charge(actual)
        asked.call.cost = actual
        if asked.fault and asked.fault.kind == "graphql_error":
            return self.internal_error(asked.fault)
        price = cost_extension(requested, actual, self.bucket)
        if asked.request.headers.get("shopify-graphql-cost-debug"):
            price["fields"] = cost.debug_fields(prepared)
        body["extensions"] = {"cost": price, **body.pop("extensions", {})}
        return body

    # ------------------------------------------------------------- execution

    def executed(self, asked: Asked, prepared: Prepared, served: str) -> dict[str, Any]:
        """Run a document, one call at a time."""
        if any(root.name.startswith("__s") or root.name == "__type" for root in prepared.root_fields):
            return introspected(prepared)
        self.catch_up()
        with self.lock, self.view(asked, prepared):
            if prepared.is_mutation:
                return self.mutated(asked, prepared, served)
            execution = self.execution(prepared, served)
            steps = execution.plan(root_type(prepared.operation), [prepared.operation.selection_set])
            kind = asked.kind_of_fault()
            if kind in ("empty", "partial"):
                steps = [step._replace(get=partial(_cut_short, kind, step.get)) for step in steps]
            return _body(execution, execution.run(steps, None))

    @contextmanager
    def view(self, asked: Asked, prepared: Prepared) -> Iterator[None]:
        """The shop as it is, or for a stale read as it was before the last write."""
        fault = asked.fault
        recent = fault and self.around.clock.seconds() - self.store.last_at <= fault.seconds
        stale = fault and fault.kind == "stale_read" and recent and not prepared.is_mutation
        with self.store.before_last_write() if stale else nullcontext():
            yield

    def execution(self, prepared: Prepared, served: str) -> Execution:
        """A run of the document in this shop."""
        context = Context(self.shop, self.around.switches, served)
        return Execution(SERVED, prepared, context, self.shop.settings.scopes)

    def mutated(self, asked: Asked, prepared: Prepared, served: str) -> dict[str, Any]:
        """Run mutations one after the other. A `partial` fault stops half way and cuts the connection."""
        execution = self.execution(prepared, served)
        execution.context.when_answered = asked.when_answered
        steps = self.guarded_steps(prepared, execution)
        cut = asked.kind_of_fault() == "partial"
        with self.store.writing(asked.call.operation) as patches:
            try:
                data = execution.run(steps[: len(steps) // 2] if cut else steps, None)
            finally:
                asked.call.wrote = bool(patches)
        if cut:
            raise CutError
        self.tick()
        return _body(execution, data)

    def guarded_steps(self, prepared: Prepared, execution: Execution) -> Steps:
        """The steps with their handlers; a step that refuses for want of scope stays as it is."""
        planned = execution.plan(root_type(prepared.operation), [prepared.operation.selection_set])
        roots = {root.alias: root for root in prepared.root_fields}
        mutation = Mutation(execution.context, self.store)
        return [
            step._replace(get=partial(self.guarded, mutation, roots[step.key]))
            if set(SERVED.scopes.get(f"Mutation.{step.node.name.value}", ())) <= set(execution.scopes)
            else step
            for step in planned
        ]

    def guarded(self, mutation: Mutation, root: RootField, *_: object) -> Payload:
        """One mutation, under its idempotency key if it has one."""
        key = _key(root)
        if root.name in REQUIRED and not usable(key):
            text = "The @idempotent directive with a key is required for this mutation but was not provided."
            raise FieldError("BAD_REQUEST", text)
        self.store.label(root.name, key)
        if key is None:
            return self.handled(mutation, root)
        verdict = self.keys.begin(APP, self.domain, key, [root.name, root.arguments])
        if verdict is Verdict.REPLAY:
            return self.replies[key]
        if verdict is not Verdict.NEW:
            text = "The idempotency key cannot be used for this request."
            return {"userErrors": [{"field": None, "message": text, "code": CODES[verdict]}]}
        return self.remembered(mutation, root, key)

    def handled(self, mutation: Mutation, root: RootField) -> Payload:
        """What the mutation of this name does."""
        if root.name in BULK_HANDLERS:
            return BULK_HANDLERS[root.name](self.desk(mutation.context.version), mutation, root.arguments)
        if root.name in HOOK_HANDLERS:
            return HOOK_HANDLERS[root.name](mutation, root.arguments)
        return HANDLERS[root.name](mutation, root.arguments)

    def remembered(self, mutation: Mutation, root: RootField, key: str) -> Payload:
        """Run a mutation and remember its key with how it ended; until it is answered, the key is running."""
        try:
            payload = self.handled(mutation, root)
        except BaseException:
            self.keys.forget(APP, self.domain, key)
            raise
        self.replies[key] = payload
        succeeded = not payload["userErrors"]
        mutation.context.when_answered.append(
            partial(self.keys.finish, APP, self.domain, key, succeeded=succeeded)
        )
        return payload


def _tick(service: "weakref.ref[Service]") -> None:
    """Look after a service's bulk operations until none moves, or the service is gone."""
    while found := service():
        found.catch_up(None)
        with found.lock:
            found.ticking = found.bulk.moves
            if not found.ticking:
                return
        del found
        time.sleep(TICK)


def served_version(asked: str) -> str | None:
    """The version that answers: an expired one is served by the oldest that is supported.
    https://shopify.dev/docs/api/usage/versioning
    """
    if asked in SERVED_VERSIONS:
        return asked
    known = re.fullmatch(r"20\d\d-(01|04|07|10)", asked)
    return SERVED_VERSIONS[0] if known and asked < SERVED_VERSIONS[0] else None


def refusal(fault: Fault) -> Response:
    """The answer of an `http` fault: JSON, and HTML from 500 up."""
    status = fault.status or 500
    if status >= 500:
        return page(status)
    headers = {"Retry_After": f"{fault.seconds or 2.0:.1f}"} if status == 429 else {}
    return answer(status, {"errors": ERRORS.get(status, "Refused")}, **headers)


def _key(root: RootField) -> str | None:
    found = root.directives.get("idempotent", {}).get("key")
    return None if found is None else str(found)


def _static(errors: Errors) -> dict[str, Any]:
    return {"errors": list(errors)} if errors.data is None else {"data": errors.data, "errors": list(errors)}


def _has_no_query(asked: Asked) -> bool:
    query = asked.request.json().get("query")
    return not isinstance(query, str) or not query.strip()


def _code(body: Mapping[str, Any]) -> str | None:
    """The first code that an answer carries, at the top or among userErrors."""
    errors = body.get("errors")
    if errors:
        code = errors[0].get("extensions", {}).get("code")
        return str(code) if code else "error"
    for payload in (body.get("data") or {}).values():
        problems = payload.get("userErrors") if isinstance(payload, dict) else None
        if problems:
            return str(problems[0].get("code") or "userErrors")
    return None


def _body(execution: Execution, data: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"data": data}
    if execution.errors:
        body["errors"] = execution.errors
    if execution.context.searches:
        body["extensions"] = {"search": execution.context.searches}
    return body


def introspected(prepared: Prepared) -> dict[str, Any]:
    """The answer to questions about the schema itself."""
    name = prepared.operation.name
    result = execute(
        load_schema(),
        prepared.document,
        variable_values=prepared.given,
        operation_name=name.value if name else None,
    )
    errors: Sequence[GraphQLError] = getattr(result, "errors", None) or ()
    if errors:
        raise UnservedError("The sandbox serves introspection only in documents of its own")
    return {"data": getattr(result, "data", None)}


def _cut_short(kind: str, get: Getter, context: Context, thing: Thing, arguments: Mapping[str, Any]) -> Thing:
    """A root field's value, empty or its first half as if it were all."""
    value = get(context, thing, arguments)
    keep = 0 if kind == "empty" else None
    if isinstance(value, Connection):
        nodes = value.nodes[: len(value.nodes) // 2 if keep is None else keep]
        return replace(value, nodes=nodes, has_next=False)
    if isinstance(value, list):
        half = len(value) // 2 if keep is None else keep
        return [one if index < half else None for index, one in enumerate(value)]
    return value if kind == "partial" or context.shop is value or isinstance(value, dict) else None
