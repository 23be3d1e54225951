"""A stand-in for Meta's Graph API on loopback, with its limits and refusals.

    with MetaServer("instagram") as meta:
        meta.faults.append("rate")
        ...
        assert meta.texts == ["Three days."]

Faults meet messages, one each, in order. What breaks a documented limit is refused, and
kept in `problems`.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, ClassVar, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from integrations.rehearsal.meta_rules import TEMPLATES, Refused, Row, check, text_of
from integrations.rehearsal.serving import StandIn, StandInHandler

if TYPE_CHECKING:
    from collections.abc import Callable

Product = Literal["instagram", "messenger", "whatsapp"]

TOKEN: Final = "rehearsal-token"  # noqa: S105 (opens nothing)
APP_SECRET: Final = "rehearsal-app-secret"  # noqa: S105
OWN: Final[dict[str, Row]] = {
    "instagram": {"id": "555", "user_id": "17840001", "username": "shop"},
    "messenger": {"id": "10501", "name": "Shop"},
    "whatsapp": {"id": "106540", "verified_name": "Shop", "display_phone_number": "+1"},
}
#: The WhatsApp business account that the number is of.
BUSINESS: Final = "102290"
OBJECTS: Final = {
    "instagram": "instagram",
    "messenger": "page",
    "whatsapp": "whatsapp_business_account",
}
#: Status, code and subcode of refusals; no status: it hangs up.
FAULTS: Final[dict[str, tuple[int, int, int]]] = {
    "rate": (400, 613, 0),
    "pair_rate": (400, 131056, 0),
    "window": (400, 10, 2018278),
    "gone": (400, 551, 0),
    "token": (401, 190, 463),
    "broken": (500, 2, 0),
    "refused": (400, 100, 0),
    "lost_after": (0, 0, 0),
}


class MetaServer(StandIn):
    """Listens on 127.0.0.1 until it is closed."""

    def __init__(self, product: Product, *, port: int = 0) -> None:
        super().__init__(_Handler, port)
        self.product = product
        self.faults: deque[str] = deque()
        #: What was sent, in order; also what was refused.
        self.sent: list[Row] = []
        self.problems: list[str] = []
        #: When each customer wrote last; who is not known has just written.
        self.heard: defaultdict[str, float] = defaultdict(time.time)
        #: Whether the page has conversation routing, and we are its first app.
        self.has_routing = False
        self.is_first_app = True
        #: The app that has a customer's thread, where it is not ours; what was asked.
        self.owners: dict[str, str] = {}
        self.controls: list[tuple[str, Row]] = []
        #: Name, locale and picture of people, by their number.
        self.people: dict[str, Row] = {}
        self.pictures: dict[str, bytes] = {}
        #: Sender actions and marks of reading.
        self.signs: list[Row] = []
        self.is_subscribed = False
        self.token = TOKEN
        #: Told of each message that is shown.
        self.on_message: Callable[[str], None] = lambda _: None
        self._numbers = itertools.count(1)

    @property
    def texts(self) -> list[str]:
        """What was said, in order."""
        return [text_of(body) for body in self.sent]

    def answer(self, method: str, path: str, query: dict[str, str], body: Row) -> Row:
        """What the API says; raises `Refused`, or `TimeoutError` to hang up."""
        own = OWN[self.product]
        match method, path:
            case "GET", "me" if self.product != "whatsapp":
                return own
            case "GET", name if name == own["id"]:
                return own
            case "GET", name if name in self.people:
                return self._person(name, query.get("fields", "").split(","))
            case "GET", "refresh_access_token":
                self.token = "renewed-token"  # noqa: S105
                return {"access_token": self.token, "expires_in": 5_184_000}
            case "POST", "me/subscribed_apps":
                self.is_subscribed = bool(query.get("subscribed_fields"))
                return {"success": True}
            case "POST", path if path == f"{BUSINESS}/subscribed_apps":
                self.is_subscribed = True
                return {"success": True}
            case "GET", path if path in _SUBSCRIPTIONS:
                return {"data": [{"id": "1"}] if self.is_subscribed else []}
            case "GET", path if path == f"{BUSINESS}/message_templates":
                wanted = query.get("status")
                known = (each for each in TEMPLATES if each["status"] == wanted)
                return {"data": list(known)}
            case "POST", name if name.endswith("_thread_control"):
                return self._control(name.removeprefix("me/"), body)
            case "POST", name if name.endswith("/messages"):
                return self._message(body)
        raise Refused(f"Unsupported {method} request", code=100, sub=33)

    def _person(self, name: str, fields: list[str]) -> Row:
        known = self.people[name]
        if "locale" in fields and "locale" not in known:
            raise Refused("(#10) This needs pages_user_locale", code=10)
        return {"id": name, **{key: known[key] for key in fields if key in known}}

    def _control(self, verb: str, body: Row) -> Row:
        self.controls.append((verb.removesuffix("_thread_control"), body))
        person = body["recipient"]["id"]
        if not self.has_routing:
            raise Refused("(#27) Conversation routing is not set up", code=27)
        match verb:
            case "pass_thread_control":
                self.owners[person] = str(body["target_app_id"])
            case "take_thread_control" if self.is_first_app:
                self.owners.pop(person, None)
            case "take_thread_control":
                raise Refused("(#10) Only the primary app can take control", code=10)
        return {"success": True}

    def _message(self, body: Row) -> Row:
        if "sender_action" in body or "typing_indicator" in body:
            self.signs.append(body)
            return {"success": True}
        self.sent.append(body)
        if _recipient(body) in self.owners:
            words = "(#10) Another app is controlling this thread now."
            raise Refused(words, code=10, sub=2018300)
        try:
            check(self.product, body, self.heard[_recipient(body)])
        except Refused as exc:
            self.problems.append(str(exc))
            raise
        fault = self.faults.popleft() if self.faults else ""
        if fault == "lost_after":
            raise TimeoutError
        if fault:
            status, code, sub = FAULTS[fault]
            raise Refused(f"(#{code}) Fault {fault}", status, code, sub)
        self.on_message(text_of(body))
        number = next(self._numbers)
        if self.product == "whatsapp":
            return {"messages": [{"id": f"wamid.{number}"}]}
        return {"recipient_id": "9001", "message_id": f"m_sent_{number}"}


_SUBSCRIPTIONS: Final = ("me/subscribed_apps", f"{BUSINESS}/subscribed_apps")


def _recipient(body: Row) -> str:
    return str(body.get("to") or body.get("recipient", {}).get("id", ""))


def written(product: Product, text: str) -> Row:
    """The webhook of a customer's words."""
    now, own = time.time(), OWN[product]
    name = f"{now:.6f}"
    if product == "whatsapp":
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": own["id"]},
            "contacts": [{"wa_id": "9001", "profile": {"name": "Bat"}}],
            "messages": [
                {
                    "from": "9001",
                    "id": f"wamid.{name}",
                    "timestamp": str(int(now)),
                    "type": "text",
                    "text": {"body": text},
                }
            ],
        }
        change = {"field": "messages", "value": value}
        return {"object": OBJECTS[product], "entry": [{"id": "1", "changes": [change]}]}
    number = own.get("user_id", own["id"])
    item = {
        "sender": {"id": "9001"},
        "recipient": {"id": number},
        "timestamp": int(now * 1000),
        "message": {"mid": f"m_{name}", "text": text},
    }
    return {"object": OBJECTS[product], "entry": [{"id": number, "messaging": [item]}]}


