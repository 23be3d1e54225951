"""Switch: give conversations to the assistant or to people, as a program asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from ai_model import handling, sessions
from ai_model.why import reason_text
from conversations import services
from conversations.models import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import Account

Status = Conversation.Status


@dataclass(frozen=True, slots=True)
class Switched:
    """What came of asking for a status."""

    #: As it was named.
    name: str
    conversation: Conversation | None
    wanted: str

    @property
    def success(self) -> bool:
        """The conversation has the status that was asked for."""
        return self.conversation is not None and self.conversation.status == self.wanted

    @property
    def detail(self) -> str:
        """Why it has the status that it has, in words."""
        if self.conversation is None:
            return "There is no such conversation."
        return reason_text(self.conversation.status_reason)


def switch(*, account: Account, conversation: Conversation, status: str) -> Switched:
    """Have the assistant or people reply.

    Where the assistant may not, people do, and the conversation keeps why.
    """
    row = _switch(conversation, status, _obstacle(account, status))
    return Switched(str(conversation.uuid), row, status)


def switch_all(
    *, account: Account, names: Iterable[str], status: str
) -> list[Switched]:
    """Switch each conversation by itself; those that are not found stop no other."""
    obstacle = _obstacle(account, status)
    wanted = list(dict.fromkeys(names))
    found = sessions.find_all(account, wanted)
    rows = ((name, found.get(name)) for name in wanted)
    return [
        Switched(name, row and _switch(row, status, obstacle), status)
        for name, row in rows
    ]


def _obstacle(account: Account, status: str) -> str:
    return handling.obstacle_of(account) if status == Status.ACTIVE else ""


@transaction.atomic
def _switch(conversation: Conversation, status: str, obstacle: str) -> Conversation:
    if status == Status.ACTIVE and not obstacle:
        return services.hand_back(conversation=conversation, reason="handed_back")
    reason = obstacle or "switched"
    row = services.hand_off(conversation=conversation, reason=reason)
    if obstacle and row.status_reason != obstacle:
        row = services.keep_reason(conversation=row, reason=obstacle)
    return row
