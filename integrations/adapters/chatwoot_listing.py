"""What Chatwoot holds and may never have told us: it does not repeat its webhooks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from integrations.adapters import chatwoot_events
from integrations.adapters.inbound import Inbound, InboundTurnover

if TYPE_CHECKING:
    from integrations.adapters.chatwoot_api import Api

#: Messages and conversations that one call gives.
PAGE: Final = 20
CONVERSATIONS: Final = 25
#: Pages of conversations, and of messages of one, that are looked through.
_MOST_PAGES: Final = 40
_MOST_MESSAGE_PAGES: Final = 10


async def missed(
    api: Api, since: dt.datetime, *, inbox: str, has_bot: bool
) -> list[Inbound]:
    """Messages of contacts and people since then, and whose each thread is now."""
    found: list[Inbound] = []
    for conversation in await _conversations(api, since, inbox):
        read_at = timezone.now()
        thread = chatwoot_events.id_of(conversation)
        messages = await _messages(api, thread, since)
        found += _said(conversation, messages)
        turnover = chatwoot_events.holder_of(conversation, has_bot=has_bot)
        if turnover:
            found.append(InboundTurnover(thread, turnover, read_at=read_at))
    return found


async def _conversations(
    api: Api, since: dt.datetime, inbox: str
) -> list[dict[str, Any]]:
    """Those in which something has happened since, the latest last."""
    found: dict[str, dict[str, Any]] = {}
    wanted = {"inbox_id": int(inbox)} if inbox.isdecimal() else {}
    for page in range(1, _MOST_PAGES + 1):
        answer = await api.get(
            "conversations",
            as_user=True,
            status="all",
            assignee_type="all",
            page=page,
            **wanted,
        )
        listed = chatwoot_events.part(answer, "data").get("payload") or []
        # The newest come first.
        new = [
            each for each in listed if _is_since(each.get("last_activity_at"), since)
        ]
        found |= {chatwoot_events.id_of(each): each for each in new}
        if len(new) < len(listed) or len(listed) < CONVERSATIONS:
            break
    return list(found.values())[::-1]


async def _messages(api: Api, thread: str, since: dt.datetime) -> list[dict[str, Any]]:
    """Messages since then, oldest first."""
    found: dict[int, dict[str, Any]] = {}
    before: dict[str, int] = {}
    for _ in range(_MOST_MESSAGE_PAGES):
        path = f"conversations/{thread}/messages"
        answer = await api.get(path, as_user=True, **before)
        listed = answer.get("payload") or []
        new = [each for each in listed if _is_since(each.get("created_at"), since)]
        found |= {each["id"]: each for each in new}
        if len(new) < len(listed) or len(listed) < PAGE:
            break
        before = {"before": min(found)}
    return [found[number] for number in sorted(found)]


def _said(
    conversation: dict[str, Any], messages: list[dict[str, Any]]
) -> list[Inbound]:
    """What contacts and people said, and what of it people have replied to."""
    by_people = [
        each["id"] for each in messages if chatwoot_events.author_of(each) == "support"
    ]
    last_reply = max(by_people, default=0)
    said = (
        chatwoot_events.message_of(
            each, conversation, was_answered=each["id"] < last_reply
        )
        for each in messages
    )
    return [each for each in said if each is not None]


def _is_since(value: Any, since: dt.datetime) -> bool:  # noqa: ANN401
    """Whether this time of theirs is later; what cannot be read counts as later."""
    if isinstance(value, int | float):
        return value >= since.timestamp()
    try:
        return dt.datetime.fromisoformat(str(value)) >= since
    except (ValueError, TypeError):
        return True
