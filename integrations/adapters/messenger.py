"""Messenger, as a Facebook page. Facts: docs/providers/meta.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from integrations.adapters.base import CredentialField
from integrations.adapters.meta import MetaAdapter
from integrations.adapters.meta_messaging import MessagingAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping


class MessengerAdapter(MessagingAdapter):
    """A page and its access token."""

    key = "messenger"
    label = "Messenger"
    object = "page"
    max_length = 2000
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
    )

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        body = {"recipient": {"id": address["to"]}, "sender_action": "typing_on"}
        await self.call("POST", "me/messages", body)