def signed(body: bytes) -> dict[str, str]:
    """The header that proves it Meta's."""
    made = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={made}"}


class _Handler(StandInHandler):
    stand_in: ClassVar[MetaServer]

    def handle_call(self) -> None:
        """Take one call."""
        body = self.read_body()
        if picture := self.stand_in.pictures.get(self.path):
            self.reply(200, picture, "image/jpeg")
            return
        try:
            status, answer = 200, self._answer(json.loads(body) if body else {})
        except TimeoutError:
            self.close_connection = True
            return
        except Refused as exc:
            error = {"message": str(exc), "type": "OAuthException", "code": exc.code}
            if exc.sub:
                error["error_subcode"] = exc.sub
            status, answer = exc.status, {"error": {**error, "fbtrace_id": "X"}}
        self.reply(status, json.dumps(answer).encode(), "application/json")

    do_GET = do_POST = handle_call  # noqa: N815

    def _answer(self, body: Row) -> Row:
        parts = urlsplit(self.path)
        match = re.fullmatch(r"/v\d+\.\d/(.+)", parts.path)
        if match is None:
            raise Refused("Unknown path components", 404, 2500)
        if self.headers.get("Authorization") != f"Bearer {self.stand_in.token}":
            raise Refused("Invalid OAuth access token.", 401, 190)
        return self.stand_in.answer(
            self.command, match[1], dict(parse_qsl(parts.query)), body
        )
