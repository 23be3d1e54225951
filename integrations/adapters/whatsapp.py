"""WhatsApp, by Meta's Cloud API. Facts: docs/providers/meta.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from core import http
from integrations.adapters.base import (
    Attachment,
    CredentialField,
    Inbound,
    InboundMessage,
    InboundRating,
    InboundReport,
    Outbound,
)
from integrations.adapters.meta import MetaAdapter
from integrations.adapters.rows import Row, name_of, part, rows, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Our kind of each type of message that has a file.
_FILES: Final[dict[str, Literal["image", "voice", "video", "file"]]] = {
    "audio": "voice",
    "document": "file",
    "image": "image",
    "sticker": "image",
    "video": "video",
}
_STATES: Final = {"sent", "delivered", "read", "failed"}
#: Longest text above buttons.
_LONGEST_WITH_BUTTONS: Final = 1024
_RATINGS: Final = (("👍", "helpful"), ("👎", "unhelpful"))


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
    )

    # What arrives

    def items(self, payload: Row) -> Iterator[Row]:
        own = self.channel.credentials["phone_number_id"]
        for entry in rows(payload, "entry"):
            for change in rows(entry, "changes"):
                value = part(change, "value")
                if str(part(value, "metadata").get("phone_number_id")) == own:
                    yield from self.events(value)

    def events(self, entry: Row) -> Iterator[Row]:
        names = {
            str(each.get("wa_id")): words(part(each, "profile"), "name")
            for each in rows(entry, "contacts")
        }
        for message in rows(entry, "messages"):
            name = names.get(str(message.get("from")), "")
            yield {"message": message, "name": name}
        for status in rows(entry, "statuses"):
            yield {"status": status}
        for echo in rows(entry, "message_echoes"):
            yield {"echo": echo}

    def event_name(self, item: Row) -> list[Any]:
        kind, row = next(each for each in item.items() if isinstance(each[1], dict))
        return [kind, str(row.get("id")), str(row.get("status"))]

    def read(self, item: Row) -> list[Inbound]:
        if status := part(item, "status"):
            return _report(status)
        if echo := part(item, "echo"):
            # A person wrote it in the app on their phone.
            person = name_of(echo, "to")
            return [self._said(echo, person, author="support", is_echo=True)]
        message = part(item, "message")
        if not message or words(message, "type") in ("reaction", "system"):
            return []
        person = name_of(message, "from")
        pressed = words(_pressed(message), "id") or words(_pressed(message), "payload")
        kind, _colon, rest = pressed.partition(":")
        if kind in dict(_RATINGS).values() and rest:
            return [InboundRating(person, rest, is_helpful=kind == "helpful")]
        address = {"to": person, "at": _time(message), "message": name_of(message)}
        name = words(item, "name")
        return [self._said(message, person, contact_name=name, address=address)]

    def _said(self, message: Row, person: str, **more: Any) -> InboundMessage:
        return InboundMessage(
            conversation_id=person,
            contact_id=person,
            external_id=name_of(message),
            text=_text(message),
            attachments=_attachments(message),
            profile={"phone": f"+{person}"} if person.isdigit() else {},
            **more,
        )

    # What we send

    def pace_s(self, address: Mapping[str, Any]) -> float:
        # One message every six seconds to one customer.
        return 6.0

    async def send(self, outbound: Outbound) -> str:
        self.window_of(outbound)
        text: Row = {"type": "text", "text": {"body": outbound.text}}
        answer = await self._post(
            {
                "recipient_type": "individual",
                "to": outbound.address["to"],
                **(_with_buttons(outbound) or text),
            }
        )
        return words(next(iter(rows(answer, "messages")), {}), "id")

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        shown = {"status": "read", "message_id": address["message"]}
        await self._post({**shown, "typing_indicator": {"type": "text"}})

    async def _post(self, body: Row) -> Row:
        number = self.channel.credentials["phone_number_id"]
        body = {"messaging_product": "whatsapp", **body}
        return await self.call("POST", f"{number}/messages", body)

    async def fetch(self, attachment: Attachment, *, most: int) -> bytes:
        found = await self.call("GET", attachment.external_id)
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

    async def connect(self, url: str) -> dict[str, str]:
        await self.own_name()
        return {}

    async def own_name(self) -> str:
        number = self.channel.credentials["phone_number_id"]
        fields = "verified_name,display_phone_number"
        found = await self.call("GET", number, fields=fields)
        names = (words(found, each) for each in fields.split(","))
        return " ".join(filter(None, names))


def _time(message: Row) -> int:
    at = words(message, "timestamp")
    return int(at) if at.isascii() and at.isdigit() and len(at) < 12 else 0


def _pressed(message: Row) -> Row:
    shown = part(message, "interactive")
    return (
        part(shown, "button_reply")
        or part(shown, "list_reply")
        or part(message, "button")
    )


def _text(message: Row) -> str:
    pressed = _pressed(message)
    if pressed:
        return words(pressed, "title") or words(pressed, "text")
    if place := part(message, "location"):
        at = (place.get(name) for name in ("latitude", "longitude"))
        found = [str(each) for each in at if isinstance(each, int | float)]
        named = [words(place, "name"), words(place, "address"), *found]
        return ", ".join(filter(None, named))
    people = [
        [words(part(each, "name"), "formatted_name")]
        + [words(phone, "phone") for phone in rows(each, "phones")]
        for each in rows(message, "contacts")
    ]
    shared = "\n".join(" ".join(filter(None, each)) for each in people)
    file = part(message, words(message, "type"))
    return words(part(message, "text"), "body") or words(file, "caption") or shared


def _attachments(message: Row) -> tuple[Attachment, ...]:
    kind = words(message, "type")
    file = part(message, kind)
    if kind not in _FILES or not file:
        return ()
    return (
        Attachment(
            _FILES[kind],
            external_id=words(file, "id"),
            name=words(file, "filename"),
            content_type=words(file, "mime_type"),
        ),
    )


def _report(status: Row) -> list[Inbound]:
    state: Any = words(status, "status")
    if state not in _STATES:
        return []
    error = next(iter(rows(status, "errors")), {})
    reason = words(part(error, "error_data"), "details") or words(error, "title")
    person = name_of(status, "recipient_id")
    return [InboundReport(person, name_of(status), state, error=reason)]


def _with_buttons(outbound: Outbound) -> Row:
    pressed = [(each, f"say:{each}") for each in outbound.choices]
    if outbound.is_rateable:
        pressed = [(sign, f"{kind}:{outbound.reference}") for sign, kind in _RATINGS]
    if not pressed or len(outbound.text) > _LONGEST_WITH_BUTTONS:
        return {}
    buttons = [
        {"type": "reply", "reply": {"id": key, "title": title}}
        for title, key in pressed
    ]
    shown = {"type": "button", "body": {"text": outbound.text}}
    return {
        "type": "interactive",
        "interactive": {**shown, "action": {"buttons": buttons}},
    }
