"""Sessions, as the public API calls conversations: their ids, finding and asking in them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404

from accounts.services import as_uuid
from conversations import asking
from conversations.models import Conversation
from core.exceptions import Conflict
from integrations.adapters.inbound import InboundMessage
from integrations.services import api_channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

    from accounts.models import Account, User
    from integrations.models import Channel

_PREFIX = "msg_"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question, and how long its sender waited."""

    asked: asking.Asked
    response_time_ms: int

    @property
    def session_id(self) -> str:
        """Where it was asked."""
        return id_of(self.asked.conversation)

    @property
    def customer_id(self) -> str:
        """Who asked, in the program's words."""
        return self.asked.conversation.external_id

    @property
    def question(self) -> str:
        """What was asked."""
        return self.asked.question.text

    @property
    def answer(self) -> str:
        """What to show the customer."""
        return self.asked.text

    @property
    def success(self) -> bool:
        """The assistant has answered."""
        return not self.asked.needs_person

    @property
    def auto_response_generated(self) -> bool:
        """The assistant wrote what to show."""
        return self.asked.reply is not None


def id_of(conversation: Conversation) -> str:
    """The conversation's id as a session."""
    return f"{_PREFIX}{conversation.uuid.hex}"


def find(account: Account, name: str) -> Conversation:
    """The account's conversation of this id, its own or its session's.

    Raises `Http404`.
    """
    found = find_all(account, [name])
    if not found:
        raise Http404
    return found[name]


def find_all(account: Account, names: Iterable[str]) -> dict[str, Conversation]:
    """Those of the account's conversations that are there, by these ids; as `find`."""
    keys = {name: as_uuid(name.removeprefix(_PREFIX)) for name in names}
    rows = Conversation.objects.for_account(account).filter(
        uuid__in={key for key in keys.values() if key}
    )
    found = {
        row.uuid: row for row in rows.select_related("channel__account", "contact")
    }
    return {name: found[key] for name, key in keys.items() if key in found}


def matching(account: Account, wanted: Mapping[str, Any]) -> QuerySet[Conversation]:
    """The account's conversations in which something was said, narrowed as wanted."""
    rows = Conversation.objects.for_account(account).filter(
        last_message_at__isnull=False
    )
    if "status" in wanted:
        rows = rows.filter(status=wanted["status"])
    if "channel" in wanted:
        channels = account.channels.filter(provider=wanted["channel"])
        rows = rows.filter(channel__in=list(channels))
    if "date_from" in wanted:
        rows = rows.filter(last_message_at__gte=wanted["date_from"])
    if "date_to" in wanted:
        rows = rows.filter(last_message_at__lt=wanted["date_to"])
    return rows.select_related("channel__account", "contact")


async def ask(
    account: Account, customer_id: str, text: str, user: User, *, speaks_as: str = ""
) -> Answered:
    """Ask in the customer's session, which begins with the first question.

    What that takes of models is counted for the user whose program asks. With
    `speaks_as` the assistant is instructed as on channels of that provider.

    Raises `Conflict` where the account's API channel is switched off.
    """
    channel = await sync_to_async(api_channel)(account=account)
    return await _ask(channel, customer_id, text, user, speaks_as)


async def send(account: Account, name: str, text: str, user: User) -> Answered:
    """Go on in a session; raises `Http404`, and `Conflict` where it is not the API's."""
    session = await sync_to_async(find)(account, name)
    if session.channel.provider != "api":
        raise Conflict(
            "This session's customer writes on another channel; reply on the live desk."
        )
    return await _ask(session.channel, session.external_id, text, user)


async def _ask(
    channel: Channel, customer_id: str, text: str, user: User, speaks_as: str = ""
) -> Answered:
    started = time.perf_counter()
    inbound = InboundMessage(
        conversation_id=customer_id,
        contact_id=customer_id,
        external_id="",
        text=text,
        contact_name=customer_id,
        contact_email=customer_id if _is_email(customer_id) else "",
        is_synchronous=True,
        address={"asked_by": user.get_username(), "speaks_as": speaks_as},
    )
    asked = await asking.ask(channel, inbound)
    return Answered(asked, round((time.perf_counter() - started) * 1000))


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254
