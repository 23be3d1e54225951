"""Telegram, as a bot of its own or in somebody's business account.

Facts: docs/providers/telegram.md.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.exceptions import PermanentProviderError, ProviderError
from core.language import speaking
from core.text import utf16_units
from integrations.adapters import telegram_api, telegram_checks
from integrations.adapters.base import (
    Adapter,
    Check,
    CredentialField,
    Outbound,
    Profile,
    WebhookRequest,
    require_secret,
)
from integrations.adapters.inbound import Attachment, Inbound
from integrations.adapters.rows import Row, number, part, words
from integrations.adapters.telegram_reading import (
    READERS,
    SAY,
    Bot,
    is_said_to,
    kind_of,
)
from integrations.adapters.telegram_sending import buttons, where

if TYPE_CHECKING:
    from collections.abc import Mapping


class TelegramAdapter(Adapter):
    """A secret header in, calls with the bot's token out."""

    key = "telegram"
    label = "Telegram"
    max_length = 4096
    has_buttons = True
    has_profiles = True
    connects = True
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField(
            "bot_token", "Token of the bot, from @BotFather", is_unique=True
        ),
        CredentialField(
            "webhook_secret", "Webhook secret", is_required=False, is_generated=True
        ),
        CredentialField(
            "username",
            "Name of the bot",
            is_secret=False,
            is_required=False,
            is_generated=True,
        ),
    )

    @property
    def _token(self) -> str:
        return self.channel.credentials["bot_token"]

    @property
    def _bot(self) -> Bot:
        front = self._token.partition(":")[0]
        own = int(front) if front.isascii() and front.isdigit() else 0
        return Bot(own, self.channel.credentials.get("username", ""))

    # What arrives

    def verify(self, request: WebhookRequest) -> None:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        require_secret(given, self.channel.credentials.get("webhook_secret", ""))

    def delivery_key(self, request: WebhookRequest, payload: Row) -> str:
        name = str(number(payload, "update_id"))
        return name if is_said_to(self._bot, payload, kind_of(payload)) else ""

    def acknowledge(self, payload: Row) -> None:
        """Nothing: what stands in an answer is executed."""

    def parse(self, payload: Row) -> list[Inbound]:
        kind = kind_of(payload)
        return READERS[kind](self._bot, payload[kind]) if kind else []

    def wants_answer(self, payload: Row) -> bool:
        return bool(part(payload, "callback_query"))

    async def answer_back(self, payload: Row) -> None:
        """A button turns until it is told that its press has arrived."""
        press = part(payload, "callback_query")
        values = {"callback_query_id": words(press, "id")}
        if not words(press, "data").startswith(SAY):
            with speaking(words(part(press, "from"), "language_code")):
                values["text"] = _("Thank you!")
        await self._call("answerCallbackQuery", values)

    # What we send

    def measure(self, text: str) -> int:
        return utf16_units(text)

    def pace_s(self, address: Mapping[str, Any]) -> float:
        # A group takes twenty messages a minute.
        return 3.0 if int(address.get("chat", 0)) < 0 else 1.0

    async def fetch(self, attachment: Attachment, *, most: int) -> bytes:
        file = await self._call("getFile", {"file_id": attachment.external_id})
        path = words(file, "file_path")
        return await telegram_api.read_file(self._token, path, most=most)

    async def profile(self, contact: str, *, most: int) -> Profile:
        # The name and the language come with each message.
        wanted = {"user_id": int(contact), "limit": 1}
        found = await self._call("getUserProfilePhotos", wanted)
        # Of one picture, in several sizes; the smallest comes first.
        sizes = next(iter(found.get("photos") or ()), ())
        if not sizes:
            return Profile()
        picture = Attachment("image", external_id=words(sizes[0], "file_id"))
        return Profile(picture=await self.fetch(picture, most=most))

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        place = where(address)
        place.pop("reply_parameters", None)
        await self._call("sendChatAction", {**place, "action": "typing"})

    async def send(self, outbound: Outbound) -> str:
        # No parse mode: whatever the text holds, it is shown as it is.
        values = {
            **where(outbound.address),
            "text": outbound.text,
            "link_preview_options": {"is_disabled": True},
        }
        if rows := buttons(outbound):
            values["reply_markup"] = {"inline_keyboard": rows}
        answer = await self._call("sendMessage", values, repeatable=False)
        return str(answer.get("message_id", "")) if isinstance(answer, dict) else ""

    async def _call(
        self, method: str, values: Row | None = None, *, repeatable: bool = True
    ) -> Any:
        return await telegram_api.call(
            self._token, method, values, repeatable=repeatable
        )

    # How it is set up

    def prepare(self) -> dict[str, str]:
        return {"webhook_secret": secrets.token_urlsafe(32)}

    async def connect(self, url: str) -> dict[str, str]:
        if url.startswith("/"):
            raise PermanentProviderError(
                telegram_checks.no_address(), provider=self.key
            )
        me = await self._call("getMe")
        secret = self.channel.credentials["webhook_secret"].partition(",")[0]
        values = {"url": url, "secret_token": secret, "allowed_updates": [*READERS]}
        await self._call("setWebhook", values)
        return {"username": words(me, "username")}

    async def is_connected(self, url: str) -> bool:
        info = await self._call("getWebhookInfo")
        return info.get("url") == url and set(info.get("allowed_updates") or ()) == {
            *READERS
        }

    async def check(self) -> list[Check]:
        try:
            me, info = await self._call("getMe"), await self._call("getWebhookInfo")
        except ProviderError as exc:
            return [Check(gettext_noop("Bot"), is_ok=False, detail=str(exc))]
        return telegram_checks.findings(me, info, self.channel.uuid)
