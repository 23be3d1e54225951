"""What Kommo tells of an account by itself: customers' words, and leads that move.

Kommo signs none of it. A secret in the address is the key, account and host have to be
this channel's, and what follows from a stage is asked of Kommo once more.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from core.exceptions import InvalidSignature
from integrations.adapters.base import require_secret
from integrations.adapters.inbound import (
    Attachment,
    InboundMessage,
    InboundTurnover,
    Turnover,
)
from integrations.kommo.values import number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from integrations.adapters.base import ChannelFacts, WebhookRequest

#: What names of messages begin with, by the way on which they came.
HOOK, CALL = "msg:", "call:"
#: What delivery keys of account webhooks begin with.
KEY: Final = "hook:"
#: Why a conversation is the assistant's again.
BY_STAGE: Final = "stage_handed_back"
#: A webhook that is switched on again tells of what is long past.
STALE_S: Final = 15 * 60
#: Seconds for which a signed call with the same words is waited for, where there may
#: be one: a bot that waits is to be answered, and not passed by.
WAIT_S: Final = 3.0
_ENTITIES: Final = {"lead": "lead", "leads": "lead", "2": "lead",
                    "contact": "contact", "contacts": "contact", "1": "contact"}  # fmt: skip
_KINDS: Final[dict[str, Literal["image", "voice", "video", "file"]]] = {
    "picture": "image", "image": "image", "sticker": "image", "voice": "voice",
    "audio": "voice", "video": "video",
}  # fmt: skip


def is_hook(payload: Mapping[str, Any]) -> bool:
    """Whether it is an account's webhook, and no call of a bot."""
    return isinstance(payload.get("account"), dict) and "return_url" not in payload


def verify(
    request: WebhookRequest,
    payload: Mapping[str, Any],
    channel: ChannelFacts,
    host: str,
) -> None:
    """Raise `InvalidSignature` unless it came to our secret, of this account."""
    require_secret(request.path_token, channel.credentials.get("hook_token", ""))
    account = payload["account"]
    known = channel.credentials.get("account_id", "")
    is_ours = bool(known) and number_of(account, "id") == known
    if not is_ours or text_of(account, "subdomain") != host.partition(".")[0]:
        raise InvalidSignature("The webhook is of another account.")


def delivery_key(payload: Mapping[str, Any], body: bytes, channel: ChannelFacts) -> str:
    """A name of it; empty: there is nothing for us in it."""
    now = time.time()
    fresh = [
        text_of(each, "id")
        for each in _messages(payload, channel)
        if now - _time(each, now) < STALE_S
    ]
    if fresh:
        return f"{KEY}{hashlib.sha256(' '.join(fresh).encode()).hexdigest()}"
    if _moved(payload, channel):
        return f"{KEY}{hashlib.sha256(body).hexdigest()}"
    return ""


def parse(
    payload: Mapping[str, Any], channel: ChannelFacts
) -> list[InboundMessage | InboundTurnover]:
    """What customers wrote, and which leads may have been given back."""
    wait_s = WAIT_S if channel.credentials.get("secret_key") else 0.0
    said = [_message(each, wait_s) for each in _messages(payload, channel)]
    # Without a time of reading nobody believes it before Kommo was asked.
    moved = [
        InboundTurnover(f"lead-{lead}", Turnover.TO_ASSISTANT, reason=BY_STAGE)
        for lead in _moved(payload, channel)
    ]
    return [*said, *moved]


def _messages(
    payload: Mapping[str, Any], channel: ChannelFacts
) -> list[Mapping[str, Any]]:
    """Messages of customers, where the channel can reply without a widget."""
    if not (channel.settings.get("bot") and channel.settings.get("field")):
        return []
    return [
        each
        for each in _rows(payload, "message", "add")
        if text_of(each, "type") == "incoming"
        and text_of(_part(each, "author"), "type") in ("external", "contact", "")
        and text_of(each, "id")
        and _entity(each)[1]
    ]


def _message(row: Mapping[str, Any], wait_s: float) -> InboundMessage:
    entity, number = _entity(row)
    contact = number_of(row, "contact_id")
    author, attached = _part(row, "author"), _part(row, "attachment")
    return InboundMessage(
        conversation_id=f"{entity}-{number}",
        contact_id=f"contact-{contact}" if contact else f"{entity}-{number}",
        external_id=f"{HOOK}{text_of(row, 'id')}"[:200],
        text=text_of(row, "text"),
        attachments=_attachments(attached),
        contact_name=text_of(author, "name")[:200],
        address={
            "entity": entity,
            "number": number,
            "at": int(_time(row, time.time())),
        },
        twin=CALL,
        twin_wait_s=wait_s,
        adds_address=True,
    )


def _attachments(row: Mapping[str, Any]) -> tuple[Attachment, ...]:
    kind = text_of(row, "type")
    if not kind:
        return ()
    url, name = text_of(row, "link")[:2000], text_of(row, "file_name")[:200]
    return (Attachment(_KINDS.get(kind, "file"), url=url, name=name),)


def _moved(payload: Mapping[str, Any], channel: ChannelFacts) -> list[str]:
    """Leads that it says were moved into the stage that gives back."""
    stage = channel.settings.get("stage", "")
    return [
        number_of(each, "id")
        for each in _rows(payload, "leads", "status")
        if stage
        and number_of(each, "id")
        and f"{number_of(each, 'pipeline_id')}:{number_of(each, 'status_id')}" == stage
        and number_of(each, "old_status_id") != number_of(each, "status_id")
    ]


def _entity(row: Mapping[str, Any]) -> tuple[str, str]:
    kind = text_of(row, "entity_type") or text_of(row, "element_type")
    entity = _ENTITIES.get(kind, "")
    number = number_of(row, "entity_id") or number_of(row, "element_id")
    return (entity, number) if entity and number else ("", "")


def _rows(payload: Mapping[str, Any], *way: str) -> Sequence[Mapping[str, Any]]:
    """All rows at a place, whatever numbers the form gave them."""
    place: Any = payload
    for name in way:
        place = place.get(name) if isinstance(place, dict) else None
    rows = place.values() if isinstance(place, dict) else place
    return [each for each in rows or () if isinstance(each, dict)]


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _time(row: Mapping[str, Any], default: float) -> float:
    return float(number_of(row, "created_at") or default)
