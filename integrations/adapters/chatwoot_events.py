"""What Chatwoot's events and lists of messages mean to us.

Webhooks name kinds of messages by words, the API by numbers; the rest is alike.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from core.exceptions import InvalidPayload
from integrations.adapters.inbound import (
    Attachment,
    Inbound,
    InboundMessage,
    InboundTurnover,
    Turnover,
)

#: Their ids are numbers; some of other objects are short words.
_ID: Final = re.compile(r"[\w-]{1,100}\Z", re.ASCII)
#: What a status of theirs means for who replies. Whoever snoozes it wants it himself.
TURNOVERS: Final = {
    "open": Turnover.TO_SUPPORT,
    "snoozed": Turnover.TO_SUPPORT,
    "pending": Turnover.TO_ASSISTANT,
    "resolved": Turnover.CLOSED,
}
_MESSAGE_TYPES: Final = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
#: Their kinds of files; any other is a file.
_FILES: Final = {"image": "image", "audio": "voice", "video": "video"}


def id_of(payload: dict[str, Any], name: str = "id") -> str:
    """The id of an object of theirs; raises `InvalidPayload` when it has none."""
    value = payload.get("id")
    if (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or not _ID.match(str(value))
    ):
        raise InvalidPayload(f"`{name}` is missing.")
    return str(value)


def part(payload: dict[str, Any], name: str) -> dict[str, Any]:
    """An object within an object; empty where it is none."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def author_of(message: dict[str, Any]) -> str:
    """`contact`, `support`, or empty: neither of them said it."""
    kind = message.get("message_type")
    kind = _MESSAGE_TYPES.get(kind, "") if isinstance(kind, int) else kind
    if message.get("private"):
        return ""
    if kind == "incoming":
        return "contact"
    return "support" if kind == "outgoing" and _is_by_person(message) else ""


def _is_by_person(message: dict[str, Any]) -> bool:
    attributes = part(message, "content_attributes")
    if attributes.get("reference"):
        return False  # ours, whoever's token it was sent with
    if attributes.get("external_echo"):
        return True  # typed in the app of the channel behind it
    sender_type = part(message, "sender").get("type") or message.get("sender_type")
    return (
        str(sender_type).lower() == "user"
        and not attributes.get("automation_rule_id")
        and not part(message, "additional_attributes").get("campaign_id")
    )


def message_of(
    message: dict[str, Any],
    conversation: dict[str, Any],
    *,
    was_answered: bool = False,
) -> InboundMessage | None:
    """A message as ours; None: nobody said it whose words count."""
    author = author_of(message)
    if not author:
        return None
    meta = part(conversation, "meta")
    person = part(meta, "sender")
    if author == "contact":
        person = part(message, "sender") or person
    thread = id_of(conversation, "conversation.id")
    # Null where there are only attachments.
    content = message.get("content")
    return InboundMessage(
        conversation_id=thread,
        contact_id=(
            f"conversation-{thread}"
            if person.get("id") is None
            else id_of(person, "sender.id")
        ),
        external_id=id_of(message),
        text=content if isinstance(content, str) else "",
        author="contact" if author == "contact" else "support",
        contact_name=str(person.get("name") or ""),
        contact_email=str(person.get("email") or ""),
        attachments=_attachments(message),
        address=_address(thread, conversation, meta),
        was_answered=was_answered,
    )


def _address(
    thread: str, conversation: dict[str, Any], meta: dict[str, Any]
) -> dict[str, str]:
    """What `send` needs: the thread, and the channel behind it for its limits."""
    channel = conversation.get("channel") or meta.get("channel")
    known = {"channel": channel} if isinstance(channel, str) else {}
    return {"conversation": thread, **known}


def _attachments(message: dict[str, Any]) -> tuple[Attachment, ...]:
    listed = message.get("attachments")
    rows = [each for each in listed if isinstance(each, dict)] if listed else []
    return tuple(_attachment(each) for each in rows)


def _attachment(row: dict[str, Any]) -> Attachment:
    url = row.get("data_url")
    url = url if isinstance(url, str) else ""
    size = row.get("file_size")
    return Attachment(
        kind=_FILES.get(str(row.get("file_type")), "file"),  # type: ignore[arg-type]
        url=url[:2000],
        external_id=str(row.get("id") or "")[:200],
        name=unquote(urlsplit(url).path.rpartition("/")[2])[:200],
        size=size if isinstance(size, int) else 0,
    )


def choice_of(payload: dict[str, Any]) -> InboundMessage | None:
    """What the contact chose from the buttons of one of our messages, as words.

    It comes as a change of our message. Forms and surveys are not asked by us.
    """
    attributes = part(payload, "content_attributes")
    chosen = attributes.get("submitted_values")
    if payload.get("content_type") != "input_select" or not isinstance(chosen, list):
        return None
    titles = [each.get("title") for each in chosen if isinstance(each, dict)]
    conversation = part(payload, "conversation")
    person = part(part(conversation, "meta"), "sender")
    thread = id_of(conversation, "conversation.id")
    return InboundMessage(
        conversation_id=thread,
        contact_id=id_of(person, "sender.id"),
        external_id=f"{id_of(payload)}-chosen",
        text=", ".join(str(each) for each in titles if each),
        contact_name=str(person.get("name") or ""),
        address=_address(thread, conversation, part(conversation, "meta")),
    )


def holder_of(conversation: dict[str, Any], *, has_bot: bool) -> Turnover | None:
    """Whose a conversation is, by its status; None: it cannot be told.

    Without an AgentBot every conversation is `open` from its beginning, so that only
    an assignee tells that people have it.
    """
    status = conversation.get("status")
    if status == "open" and not has_bot and not _is_assigned(conversation):
        return None
    return TURNOVERS.get(str(status))


def _is_assigned(conversation: dict[str, Any]) -> bool:
    """Whether a person has it; older versions do not say what kind the assignee is."""
    meta = part(conversation, "meta")
    kind = meta.get("assignee_type")
    return bool(part(meta, "assignee")) and kind in (None, "User")


def turnover_of(payload: dict[str, Any], *, has_bot: bool) -> list[Inbound]:
    """The change of hands that an event of a conversation tells of, if it does."""
    changes: dict[str, Any] = {}
    listed = payload.get("changed_attributes")
    for change in listed if isinstance(listed, list) else []:
        if isinstance(change, dict):
            changes.update(change)
    thread = id_of(payload)
    if payload["event"] == "conversation_status_changed" or "status" in changes:
        turnover = holder_of(payload, has_bot=has_bot)
        return [InboundTurnover(thread, turnover)] if turnover else []
    if "assignee_id" not in changes:
        return []
    if _is_assigned(payload):
        # We assign nobody.
        return [InboundTurnover(thread, Turnover.TO_SUPPORT, is_persons=True)]
    if payload.get("status") == "open" and not has_bot:
        return [InboundTurnover(thread, Turnover.TO_ASSISTANT, is_persons=True)]
    return []
