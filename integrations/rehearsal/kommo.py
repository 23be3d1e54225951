"""A stand-in for Kommo on loopback, with its wire format, limits and faults.

    with KommoServer() as kommo:
        call = kommo.call("Where is my parcel?", lead=8812345)
        ...
        assert kommo.seen == ["It arrives tomorrow."]

Faults meet `continue`, the start of a bot and the token's address, one each, in order.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from integrations.kommo import signing
from integrations.kommo.chunks import HANDLERS, SHOW_LENGTH
from integrations.rehearsal.kommo_account import RUN_BOT, Account
from integrations.rehearsal.serving import StandIn, StandInHandler

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "shopmn.kommo.com"
ACCOUNT = 31234567
CLIENT, SECRET = "5a1f0c1e-rehearsal", "rehearsal-secret-key"
LONG_LIVED = "rehearsal-long-lived-token"
CODE = "rehearsal-code"
BOT, LEAD = 41207, 8812345
#: Handlers that a bot executes for us, and the ways to go on.
_HANDLERS, _STEPS = ("show", "goto"), ("question", "answer", "finish")
#: What can go wrong, and whether the call is done nevertheless.
FAULTS = {"lost_before": False, "lost_after": True, "429": False, "500": False,
          "500_after": True, "401": False, "403": False, "404": False}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: str


@dataclass(slots=True)
class Reply:
    """What the server says; no status: it hangs up instead."""

    status: int = 0
    content: Any = None


@dataclass(slots=True)
class Bot:
    """A Salesbot that waits at one address, for one answer."""

    lead: int
    #: What `{{json.…}}` is, once it has gone on.
    data: dict[str, Any] = field(default_factory=dict)


class KommoServer(StandIn):
    """Listens on 127.0.0.1 until it is closed."""

    def __init__(
        self,
        *,
        port: int = 0,
        limit: int = 7,
        on_show: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(_Handler, port)
        self.on_show = on_show
        #: Calls that it takes in one second; 0: any number.
        self.limit = limit
        self.faults: deque[str] = deque()
        self.calls: list[Call] = []
        #: What customers have seen, and what staff have.
        self.seen: list[str] = []
        self.notes: list[str] = []
        self.stopped: list[int] = []
        self.account = Account(HOST, ACCOUNT, self._show)
        self.bots = [
            {"id": BOT, "name": "Assistant"},
            {"id": RUN_BOT, "name": "Send the reply"},
        ]
        self.waiting: dict[str, Bot] = {}
        #: Where each bot went: `wait` or `handoff`.
        self.went: list[str] = []
        self.refresh_token = "refresh-0"  # noqa: S105 (of nothing)
        self.tokens = {LONG_LIVED}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._times: deque[float] = deque()

    def call(
        self, text: str, *, lead: int = 8812345, contact: int = 5512345, **claims: Any
    ) -> dict[str, Any]:
        """What a bot sends when a customer wrote this; from now on it waits."""
        name = f"c{next(self._numbers)}"
        self.waiting[name] = Bot(lead)
        now = int(time.time())
        said = {
            "iss": f"https://{HOST}", "jti": name, "iat": now, "nbf": now,
            "exp": now + 300, "account_id": ACCOUNT, "client_uuid": CLIENT,
            "entity_type": "2", "entity_id": str(lead), **claims,
        }  # fmt: skip
        return {
            "token": signing.make(said, SECRET, "HS512"),
            "data": {
                "message": text,
                "lead_id": str(lead),
                "contact_id": str(contact),
                "talk_id": "{{talk.id}}",
                "from": "widget",
            },
            "return_url": f"https://{HOST}/api/v4/salesbot/{BOT}/continue/{name}",
        }

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened on leads, newest first."""
        return self.account.events

    def paths(self, method: str) -> list[str]:
        """Where calls of one method went, in order."""
        return [call.path for call in self.calls if call.method == method]

    def answer(self, call: Call) -> Reply:
        """What Kommo says to this."""
        with self._lock:
            self.calls.append(call)
            if call.path == "/oauth2/access_token":
                return self._fail() or self._give_tokens(call)
            if call.token not in self.tokens:
                return Reply(401, {"title": "Unauthorized", "status": 401})
            if self._is_too_fast():
                return Reply(429, {"title": "Too Many Requests", "status": 429})
            for method, pattern, verb in _ROUTES:
                match = re.fullmatch(pattern, call.path)
                if match and call.method == method:
                    return verb(self, call, *match.groups())
            way = call.path.removeprefix("/api/v4/").split("/")
            is_run = way[-1] == "run"
            if is_run and (fault := self._fail()):
                return fault
            found = self.account.answer(call.method, way, call.query, call.body)
            if found is None:
                return Reply(404, {"title": "Not Found", "status": 404})
            return self._done(Reply(*found)) if is_run else Reply(*found)

    def _is_too_fast(self) -> bool:
        now = time.monotonic()
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if self.limit and len(self._times) >= self.limit:
            return True
        self._times.append(now)
        return False

    def _fail(self) -> Reply | None:
        """The next fault, where nothing is done in spite of it."""
        if not self.faults or FAULTS[self.faults[0]]:
            return None
        return _failure(self.faults.popleft())

    def _done(self, reply: Reply) -> Reply:
        """The answer to what was done, unless it gets lost."""
        return _failure(self.faults.popleft()) if self.faults else reply

    def _give_tokens(self, call: Call) -> Reply:
        body = call.body
        is_ours = (body.get("client_id"), body.get("client_secret")) == (CLIENT, SECRET)
        is_good = {
            "authorization_code": body.get("code") == CODE,
            "refresh_token": body.get("refresh_token") == self.refresh_token,
        }.get(body.get("grant_type"), False)
        if not is_ours or not is_good:
            return Reply(400, {"hint": "The token is invalid", "status": 400})
        number = next(self._numbers)
        self.tokens = {LONG_LIVED, f"access-{number}"}
        self.refresh_token = f"refresh-{number}"
        return self._done(
            Reply(
                200,
                {
                    "token_type": "Bearer",
                    "expires_in": 86400,
                    "server_time": int(time.time()),
                    "access_token": f"access-{number}",
                    "refresh_token": self.refresh_token,
                },
            )
        )

    def _continue(self, call: Call, _bot: str, name: str) -> Reply:
        if fault := self._fail():
            return fault
        if name not in self.waiting:
            return Reply(404, {"title": "Not Found", "status": 404})
        if code := _problem(call.body):
            errors = [{"code": code, "path": "execute_handlers"}]
            problem = {"title": "Bad Request", "status": 400}
            return Reply(400, {**problem, "validation-errors": [{"errors": errors}]})
        self._go_on(self.waiting.pop(name), call.body)
        return self._done(Reply(202, {}))

    def _go_on(self, bot: Bot, body: dict[str, Any]) -> None:
        """As the block of our widget goes on: shown, then asked or left."""
        bot.data = body.get("data", {})
        for each in body["execute_handlers"]:
            if each["handler"] == "show":
                self._show(each["params"]["value"])
            elif each["params"].get("step") == 1:
                self._show(bot.data["reply"])
        self.went.append(bot.data.get("status", ""))

    def _show(self, text: str) -> None:
        self.seen.append(text)
        self.on_show(text)

    def _account(self, call: Call) -> Reply:
        return Reply(200, {"id": ACCOUNT, "name": "Shop", "subdomain": "shopmn"})

    def _list_bots(self, call: Call) -> Reply:
        if not self.bots:
            return Reply(204)
        return Reply(200, {"_embedded": {"bots": self.bots}})

    def _stop(self, call: Call, bot: str) -> Reply:
        if call.body.get("entity_type") not in ("leads", "contacts"):
            errors = [{"code": "InvalidType", "path": "entity_type"}]
            return Reply(400, {"validation-errors": [{"errors": errors}]})
        self.stopped.append(int(call.body["entity_id"]))
        return Reply(202, "Accepted")

    def _note(self, call: Call, _kind: str, _number: str) -> Reply:
        self.notes += [each["params"]["text"] for each in call.body]
        found = {"_embedded": {"notes": [{"id": next(self._numbers)}]}}
        return Reply(200, found)


