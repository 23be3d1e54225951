"""WebSockets: the desk hears its accounts, a contact's page its own conversation."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Any, Final

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts import access
from conversations import live
from conversations.watching import watch
from integrations.models import Channel

if TYPE_CHECKING:
    from accounts.access import Access

#: Why we close: not signed in, not allowed, too slow, what one may hear has changed, too
#: much was said.
CLOSE_UNKNOWN, CLOSE_REFUSED, CLOSE_SLOW, CLOSE_CHANGED = 4401, 4403, 4408, 4409
CLOSE_TOO_MUCH = 4429
#: What a client may send: bytes of one message, and messages in a minute.
MOST_BYTES: Final = 4096
MOST_MESSAGES: Final = 30


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Passes on the events of the groups it has joined."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.joined: list[str] = []
        self._is_over = False
        #: When the client's messages of the last minute came, by `time.monotonic`.
        self._received: list[float] = []

    async def join(self, group: str) -> None:
        """Hear a group from now on."""
        await self.channel_layer.group_add(group, self.channel_name)
        self.joined.append(group)

    async def join_accounts(self, found: Access) -> None:
        """Hear all that somebody may hear, for as long as they may."""
        watch().add(self, found)
        for account_id in found.accounts:
            await self.join(live.account_group(account_id))

    async def disconnect(self, code: int) -> None:
        watch().remove(self)
        await self.leave()
        self.channel_layer.drop(self.channel_name)

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        """Take a message, unless there are too many, or too large ones."""
        now = time.monotonic()
        self._received = [at for at in self._received if now - at < 60] + [now]
        said = message.get("bytes") or (message.get("text") or "").encode()
        if len(said) > MOST_BYTES or len(self._received) > MOST_MESSAGES:
            await self.end(CLOSE_TOO_MUCH)
        elif not self._is_over:
            await super().websocket_receive(message)

    async def cut_off(self) -> None:
        """Close at once: who listens may not hear all of this any more."""
        await self.end(CLOSE_CHANGED)

    async def end(self, code: int) -> None:
        """Send nothing more, and close."""
        if not self._is_over:
            self._is_over = True
            await self.leave()
            await self.close(code)

    async def leave(self) -> None:
        """Hear no group any more."""
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def live_event(self, message: dict[str, Any]) -> None:
        """Something happened; the text was serialised once for everybody."""
        await self.send(text_data=message["text"])

    async def live_resync(self, message: dict[str, Any]) -> None:
        """Events may be missing: the browser reads what came after its newest."""
        await self.send(text_data='{"v":1,"type":"resync"}')

    async def live_cut(self, message: dict[str, Any]) -> None:
        """The socket is too slow; it comes back and reads what it missed."""
        await self.end(CLOSE_SLOW)


class DeskConsumer(LiveConsumer):
    """`/ws/desk/`, for members of an account, by session or bearer token."""

    async def connect(self) -> None:
        found = await database_sync_to_async(access_of)(self.scope)
        await self.accept()
        if found is None:
            await self.end(CLOSE_UNKNOWN)
            return
        await self.join_accounts(found)


def access_of(scope: dict[str, Any]) -> Access | None:
    """Who opens a socket, as its header or its session says; None: nobody we know."""
    header = dict(scope["headers"]).get(b"authorization")
    if header is not None:
        kind, _, token = header.decode("latin-1").partition(" ")
        return access.by_token(token) if kind.lower() == "bearer" else None
    return access.by_session(scope["user"], scope["session"].session_key)


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
            await self.end(CLOSE_REFUSED)
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
