"""A stand-in for Freshdesk on loopback, with its wire format, limits and faults.

    with FreshdeskServer() as desk:
        desk.faults.extend(["lost_after", "429"])
        ...
        assert len(desk.tickets.rows) == 1

Faults meet `POST /tickets`, one each, in order; afterwards all goes well.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import json
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from integrations.rehearsal.freshdesk_tickets import AGENT, Row, Tickets, problem
from integrations.rehearsal.serving import StandIn, StandInHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "rehearsal-key"
#: Seconds for which a hanging call hangs.
HANG_S = 30.0
#: What can go wrong when a ticket is made, and whether it is stored nevertheless.
FAULTS = {
    "lost_before": False,
    "lost_after": True,
    "hang_before": False,
    "hang_after": True,
    "429": False,
    "500": False,
    "500_after": True,
    "504_after": True,
    "400": False,
    "401": False,
    "403": False,
    "409": False,
    "nonsense_after": True,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrived."""

    method: str
    #: Below `/api/v2`.
    path: str
    query: dict[str, str]
    #: Of JSON, or the text parts of a form.
    body: Row
    #: Name, content type and size of each file.
    files: tuple[tuple[str, str, int], ...] = ()


@dataclass(slots=True)
class Reply:
    """What the server says; no status: it hangs up instead."""

    status: int = 0
    content: Any = None
    is_page: bool = False


class FreshdeskServer(StandIn):
    """Listens on 127.0.0.1 until it is closed."""

    def __init__(
        self,
        *,
        port: int = 0,
        form: list[Row] | None = None,
        limit: int = 0,
        on_change: Callable[[Row], None] = lambda _: None,
    ) -> None:
        super().__init__(_Handler, port)
        self.tickets = Tickets(form)
        self.faults: deque[str] = deque()
        #: The same for notes.
        self.note_faults: deque[str] = deque()
        self.calls: list[Call] = []
        #: Calls that are taken until `limit` is set anew; 0: all.
        self.limit = limit
        self.retry_after_s = 1
        self.on_change = on_change

    def paths(self, method: str) -> list[str]:
        """Where calls of one method went, in order."""
        return [call.path for call in self.calls if call.method == method]

    def answer(self, call: Call) -> Reply:
        """What Freshdesk says to this."""
        for method, pattern, verb in _ROUTES:
            match = re.fullmatch(pattern, call.path)
            if match and call.method == method:
                numbers = [int(each) for each in match.groups()]
                if numbers and numbers[0] not in self.tickets.rows:
                    return Reply(404)
                return verb(self, call, *numbers)
        return Reply(404, "<html>There is no such page.</html>", is_page=True)

    def _me(self, call: Call) -> Reply:
        return Reply(200, AGENT)

    def _form(self, call: Call) -> Reply:
        return Reply(200, self.tickets.form)

    def _create(self, call: Call) -> Reply:
        fault = self.faults.popleft() if self.faults else ""
        problems = self.tickets.problems_of(call.body)
        if fault == "400":
            problems = [problem("cf_new", "It should not be blank", "missing_field")]
        if problems:
            return _refusal(problems)
        if not fault:
            return Reply(201, self.tickets.add(call.body))
        if FAULTS[fault]:
            self.tickets.add(call.body)
        return self._fail(fault.partition("_")[0])

    def _fail(self, fault: str) -> Reply:
        if fault == "hang":
            self.is_closing.wait(HANG_S)
        if fault == "nonsense":
            return Reply(201, "<html>Welcome to the proxy.</html>", is_page=True)
        if not fault.isdigit():
            return Reply()
        return Reply(int(fault), {"code": "error", "message": f"Fault {fault}."})

    def _list(self, call: Call) -> Reply:
        rows = self.tickets.listed(call.query)
        if rows is None:
            text = "There is no contact matching the given email"
            return _refusal([problem("email", text, "invalid_value")])
        return Reply(200, [_without_said(row) for row in _page(rows, call.query)])

    def _view(self, call: Call, number: int) -> Reply:
        row = self.tickets.rows[number]
        if row.get("deleted"):
            return Reply(405, {"message": "GET method is not allowed."})
        found = _without_said(row)
        if "conversations" in call.query.get("include", ""):
            found["conversations"] = row["conversations"][:10]
        return Reply(200, found)

    def _said(self, call: Call, number: int) -> Reply:
        said = self.tickets.rows[number]["conversations"]
        return Reply(200, _page(said, call.query))

    def _update(self, call: Call, number: int) -> Reply:
        row = self.tickets.change(number, **call.body)
        self.on_change(row)
        return Reply(200, _without_said(row))

    def _note(self, call: Call, number: int) -> Reply:
        if not call.body.get("body"):
            return _refusal(
                [problem("body", "It should not be blank", "missing_field")]
            )
        fault = self.note_faults.popleft() if self.note_faults else ""
        if fault and not FAULTS[fault]:
            return self._fail(fault.partition("_")[0])
        private = call.body.get("private") in (True, "true")
        entry = self.tickets.say(
            number,
            call.body["body"],
            private=private,
            source=2,
            user_id=AGENT["id"],
            attachments=[{"name": name} for name, _, _ in call.files],
        )
        return self._fail(fault.partition("_")[0]) if fault else Reply(201, entry)

    def _answer(self, call: Call, number: int) -> Reply:
        entry = self.tickets.say(number, call.body.get("body", ""))
        self.on_change(self.tickets.rows[number])
        return Reply(201, entry)