_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", r"/api/v4/(?:sales|marketing)bot/(\d+)/continue/(\w+)",
     KommoServer._continue),
    ("GET", "/api/v4/account", KommoServer._account),
    ("GET", "/api/v4/bots", KommoServer._list_bots),
    ("POST", r"/api/v4/bots/(\d+)/stop", KommoServer._stop),
    ("POST", r"/api/v4/(leads|contacts)/(\d+)/notes", KommoServer._note),
]  # fmt: skip


def _failure(fault: str) -> Reply:
    name = fault.partition("_")[0]
    return Reply(int(name), {"title": fault}) if name.isdigit() else Reply()


def _problem(body: Any) -> str:
    """What Kommo dislikes of a `continue`; empty: nothing."""
    handlers = body.get("execute_handlers") if isinstance(body, dict) else None
    if not handlers:
        return "TooFew"
    if len(handlers) > HANDLERS:
        return "TooMany"
    for each in handlers:
        params = each.get("params", {})
        if each.get("handler") not in _HANDLERS:
            return "Unsupported handler"
        if each["handler"] == "show" and len(params.get("value", "")) > SHOW_LENGTH:
            return "TooLong"
        if each["handler"] == "show" and not params.get("value", "").strip():
            return "FieldMissing"
        if each["handler"] == "goto" and (
            params.get("type") not in _STEPS or "step" not in params
        ):
            return "FieldMissing"
    return ""


class _Handler(StandInHandler):
    stand_in: ClassVar[KommoServer]

    def handle_call(self) -> None:
        """Take one request."""
        raw = self.read_body()
        parts = urlsplit(self.path)
        reply = self.stand_in.answer(
            Call(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                json.loads(raw) if raw else {},
                self.headers.get("Authorization", "").removeprefix("Bearer "),
            )
        )
        if not reply.status:
            self.close_connection = True
            return
        is_text = isinstance(reply.content, str)
        kind = "text/plain" if is_text else "application/hal+json"
        text = reply.content if is_text else json.dumps(reply.content)
        data = b"" if reply.content is None else text.encode()
        self.reply(reply.status, data, kind if data else "")

    do_GET = do_POST = do_PATCH = do_DELETE = handle_call  # noqa: N815
