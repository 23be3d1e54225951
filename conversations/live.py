"""Live events: that something changed, and how new it is, never what was said.

Each event carries a number that grows by one per change within its account. A reader
keeps the number up to which it knows everything and asks for what came after.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
from typing import TYPE_CHECKING, Final, Literal, TypedDict, TypeVar

from django.db import transaction

from core import hub, store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from conversations.models import Conversation
    from core.bundle import Bundle

T = TypeVar("T")

#: Version of the event's shape.
VERSION = 1


class ChangeEvent(TypedDict):
    """A conversation changed: new words, new states or new hands."""

    v: int
    type: Literal["conversation.changed"]
    conversation: str
    seq: int
    epoch: int
    status: str


class TextEvent(TypedDict):
    """An answer is being written; the final one replaces it."""

    v: int
    type: Literal["turn.text"]
    conversation: str
    #: The words are void for whoever knows of a higher epoch.
    epoch: int
    #: All that was written so far; empty: start again.
    text: str


def account_group(account_id: int) -> str:
    """The group of everybody who watches an account."""
    return f"account.{account_id}"


def conversation_group(channel_id: int, external_id: str) -> str:
    """The group of everybody who watches one conversation, also before it exists."""
    digest = hashlib.sha256(external_id.encode()).hexdigest()[:32]
    return f"conversation.{channel_id}.{digest}"


def next_seq(account_id: int, count: int = 1) -> int:
    """Reserve event numbers; returns the last of them.

    Holds the account's row until the transaction ends, so that numbers become visible
    in their order. Call it last.
    """
    rows = store.fetch(_RESERVE, [count, account_id])
    return int(rows[0]["event_seq"])


def next_seqs(bundle: Bundle, account_id: int, count: int) -> Iterator[int]:
    """The same with other statements; gives the numbers once the bundle was sent."""
    rows = bundle.fetch(_RESERVE, [count, account_id])
    return (rows[0]["event_seq"] - count + each for each in itertools.count(1))


_RESERVE: Final = (
    "UPDATE accounts_account SET event_seq = event_seq + %s"
    " WHERE id = %s RETURNING event_seq"
)


def hold(accounts: Iterable[int]) -> None:
    """Lock accounts, in order, before numbers are reserved in several of them."""
    if store.is_postgresql():
        store.execute(
            "SELECT 1 FROM accounts_account WHERE id = ANY(%s)"
            " ORDER BY id FOR NO KEY UPDATE",
            [sorted(accounts)],
        )


def mark_changed(conversation: Conversation) -> None:
    """Number and announce a change of something that the conversation shows.

    The caller holds the conversation's lock, and has saved the change.
    """
    conversation.seq = next_seq(conversation.account_id)
    conversation.save(update_fields=["seq"])
    announce([conversation])


def announce(conversations: Iterable[Conversation]) -> None:
    """Publish, on commit, that these conversations changed."""
    events: list[tuple[str, ChangeEvent]] = []
    for each in conversations:
        event = ChangeEvent(
            v=VERSION,
            type="conversation.changed",
            conversation=str(each.uuid),
            seq=each.seq,
            epoch=each.epoch,
            status=each.status,
        )
        events.append((account_group(each.account_id), event))
        group = conversation_group(each.channel_id, each.external_id)
        events.append((group, event))
    if events:
        transaction.on_commit(lambda: hub.publish(events))


async def wait_until(
    group: str,
    look: Callable[[], Awaitable[T | None]],
    *,
    timeout_s: float,
    poll_s: float = 2.0,
) -> T | None:
    """Look after each event of a group until there is something to see.

    Looks every `poll_s` seconds too, in case an event was missed. None after
    `timeout_s`.
    """
    mailbox = hub.Mailbox()
    # Nothing would be seen for sure before the events are heard.
    is_deaf = hub.hub.join(group, mailbox)
    deadline = asyncio.get_running_loop().time() + timeout_s
    try:
        while True:
            found = None if is_deaf else await look()
            is_deaf = False
            left = deadline - asyncio.get_running_loop().time()
            if found is not None or left <= 0:
                return found
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, poll_s)):
                    await mailbox.get()
    finally:
        hub.hub.leave(group, mailbox)