_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", "/agents/me", FreshdeskServer._me),
    ("GET", "/ticket_fields", FreshdeskServer._form),
    ("POST", "/tickets", FreshdeskServer._create),
    ("GET", "/tickets", FreshdeskServer._list),
    ("GET", r"/tickets/(\d+)", FreshdeskServer._view),
    ("PUT", r"/tickets/(\d+)", FreshdeskServer._update),
    ("GET", r"/tickets/(\d+)/conversations", FreshdeskServer._said),
    ("POST", r"/tickets/(\d+)/notes", FreshdeskServer._note),
    ("POST", r"/tickets/(\d+)/reply", FreshdeskServer._answer),
]


class _Handler(StandInHandler):
    stand_in: ClassVar[FreshdeskServer]

    def handle_call(self) -> None:
        """Take one request."""
        body = self.read_body()
        reply = self._refused() or self._understood(body)
        if not reply.status:
            self.close_connection = True
            return
        kind = "text/html" if reply.is_page else "application/json"
        content = reply.content if reply.is_page else json.dumps(reply.content)
        data = b"" if reply.content is None else content.encode()
        self.reply(reply.status, data, f"{kind}; charset=utf-8", self._limits(reply))

    do_GET = do_POST = do_PUT = do_DELETE = handle_call  # noqa: N815

    def _limits(self, reply: Reply) -> Iterator[tuple[str, str]]:
        if limit := self.stand_in.limit:
            yield "X-RateLimit-Total", str(limit)
            left = max(0, limit - len(self.stand_in.calls))
            yield "X-RateLimit-Remaining", str(left)
            yield "X-RateLimit-Used-CurrentRequest", "1"
        if reply.status == 429:
            yield "Retry-After", str(self.stand_in.retry_after_s)

    def _refused(self) -> Reply | None:
        wanted = base64.b64encode(f"{KEY}:X".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            text = "You have to be logged in to perform this action."
            return Reply(401, {"code": "invalid_credentials", "message": text})
        if "json" not in self.headers.get("Accept", ""):
            return Reply(406)
        if self.stand_in.limit and len(self.stand_in.calls) >= self.stand_in.limit:
            return Reply(429, {"message": "You have exceeded the limit of requests"})
        return None

    def _understood(self, body: bytes) -> Reply:
        parts = urlsplit(self.path)
        kind = self.headers.get("Content-Type", "")
        values: Row = {}
        files: list[tuple[str, str, int]] = []
        if kind.startswith("multipart/form-data"):
            problems = _read_form(kind, body, values, files)
            if problems:
                return _refusal(problems)
        elif body:
            if not kind.startswith("application/json"):
                return Reply(415)
            values = json.loads(body)
        path = parts.path.removeprefix("/api/v2")
        query = dict(parse_qsl(parts.query))
        call = Call(self.command, path, query, values, tuple(files))
        self.stand_in.calls.append(call)
        return self.stand_in.answer(call)


def _read_form(
    kind: str, body: bytes, values: Row, files: list[tuple[str, str, int]]
) -> list[Row]:
    """Sort the parts of a form; a part that is neither is a problem, as there."""
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.SMTPUTF8)
    message = parser.parsebytes(head + body)
    problems = []
    for part in message.get_payload():
        if isinstance(part, str):
            return [problem("body", "It should not be blank", "missing_field")]
        name = str(part.get_param("name", header="content-disposition"))
        data: Any = part.get_payload(decode=True)
        if name == "attachments[]":
            if not part.get_filename() or "Content-Type" not in part:
                text = "It should contain elements of type valid file format only"
                problems.append(problem(name, text, "datatype_mismatch"))
            files.append(
                (part.get_filename() or "", part.get_content_type(), len(data))
            )
        elif part.get_filename():
            problems.append(problem(name, "It should be a text", "datatype_mismatch"))
        else:
            values[name] = data.decode()
    return problems


def _refusal(problems: list[Row]) -> Reply:
    return Reply(400, {"description": "Validation failed", "errors": problems})


def _page(rows: list[Row], query: dict[str, str]) -> list[Row]:
    size = min(int(query.get("per_page", 30)), 100)
    start = (int(query.get("page", 1)) - 1) * size
    return rows[start : start + size]


def _without_said(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "conversations"}
