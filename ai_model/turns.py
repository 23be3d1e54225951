"""Turns in the database: settle what was answered, give back, recover the lost."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from ai_model import gate, spending, usage
from ai_model.models import Turn
from conversations import replies
from conversations.models import Conversation, Message
from conversations.replies import Reply, Verdict
from core import lease, store, work
from core.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.claiming import Claim
    from ai_model.exchange import Answer
    from conversations.replies import Committed

logger = logging.getLogger(__name__)


def settle(
    batch: Sequence[tuple[Claim, Answer, bool]],
) -> list[Committed]:
    """Commit answers, with the account of how they came about; one result each.

    The flag says whether the turn may take more words in instead.
    """
    with transaction.atomic():
        bundle = Bundle()
        results = replies.commit([_reply(*each) for each in batch], bundle)
        pairs = [
            (claimed, answer, result)
            for (claimed, answer, _), result in zip(batch, results, strict=True)
        ]
        bundle.insert_rows([_turn(*each) for each in pairs])
        usage.add((claimed.question.meter for claimed, _, _ in batch), bundle)
        bundle.send()
        gate.send_links(pairs)
    return results


def _reply(claimed: Claim, answer: Answer, may_join: bool) -> Reply:  # noqa: FBT001
    return Reply(
        account_id=claimed.account_id,
        conversation_id=claimed.conversation_id,
        worker=claimed.worker,
        epoch=claimed.epoch,
        last_message_id=claimed.last_message_id,
        outcome=answer.outcome,
        reason=answer.reason,
        text=answer.text,
        confidence=answer.confidence,
        sources=answer.sources,
        hands_off=answer.hands_off,
        note=answer.reason,
        offers_person=answer.offers_person,
        needs_person=answer.needs_person,
        preamble=answer.preamble,
        may_join=may_join,
        lang=answer.lang,
    )


def _turn(claimed: Claim, answer: Answer, result: Committed) -> Turn:
    now = timezone.now()
    state, reason = Turn.State.DROPPED, str(result.verdict)
    if result.verdict is Verdict.COMMITTED:
        state, reason = Turn.State(answer.outcome), answer.reason
    turn = _bare_turn(claimed, state, reason)
    turn.reply_id = result.message_id
    turn.query = answer.query
    turn.retrieved = answer.retrieved
    turn.confidence = answer.confidence
    if answer.confidence is not None:
        turn.raw_confidence = claimed.question.adjustment.undo(answer.confidence)
    turn.threshold = answer.threshold
    turn.attachments = [asdict(each) for each in answer.looks]
    turn.failures = [list(each) for each in answer.failures]
    turn.timings = {
        "wait": claimed.waited_ms,
        **answer.timings,
        "total": int((now - claimed.claimed_at).total_seconds() * 1000),
    }
    if answer.completion is not None:
        done = answer.completion
        turn.provider, turn.model = done.provider, done.model[:100]
    return turn


def _bare_turn(claimed: Claim, state: Turn.State, reason: str) -> Turn:
    calls = claimed.question.meter.calls
    return Turn(
        account_id=claimed.account_id,
        conversation_id=claimed.conversation_id,
        first_message_id=claimed.first_message_id,
        last_message_id=claimed.last_message_id,
        state=state,
        reason=reason,
        epoch=claimed.epoch,
        attempt=claimed.question.attempt,
        worker=claimed.worker,
        prompt_versions=claimed.prompt_versions,
        tokens_in=sum(each.tokens_in for each in calls),
        tokens_out=sum(each.tokens_out for each in calls),
        cost=usage.cost_of(calls) if calls else None,
        finished_at=timezone.now(),
    )


def release(claimed: Claim, reason: str, *, pause_s: float = 0.0) -> None:
    """Give a claim back unanswered; the words wait for the next attempt."""
    with transaction.atomic():
        rows = Conversation.objects.filter(
            pk=claimed.conversation_id, worker=claimed.worker
        )
        # Words that nobody waits for any more stay as they are.
        due = timezone.now() + dt.timedelta(seconds=pause_s)
        rows.filter(due_at__isnull=False).update(due_at=due)
        if rows.update(worker=None, claimed_at=None):
            # A turn that a person overtook is not broken.
            was_overtaken = reason == "person_acted"
            state = Turn.State.DROPPED if was_overtaken else Turn.State.FAILED
            _bare_turn(claimed, state, reason).save()
        usage.settle([claimed.question.meter])
    work.wake("turns")


def overtaken(claims: Sequence[Claim]) -> set[int]:
    """Those conversations whose running turn speaks into an epoch that has passed."""
    if not claims:
        return set()
    epochs = dict(
        Conversation.objects.filter(
            pk__in=[each.conversation_id for each in claims]
        ).values_list("pk", "epoch")
    )
    return {
        each.conversation_id
        for each in claims
        if epochs.get(each.conversation_id) != each.epoch
    }


def recover(worker: int) -> int:
    """Take up what dead workers had claimed; returns how many conversations."""
    held = store.fetch(
        "SELECT DISTINCT worker FROM conversations_conversation"
        " WHERE worker IS NOT NULL AND worker <> %s",
        [worker],
    )
    gone = lease.dead(row["worker"] for row in held)
    if not gone:
        return 0
    with transaction.atomic():
        rows = Conversation.objects.filter(worker__in=gone)
        if store.is_postgresql():
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        lost = list(rows)
        Turn.objects.bulk_create([_lost_turn(row) for row in lost])
        Conversation.objects.filter(pk__in=[row.pk for row in lost]).update(
            worker=None, claimed_at=None
        )
        spending.release_of(gone)
    logger.warning("Took up %s conversations of dead workers", len(lost))
    return len(lost)


def _lost_turn(row: Conversation) -> Turn:
    ids = row.messages.filter(state=Message.State.WAITING).aggregate(
        first=Min("id"), last=Max("id")
    )
    return Turn(
        account_id=row.account_id,
        conversation=row,
        first_message_id=ids["first"] or row.last_inbound_id,
        last_message_id=ids["last"] or row.last_inbound_id,
        state=Turn.State.FAILED,
        reason="worker_died",
        epoch=row.epoch,
        attempt=row.attempts,
        worker=row.worker or 0,
        finished_at=timezone.now(),
    )
