"""WebSockets: the desk hears its accounts, a contact's page its own conversation."""

from __future__ import annotations

import hmac
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import BearerAuthentication
from accounts.models import Account, User
from conversations import live
from integrations.models import Channel

#: Why we close: not signed in, not allowed, too slow.
CLOSE_UNKNOWN, CLOSE_REFUSED, CLOSE_SLOW = 4401, 4403, 4408


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Passes on the events of the groups it has joined."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.joined: list[str] = []

    async def join(self, group: str) -> None:
        """Hear a group from now on."""
        await self.channel_layer.group_add(group, self.channel_name)
        self.joined.append(group)

    async def disconnect(self, code: int) -> None:
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)
        self.channel_layer.drop(self.channel_name)

    async def live_event(self, message: dict[str, Any]) -> None:
        """Something happened; the text was serialised once for everybody."""
        await self.send(text_data=message["text"])

    async def live_resync(self, message: dict[str, Any]) -> None:
        """Events may be missing: the browser reads what came after its newest."""
        await self.send(text_data='{"v":1,"type":"resync"}')

    async def live_cut(self, message: dict[str, Any]) -> None:
        """The socket is too slow; it comes back and reads what it missed."""
        await self.close(CLOSE_SLOW)


class DeskConsumer(LiveConsumer):
    """`/ws/desk/`, for members of an account, by session or bearer token."""

    async def connect(self) -> None:
        accounts = await database_sync_to_async(self._accounts)()
        await self.accept()
        if not accounts:
            await self.close(CLOSE_UNKNOWN)
            return
        for account_id in accounts:
            await self.join(live.account_group(account_id))

    def _accounts(self) -> list[int]:
        headers = dict(self.scope["headers"])
        if b"authorization" in headers:
            return self._accounts_of_token(headers[b"authorization"])
        user = self.scope["user"]
        if not isinstance(user, User):
            return []
        return list(Account.objects.for_user(user).values_list("pk", flat=True))

    def _accounts_of_token(self, header: bytes) -> list[int]:
        request = HttpRequest()
        request.META["HTTP_AUTHORIZATION"] = header.decode("latin-1")
        try:
            found = BearerAuthentication().authenticate(request)
        except AuthenticationFailed:
            return []
        return [found[1].account_id] if found else []


class ChatConsumer(LiveConsumer):
    """`/ws/chat/{channel}/`: the contact says which session to watch.

    The first message is `{"key", "session_id"}`. Words of an epoch that has passed
    are dropped here, at the last step before they leave.
    """

    epoch = 0

    async def connect(self) -> None:
        await self.accept()

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        if self.joined:
            return
        hello = _hello(text_data)
        channel = await database_sync_to_async(self._channel)(hello.get("key", ""))
        session = hello.get("session_id", "")
        if channel is None or len(session) < 16:
            await self.close(CLOSE_REFUSED)
            return
        await self.join(live.conversation_group(channel.pk, session))
        await self.send(text_data='{"v":1,"type":"watching"}')

    def _channel(self, key: str) -> Channel | None:
        name = self.scope["url_route"]["kwargs"]["channel"]
        channel = Channel.objects.active().filter(uuid=name, provider="web").first()
        if channel is None or not hmac.compare_digest(
            channel.key.encode(), key.encode()
        ):
            return None
        return channel

    async def live_event(self, message: dict[str, Any]) -> None:
        epoch = orjson.loads(message["text"]).get("epoch", 0)
        if epoch < self.epoch:
            return
        self.epoch = epoch
        await super().live_event(message)


def _hello(text: str | None) -> dict[str, str]:
    try:
        value = orjson.loads(text or "")
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: each for name, each in value.items() if isinstance(each, str)}
