"""The stand-in for Chatwoot without sockets: its API in place of the network."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Self

import httpx2

from core import http
from integrations.adapters.base import ChannelFacts
from integrations.adapters.chatwoot import ChatwootAdapter
from integrations.rehearsal.chatwoot_account import ACCOUNT, INBOX, ChatwootAccount
from integrations.rehearsal.chatwoot_api import (
    BOT_TOKEN,
    SECRET,
    USER_TOKEN,
    Call,
    ChatwootApi,
    Reply,
)

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://chatwoot.example"
CREDENTIALS = {
    "base_url": URL,
    "account_id": str(ACCOUNT["id"]),
    "inbox_id": str(INBOX["id"]),
    "bot_token": BOT_TOKEN,
    "user_token": USER_TOKEN,
    "webhook_secret": SECRET,
}


class Rehearsal:
    """Answers every request as Chatwoot would; its events wait to be delivered."""

    bot_token = BOT_TOKEN

    def __init__(self) -> None:
        self.events: deque[dict[str, Any]] = deque()
        self.account = ChatwootAccount(on_event=self._keep)
        self.api = ChatwootApi(self.account)
        self.answers: list[tuple[Call, Reply]] = []
        #: Called between the arrival of a request and its answer.
        self.meanwhile: Callable[[Call], None] = lambda _: None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        transport = httpx2.MockTransport(self._handle)
        self._stack.enter_context(http.use_transport(transport))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def calls(self) -> list[Call]:
        return self.api.calls

    def adapter(self, **changes: str) -> ChatwootAdapter:
        facts = ChannelFacts(
            id=1,
            uuid="11111111-1111-4111-8111-111111111111",
            account_id=1,
            provider="chatwoot",
            key="ck",
            credentials={**CREDENTIALS, **changes},
        )
        return ChatwootAdapter(facts)

    def _keep(self, event: dict[str, Any]) -> None:
        self.events.append(json.loads(json.dumps(event)))

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host != "chatwoot.example":
            return httpx2.Response(200, json={"status": "ok"})
        prefix = f"/api/v1/accounts/{ACCOUNT['id']}/"
        body = request.read()
        call = Call(
            request.method,
            request.url.path.removeprefix(prefix),
            dict(request.url.params),
            json.loads(body) if body else {},
            request.headers.get("api-access-token", ""),
        )
        reply = self.api.answer(call)
        self.answers.append((call, reply))
        self.meanwhile(call)
        if not reply.status:
            raise httpx2.ReadTimeout("The line went dead.")
        if isinstance(reply.content, str):
            return httpx2.Response(reply.status, text=reply.content)
        if reply.content is None:
            return httpx2.Response(reply.status)
        return httpx2.Response(reply.status, json=reply.content)
