"""A stand-in for a flow of Workflows on loopback, and for the channel that it posts to.

    with TeamsServer() as teams:
        teams.faults.append("429")
        ...
        assert teams.cards[0]["body"][0]["text"] == "🚨 A customer needs a person"

As the real one it says 202 to everything that starts the flow; what comes without its
envelope fails afterwards, and is only found in `failed_runs`. `GET /` shows the cards.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections import deque
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from integrations.rehearsal.serving import StandIn, StandInHandler

SIGNATURE = "rehearsal-signature_"
PATH = "/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke"
QUERY = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"
#: Bytes of a message that Teams takes.
MOST_BYTES = 28_000
#: What can go wrong, one call each: a status, or an answer that does not come.
FAULTS = (
    "400",
    "401",
    "403",
    "404",
    "408",
    "410",
    "413",
    "429",
    "500",
    "503",
    "hang_up",
)
_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>Teams rehearsal</title><style>
body{font:15px system-ui;background:#f5f5f5;max-width:42rem;margin:2rem auto;color:#242424}
article{background:#fff;border:1px solid #ddd;border-radius:8px;padding:1rem;margin:1rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{font-weight:600}
dd{margin:0}p{white-space:pre-wrap}.bolder{font-weight:600;font-size:17px}
a{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:.3rem .8rem;
margin-right:.5rem;color:inherit;text-decoration:none}
</style><h1>Alerts</h1>"""


class TeamsServer(StandIn):
    """Takes alerts on 127.0.0.1 until it is closed."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(_Handler, port)
        #: The cards in the channel, newest last, and the bodies that failed in the flow.
        self.cards: list[dict[str, Any]] = []
        self.failed_runs: list[Any] = []
        #: Request lines and headers of all calls.
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.faults: deque[str] = deque()
        self.lock = threading.Lock()

    @property
    def page(self) -> str:
        """Where the cards are shown."""
        return f"{super().url}/"

    @property
    def url(self) -> str:
        """The address of the flow."""
        return f"{super().url}{PATH}?{QUERY}"

    def run_flow(self, body: Any) -> None:
        """What the template does after 202: once for each element of `attachments`."""
        attachments = body.get("attachments") if isinstance(body, dict) else None
        if not isinstance(attachments, list):
            self.failed_runs.append(body)
            return
        self.cards += [each["content"] for each in attachments]


class _Handler(StandInHandler):
    stand_in: ClassVar[TeamsServer]

    def do_POST(self) -> None:
        teams = self.stand_in
        raw = self.read_body()
        with teams.lock:
            teams.calls.append((self.requestline, dict(self.headers)))
            status = self._judge(teams, raw)
            if status == 202:
                teams.run_flow(json.loads(raw))
        if status == 0:
            self.close_connection = True
            return
        self.reply(status, kind="text/plain")

    def _judge(self, teams: TeamsServer, raw: bytes) -> int:
        parts = urlsplit(self.path)
        if parts.path != PATH:
            return 404
        if dict(parse_qsl(parts.query)).get("sig") != SIGNATURE:
            return 401
        if teams.faults:
            fault = teams.faults.popleft()
            return 0 if fault == "hang_up" else int(fault)
        if len(raw) > MOST_BYTES:
            return 413
        try:
            json.loads(raw)
        except ValueError:
            return 400
        return 202

    def do_GET(self) -> None:
        teams = self.stand_in
        with teams.lock:
            shown = "".join(_shown(each) for each in reversed(teams.cards))
        page = _PAGE + (shown or "<p>Nothing has arrived yet.</p>")
        self.reply(200, page.encode(), "text/html; charset=utf-8")


def _shown(card: dict[str, Any]) -> str:
    blocks = "".join(_block(each) for each in card["body"])
    buttons = "".join(
        f'<a href="{html.escape(each["url"])}">{html.escape(each["title"])}</a>'
        for each in card["actions"]
    )
    return f"<article>{blocks}{buttons}</article>"


def _block(element: dict[str, Any]) -> str:
    if element["type"] == "FactSet":
        facts = "".join(
            f"<dt>{_plain(each['title'])}</dt><dd>{_plain(each['value'])}</dd>"
            for each in element["facts"]
        )
        return f"<dl>{facts}</dl>"
    style = "bolder" if element.get("weight") == "Bolder" else ""
    return f'<p class="{style}">{_plain(element["text"])}</p>'


def _plain(text: str) -> str:
    """Markdown without markup: what was escaped is shown as it is."""
    return html.escape(re.sub(r"\\(.)", r"\1", text))
