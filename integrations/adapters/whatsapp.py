"""WhatsApp, by Meta's Cloud API. Facts: docs/providers/meta.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils.translation import gettext_noop

from core import http
from core.exceptions import ProviderError
from integrations.adapters import whatsapp_reading
from integrations.adapters.base import Check, CredentialField, Outbound
from integrations.adapters.meta import MetaAdapter
from integrations.adapters.meta_buttons import buttons
from integrations.adapters.rows import Row, rows, words
from integrations.adapters.whatsapp_templates import Template, approved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from integrations.adapters.inbound import Attachment, Inbound

#: Longest text above buttons.
_LONGEST_WITH_BUTTONS: Final = 1024


class WhatsAppAdapter(MetaAdapter):
    """A phone number of a WhatsApp business account."""

    key = "whatsapp"
    label = "WhatsApp"
    object = "whatsapp_business_account"
    max_length = 4096
    has_buttons = True
    identity = "phone_number_id"
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        *MetaAdapter.shared_fields,
        CredentialField(
            "phone_number_id", "Id of the number", is_secret=False, is_unique=True
        ),
        CredentialField(
            "business_account_id",
            "Id of the WhatsApp business account",
            is_secret=False,
            is_required=False,
        ),
        CredentialField(
            "template",
            "Template",
            is_secret=False,
            is_required=False,
            is_generated=True,
        ),
    )

    @property
    def _number(self) -> str:
        return self.channel.credentials["phone_number_id"]

    @property
    def _business(self) -> str:
        return self.channel.credentials.get("business_account_id", "")

    @property
    def template(self) -> Template | None:
        """What the owner chose for what is said too late."""
        return Template.load(self.channel.credentials.get("template", ""))

    # What arrives

    def items(self, payload: Row) -> Iterator[Row]:
        return whatsapp_reading.items_of(payload, self._number)

    def event_name(self, item: Row) -> list[Any]:
        return whatsapp_reading.name_of_event(item)

    def read(self, item: Row) -> list[Inbound]:
        return whatsapp_reading.read(item)

    # What we send

    def pace_s(self, address: Mapping[str, Any]) -> float:
        # One message every six seconds to one customer.
        return 6.0

    async def send(self, outbound: Outbound) -> str:
        body = {"recipient_type": "individual", "to": outbound.address["to"]}
        answer = await self._post({**body, **self._said(outbound)})
        return words(next(iter(rows(answer, "messages")), {}), "id")

    def _said(self, outbound: Outbound) -> Row:
        """What is said, as their calls take it; raises `ReplyWindowClosed`."""
        if outbound.kind == "template" and outbound.is_by_person and self.template:
            return self.template.message(
                outbound.text, outbound.context.get("name", "")
            )
        self.window_of(outbound)
        return _with_buttons(outbound) or {
            "type": "text",
            "text": {"body": outbound.text},
        }

    def template_text(self, text: str, name: str) -> str:
        return self.template.text(text, name) if self.template else ""

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        shown = {"status": "read", "message_id": address["message"]}
        await self._post({**shown, "typing_indicator": {"type": "text"}})

    async def _post(self, body: Row) -> Row:
        body = {"messaging_product": "whatsapp", **body}
        return await self.api.call("POST", f"{self._number}/messages", body)

    async def fetch(self, attachment: Attachment, *, most: int) -> bytes:
        found = await self.api.call("GET", attachment.external_id)
        response = await http.request(
            "GET",
            words(found, "url"),
            provider=self.key,
            headers={
                "Authorization": f"Bearer {self.channel.credentials['access_token']}"
            },
            max_bytes=most,
        )
        return response.content

    # How it is set up

    async def connect(self, url: str) -> dict[str, str]:
        await self.own_name()
        if self._business:
            await self.api.call("POST", f"{self._business}/subscribed_apps")
        return {}

    async def is_connected(self, url: str) -> bool:
        if not self._business:
            return True  # there is nobody to ask
        found = await self.api.call("GET", f"{self._business}/subscribed_apps")
        return bool(rows(found, "data"))

    async def own_name(self) -> str:
        fields = "verified_name,display_phone_number"
        found = await self.api.call("GET", self._number, fields=fields)
        names = (words(found, each) for each in fields.split(","))
        return " ".join(filter(None, names))

    async def templates(self) -> list[Template]:
        """The approved templates that can be sent; raises `ProviderError`."""
        path = f"{self._business}/message_templates"
        fields = "name,language,status,components"
        return approved(
            await self.api.call(
                "GET", path, fields=fields, status="APPROVED", limit="200"
            )
        )

    async def check(self) -> list[Check]:
        found = await super().check()
        if self.template is None or not self._business:
            return found
        try:
            problem = self.template.problem(await self.templates())
        except ProviderError as exc:
            problem = str(exc)
        name = gettext_noop("Template")
        detail = problem or self.template.title
        return [*found, Check(name, is_ok=not problem, detail=detail)]


def _with_buttons(outbound: Outbound) -> Row:
    pressed = buttons(outbound)
    if not pressed or len(outbound.text) > _LONGEST_WITH_BUTTONS:
        return {}
    replies = [
        {"type": "reply", "reply": {"id": key, "title": title}}
        for title, key in pressed
    ]
    shown = {"type": "button", "body": {"text": outbound.text}}
    return {
        "type": "interactive",
        "interactive": {**shown, "action": {"buttons": replies}},
    }
