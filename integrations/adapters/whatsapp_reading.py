"""What arrives from WhatsApp: messages, states of ours, and echoes of people.

Facts: docs/providers/meta.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from integrations.adapters.inbound import (
    Attachment,
    Inbound,
    InboundMessage,
    InboundReport,
)
from integrations.adapters.meta_buttons import rating_of
from integrations.adapters.rows import Row, name_of, part, rows, words

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Our kind of each type of message that has a file.
_FILES: Final[dict[str, Literal["image", "voice", "video", "file"]]] = {
    "audio": "voice",
    "document": "file",
    "image": "image",
    "sticker": "image",
    "video": "video",
}
_STATES: Final = {"sent", "delivered", "read", "failed"}
#: The customer wrote more than 24 hours ago.
_TOO_LATE: Final = 131047


def items_of(payload: Row, own: str) -> Iterator[Row]:
    """Every event of a delivery that is of this number."""
    for entry in rows(payload, "entry"):
        for change in rows(entry, "changes"):
            value = part(change, "value")
            if str(part(value, "metadata").get("phone_number_id")) == own:
                yield from _events(value)


def _events(value: Row) -> Iterator[Row]:
    names = {
        str(each.get("wa_id")): words(part(each, "profile"), "name")
        for each in rows(value, "contacts")
    }
    for message in rows(value, "messages"):
        name = names.get(str(message.get("from")), "")
        yield {"message": message, "name": name}
    for status in rows(value, "statuses"):
        yield {"status": status}
    for echo in rows(value, "message_echoes"):
        yield {"echo": echo}


def name_of_event(item: Row) -> list[Any]:
    """What is the same each time an event is delivered."""
    kind, row = next(each for each in item.items() if isinstance(each[1], dict))
    return [kind, str(row.get("id")), str(row.get("status"))]


def read(item: Row) -> list[Inbound]:
    """What one event says."""
    if status := part(item, "status"):
        return _report(status)
    if echo := part(item, "echo"):
        # A person wrote it in the app on their phone.
        person = name_of(echo, "to")
        return [_said(echo, person, author="support", is_echo=True)]
    message = part(item, "message")
    if not message or words(message, "type") in ("reaction", "system"):
        return []
    person = name_of(message, "from")
    pressed = words(_pressed(message), "id") or words(_pressed(message), "payload")
    if rating := rating_of(person, pressed):
        return [rating]
    address = {"to": person, "at": _time(message), "message": name_of(message)}
    name = words(item, "name")
    return [_said(message, person, contact_name=name, address=address)]


def _said(message: Row, person: str, **more: Any) -> InboundMessage:
    return InboundMessage(
        conversation_id=person,
        contact_id=person,
        external_id=name_of(message),
        text=_text(message),
        attachments=_attachments(message),
        profile={"phone": f"+{person}"} if person.isdigit() else {},
        **more,
    )


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
    is_late = error.get("code") == _TOO_LATE
    return [
        InboundReport(person, name_of(status), state, error=reason, is_late=is_late)
    ]
