"""What each kind of Telegram's updates means to us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from integrations.adapters.inbound import (
    Inbound,
    InboundDeletion,
    InboundEdit,
    InboundMessage,
    InboundRating,
    InboundTurnover,
    Turnover,
)
from integrations.adapters.rows import Row, number, part, words
from integrations.adapters.telegram_message import (
    attachments_of,
    command_of,
    is_addressed,
    text_of,
    without_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is said by a press, and by which press a reply is rated.
SAY, HELPFUL, UNHELPFUL = "say", "helpful", "unhelpful"


@dataclass(frozen=True, slots=True)
class Bot:
    """Who we are there."""

    id: int
    username: str


def kind_of(update: Row) -> str:
    """The kind of an update that may be for us; empty: it is not."""
    return next((each for each in READERS if part(update, each)), "")


def is_said_to(bot: Bot, update: Row, kind: str) -> bool:
    """Whether it is for the bot: in a group much is said that is not."""
    if kind not in ("message", "edited_message"):
        return bool(kind)
    kind_of_chat = part(update[kind], "chat").get("type")
    if kind_of_chat == "private":
        return True
    is_group = kind_of_chat in ("group", "supergroup")
    return is_group and is_addressed(update[kind], bot.id, bot.username)


def _message(bot: Bot, message: Row) -> list[Inbound]:
    chat, sender = part(message, "chat"), part(message, "from")
    is_private = chat.get("type") == "private"
    if sender.get("is_bot") is not False or message.get("sender_business_bot"):
        return []
    if not is_private and not is_addressed(message, bot.id, bot.username):
        return []
    text = text_of(message)
    if not is_private:
        text = without_name(text, bot.username)
    attachments = attachments_of(message)
    if not text and not attachments:
        return []
    thread = _thread(message, number(sender))
    command, rest = command_of(words(message, "text"), bot.username)
    if command == "stop":
        return [InboundTurnover(thread, Turnover.CLOSED)]
    if command == "start":
        text = "/human" if rest.lower() == "human" else "/start"
    # In a business account everything else in a chat is the owner's own.
    is_owner = is_private and number(sender) != number(chat)
    person = chat if is_owner else sender
    return [
        InboundMessage(
            conversation_id=thread,
            contact_id=str(number(person)),
            external_id=str(number(message, "message_id")),
            text=text,
            author="support" if is_owner else "contact",
            contact_name=_name(person),
            profile=_profile(person, rest if command == "start" else ""),
            address=_address(message),
            lang=words(person, "language_code")[:12],
            attachments=attachments,
        )
    ]


def _edit(bot: Bot, message: Row) -> list[Inbound]:
    return [
        InboundEdit(each.conversation_id, each.external_id, each.text)
        for each in _message(bot, message)
        if isinstance(each, InboundMessage)
    ]


def _deletion(bot: Bot, deleted: Row) -> list[Inbound]:
    found = deleted.get("message_ids")
    thread = _thread(deleted, 0)
    rows = [{"id": each} for each in found] if isinstance(found, list) else []
    return [InboundDeletion(thread, str(number(each))) for each in rows]


def _press(bot: Bot, press: Row) -> list[Inbound]:
    message, sender = part(press, "message"), part(press, "from")
    kind, _colon, rest = words(press, "data").partition(":")
    if not message or not rest:
        return []
    thread = _thread(message, number(sender))
    if kind in (HELPFUL, UNHELPFUL):
        return [InboundRating(thread, rest, is_helpful=kind == HELPFUL)]
    if kind != SAY:
        return []
    return [
        InboundMessage(
            conversation_id=thread,
            contact_id=str(number(sender)),
            external_id=f"press:{words(press, 'id')}"[:100],
            text=rest,
            contact_name=_name(sender),
            address=_address(message, is_said_by_us=True),
            is_synchronous=True,
        )
    ]


def _membership(bot: Bot, change: Row) -> list[Inbound]:
    is_blocked = part(change, "new_chat_member").get("status") == "kicked"
    chat = part(change, "chat")
    if chat.get("type") != "private" or not is_blocked:
        return []
    return [InboundTurnover(str(number(chat)), Turnover.CLOSED)]


def _thread(message: Row, sender: int) -> str:
    """The name of a thread: a chat, one person's part of a group, or of a business."""
    chat = part(message, "chat")
    if words(message, "business_connection_id"):
        return f"business:{number(chat)}"
    if chat.get("type") == "private":
        return str(number(chat))
    return f"{number(chat)}:{sender}"


def _address(message: Row, *, is_said_by_us: bool = False) -> Row:
    chat = part(message, "chat")
    found: Row = {"chat": number(chat)}
    if connection := words(message, "business_connection_id"):
        found["business"] = connection
    if chat.get("type") != "private" and not is_said_by_us:
        found["answers"] = number(message, "message_id")
    if message.get("is_topic_message") is True:
        found["topic"] = number(message, "message_thread_id")
    return found


def _name(person: Row) -> str:
    return " ".join(
        filter(None, (words(person, name) for name in ("first_name", "last_name")))
    )


def _profile(person: Row, payload: str) -> Row:
    found = {
        "username": words(person, "username"),
        "language": words(person, "language_code"),
        # What the link said by which they came.
        "start": payload[:64],
    }
    return {name: each for name, each in found.items() if each}


#: By the name of the update; what is not here is not asked for.
READERS: Final[dict[str, Callable[[Bot, Row], list[Inbound]]]] = {
    "message": _message,
    "edited_message": _edit,
    "callback_query": _press,
    "my_chat_member": _membership,
    "business_connection": lambda _bot, _update: [],
    "business_message": _message,
    "edited_business_message": _edit,
    "deleted_business_messages": _deletion,
}
