"""Programs that ask over our own REST API and read replies there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.exceptions import InvalidSignature
from integrations.adapters.base import Adapter, WebhookRequest

if TYPE_CHECKING:
    from integrations.adapters.inbound import Inbound


class ApiAdapter(Adapter):
    """An account's programs come with its bearer tokens, so nothing comes to the inbox."""

    key = "api"
    label = "API"
    is_pulled = True
    takes_webhooks = False

    def verify(self, request: WebhookRequest) -> None:
        raise InvalidSignature(
            "This channel is used with a bearer token, at /api/v1/ai/."
        )

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        return []
