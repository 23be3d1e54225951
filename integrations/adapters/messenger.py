"""Messenger, as a Facebook page. Facts: docs/providers/meta.md."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from core.exceptions import CredentialsRefused, PermanentProviderError, ThreadTaken
from integrations.adapters.base import CredentialField, Outbound, Profile
from integrations.adapters.inbound import Inbound, InboundTurnover, Turnover
from integrations.adapters.meta import MetaAdapter
from integrations.adapters.meta_messaging import MessagingAdapter
from integrations.adapters.rows import Row, name_of, part, words

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: Reasons of handoffs to somebody who replies on our own desk.
_AT_OUR_DESK: Final = ("taken_over", "person_replied")


class MessengerAdapter(MessagingAdapter):
    """A page and its access token."""

    key = "messenger"
    label = "Messenger"
    object = "page"
    max_length = 2000
    announces_handoff = True
    profile_fields = "name,profile_pic"
    identity = "page_id"
    subscribed = (
        f"{MessagingAdapter.subscribed},message_echoes,message_deliveries,"
        "message_edits,messaging_handovers,standby"
    )
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        *MetaAdapter.shared_fields,
        CredentialField(
            "page_id",
            "Number of the page",
            is_secret=False,
            is_required=False,
            is_generated=True,
        ),
        CredentialField(
            "inbox_app_id",
            "Id of the app that gets the thread on a handoff",
            is_secret=False,
            is_required=False,
        ),
    )

    @property
    def _inbox(self) -> str:
        return self.channel.credentials.get("inbox_app_id", "")

    def read(self, item: Row) -> list[Inbound]:
        asked = part(item, "request_thread_control")
        if not asked:
            return super().read(item)
        if str(asked.get("requested_owner_app_id")) != self._inbox:
            return []
        person = name_of(part(item, "sender"))
        return [InboundTurnover(person, Turnover.TO_SUPPORT, is_persons=True)]

    async def send(self, outbound: Outbound) -> str:
        if outbound.kind in ("hand_off", "hand_back"):
            if self._inbox and "to" in outbound.address:
                await self._pass_on(outbound)
            return ""
        try:
            return await super().send(outbound)
        except ThreadTaken:
            if not (self._inbox and outbound.is_by_person):
                raise
            # Somebody replies on our desk to what we had passed on.
            await self._control("take", outbound)
            return await super().send(outbound)

    async def profile(self, contact: str, *, most: int) -> Profile:
        found = await super().profile(contact, most=most)
        try:
            said = await self.api.call("GET", quote(contact, safe=""), fields="locale")
        except PermanentProviderError:
            return found  # the language has a permission of its own
        return replace(found, lang=words(said, "locale").partition("_")[0])

    async def _pass_on(self, outbound: Outbound) -> None:
        """Give the thread to the app that people reply in, or take it back.

        A page without conversation routing refuses that: then it was ours all along.
        """
        if outbound.kind == "hand_off":
            if outbound.context.get("reason") not in _AT_OUR_DESK:
                await self._try("pass", outbound, target_app_id=self._inbox)
        elif not await self._try("take", outbound):
            # Only the page's first app may take; any other asks.
            await self._try("request", outbound)

    async def _try(self, verb: str, outbound: Outbound, **more: str) -> bool:
        try:
            await self._control(verb, outbound, **more)
        except CredentialsRefused:
            raise
        except PermanentProviderError as exc:
            logger.info("Meta does not %s the thread: %s", verb, exc.status)
            return False
        return True

    async def _control(self, verb: str, outbound: Outbound, **more: str) -> None:
        body = {"recipient": {"id": outbound.address["to"]}, **more}
        path = f"me/{verb}_thread_control"
        await self.api.call("POST", path, body, repeatable=True)

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        body = {"recipient": {"id": address["to"]}, "sender_action": "typing_on"}
        await self.api.call("POST", "me/messages", body)
