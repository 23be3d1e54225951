"""Claims: the conversations that this worker answers now, and what their turns are to know."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ai_model import instructions
from ai_model.exchange import Question
from ai_model.metering import Meter
from ai_model.providers.base import Utterance
from ai_model.setup import setup_of
from conversations import live, sessions, verification
from conversations.models import Conversation, Message
from core import store
from core.bundle import Bundle
from integrations.adapters.inbound import Attachment
from integrations.facts import cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.verification import Standing
    from integrations.adapters.base import Adapter

#: Messages of a conversation that a turn reads.
HISTORY = 12
#: Conversations claimed by one statement.
BATCH = 200
#: Seconds after a claim until we look by ourselves for what has become due.
AFTER_CLAIM_S = 0.02
#: A claim whose turn has not begun after so long never reached us.
_BEGUN_IN: Final = dt.timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Claim:
    """A conversation that this worker answers now."""

    conversation_id: int
    conversation_uuid: str
    #: Live events' group of the conversation.
    group: str
    account_id: int
    knowledge_version: int
    #: Somebody may watch the answer while it is written.
    is_watched: bool
    #: Speaks to the contact's provider, for signs of life while the turn runs.
    adapter: Adapter
    address: dict[str, Any]
    worker: int
    epoch: int
    first_message_id: int
    last_message_id: int
    waited_ms: int
    claimed_at: dt.datetime
    prompt_versions: dict[str, int]
    question: Question


def claim(worker: int, most: int) -> tuple[list[Claim], float | None]:
    """Claim conversations that are due; also the seconds until to look again."""
    now = timezone.now()
    bundle = Bundle()
    # A claim that a crash of the database forgets is only made once more, so its commit
    # need not wait for the disk.
    is_hasty = store.is_postgresql()
    hasty = ", set_config('synchronous_commit', 'off', true)" if is_hasty else ""
    are_due = store.any_in(
        "SELECT id FROM conversations_conversation"
        " WHERE due_at <= %s AND worker IS NULL"
        f" ORDER BY due_at LIMIT %s {store.skip_locked()}"
    )
    rows = bundle.fetch(
        "UPDATE conversations_conversation SET worker = %s, claimed_at = %s,"
        f" attempts = attempts + 1 WHERE id {are_due}"
        f" RETURNING {_CONVERSATION}{hasty}",
        [worker, now, now, min(most, BATCH)],
    )
    messages = _messages(bundle, "c.worker = %s AND c.claimed_at = %s", [worker, now])
    bundle.send()
    claims = _claims(rows, messages, worker)
    if len(claims) < len(rows):
        held = {each.conversation_id for each in claims}
        again = [_reread(row["id"], worker) for row in rows if row["id"] not in held]
        claims += [each for each in again if each is not None]
    # Those start first; what is due next is asked when there was nothing.
    return claims, AFTER_CLAIM_S if rows else _seconds_until_due()


#: A conversation and its account's `version`, out of an UPDATE or a SELECT.
_CONVERSATION = (
    store.columns(Conversation, "conversations_conversation")
    + ", (SELECT knowledge_version FROM accounts_account"
    " WHERE accounts_account.id = conversations_conversation.account_id) AS version"
)


def _seconds_until_due() -> float | None:
    rows = Conversation.objects.filter(due_at__isnull=False, worker__isnull=True)
    due = rows.order_by("due_at").values_list("due_at", flat=True).first()
    return (due - timezone.now()).total_seconds() if due else None


def reread(claimed: Claim) -> Claim | None:
    """The same claim with the words that came since; None when it is lost."""
    found = _reread(claimed.conversation_id, claimed.worker)
    return replace(found, epoch=claimed.epoch) if found else None


@transaction.atomic
def _reread(conversation_id: int, worker: int) -> Claim | None:
    """A conversation that this worker holds; given back when nothing waits in it."""
    # What is found to be nothing must still be nothing when it is given back.
    lock = "FOR UPDATE" if store.is_postgresql() else ""
    rows = store.fetch(
        f"SELECT {_CONVERSATION} FROM conversations_conversation"
        f" WHERE id = %s AND worker = %s {lock}",
        [conversation_id, worker],
    )
    bundle = Bundle()
    messages = _messages(bundle, "c.id = %s", [conversation_id])
    bundle.send()
    claims = _claims(rows, messages, worker)
    if rows and not claims:
        Conversation.objects.filter(pk=conversation_id).update(
            worker=None, claimed_at=None, due_at=None, waiting_since=None, attempts=0
        )
    return claims[0] if claims else None


def _claims(rows: store.Rows, messages: store.Rows, worker: int) -> list[Claim]:
    """The claims from conversations, each with its `version`, in which words wait."""
    if not rows:
        return []
    said: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for message in messages:
        said[message["conversation_id"]].append(message)
    found = store.instances(Conversation, rows)
    adapters = cache.of(row.channel_id for row in found)
    standings = verification.standings(
        row for row in found if adapters[row.channel_id].channel.verifies_email
    )
    claims = (
        _make_claim(
            row,
            said[row.pk],
            worker,
            adapters[row.channel_id],
            standings.get(row.pk),
        )
        for row in found
    )
    return [each for each in claims if each is not None]


def _make_claim(
    row: Any,
    messages: list[dict[str, Any]],
    worker: int,
    adapter: Adapter,
    standing: Standing | None,
) -> Claim | None:
    now = timezone.now()
    waiting = [each for each in messages if each["state"] == Message.State.WAITING]
    if not waiting:
        return None
    since = row.waiting_since or now
    setup = setup_of(row.account_id, row.version)
    told = instructions.told(setup.prompts, row.address.get("speaks_as") or adapter.key)
    return Claim(
        conversation_id=row.pk,
        conversation_uuid=str(row.uuid),
        group=live.conversation_group(row.channel_id, row.external_id),
        account_id=row.account_id,
        knowledge_version=row.version,
        # A CRM waits for the whole reply, and nobody else knows the name of its session.
        is_watched=adapter.is_watched and not sessions.is_crm(row.external_id),
        adapter=adapter,
        address=row.address,
        worker=worker,
        epoch=row.epoch,
        first_message_id=waiting[0]["id"],
        last_message_id=waiting[-1]["id"],
        waited_ms=int((now - since).total_seconds() * 1000),
        claimed_at=now,
        prompt_versions={each.kind: each.version for each in told},
        question=Question(
            texts=tuple(each["text"] for each in waiting),
            attachments=_attachments(waiting),
            history=_history(messages),
            lang=row.lang,
            has_offer=row.has_offer,
            contact=f"{settings.SECRET_KEY}:{row.contact_id}",
            attempt=row.attempts,
            business=setup.business,
            assistant=setup.assistant,
            prompts={each.kind: each.text for each in told},
            visibilities=visibilities(row.address),
            adjustment=setup.adjustment,
            is_greeted=row.greeted_at is not None,
            budget_s=settings.REPLY_BUDGET_S,
            client_offers="agent_type" in row.address,
            is_detailed=row.address.get("agent_type") == "test",
            meter=Meter(
                row.account_id,
                is_limited=bool(setup.assistant.spending_limits),
                worker=worker,
                username=row.address.get("asked_by", ""),
            ),
            standing=standing,
            fetch=adapter.fetch,
        ),
    )


def visibilities(address: dict[str, Any]) -> frozenset[str] | None:
    """Which entries a conversation may draw on: staff see all, customers theirs."""
    is_staff = address.get("agent_type") in ("support", "test")
    return None if is_staff else frozenset({"customer"})


def _history(messages: list[dict[str, Any]]) -> tuple[Utterance, ...]:
    roles = {
        Message.Author.CONTACT: "user",
        Message.Author.ASSISTANT: "assistant",
        Message.Author.SUPPORT: "assistant",
    }
    return tuple(
        Utterance(roles[each["author"]], each["text"])  # type: ignore[arg-type]
        for each in messages
        if each["author"] in roles
    )


def _attachments(waiting: Sequence[dict[str, Any]]) -> tuple[Attachment, ...]:
    """What came with the words that wait."""
    return tuple(
        Attachment(**each)
        for row in waiting
        for each in orjson.loads(row["attachments"])
    )


def _messages(bundle: Bundle, where: str, params: Sequence[Any]) -> store.Rows:
    """The newest messages of conversations `c`, and all that wait, oldest first."""
    return bundle.fetch(
        "SELECT m.id, m.conversation_id, m.author, m.text, m.state,"
        # As text, which both databases give.
        " CAST(m.attachments AS text) AS attachments"
        " FROM conversations_message m JOIN conversations_conversation c"
        " ON c.id = m.conversation_id AND m.id > c.episode_after AND m.id >= ("
        "  SELECT MIN(id) FROM (SELECT id FROM (SELECT id FROM conversations_message x"
        "   WHERE x.conversation_id = c.id ORDER BY id DESC LIMIT %s) newest"
        "   UNION ALL SELECT MIN(w.id) FROM conversations_message w"
        "   WHERE w.conversation_id = c.id AND w.state = 'waiting') oldest)"
        f" WHERE {where} ORDER BY m.id",
        [HISTORY, *params],
    )


def recover_unbegun(worker: int, running: Sequence[Claim]) -> int:
    """Give back what this worker claimed without hearing of it; returns how many.

    The connection may break, or another query fail, after the claim was committed.
    """
    held = store.fetch(
        "SELECT id FROM conversations_conversation WHERE worker = %s"
        " AND claimed_at < %s",
        [worker, timezone.now() - _BEGUN_IN],
    )
    lost = {row["id"] for row in held} - {each.conversation_id for each in running}
    if not lost:
        return 0
    rows = Conversation.objects.filter(pk__in=lost, worker=worker)
    return rows.update(worker=None, claimed_at=None)
