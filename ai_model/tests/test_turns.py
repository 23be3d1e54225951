"""Turns in the database: settled once, given back, taken up when lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ai_model import spending, turns
from ai_model.confidence import Adjustment
from ai_model.metering import Call
from ai_model.models import (
    Assistant,
    Calibration,
    Reservation,
    Turn,
    Usage,
)
from ai_model.providers.base import Completion, Finish
from ai_model.tests.test_claiming import ANSWER, claim_one, only
from ai_model.tests.test_providers import REQUEST
from conversations import services
from conversations.models import Conversation, Message
from conversations.replies import Verdict
from conversations.tests.acting import say
from core import lease

pytestmark = pytest.mark.django_db(transaction=True)


def made(claimed: Any, *calls: Call) -> Any:
    """The claim, after its turn has called models."""
    for each in calls:
        claimed.question.meter.count(each)
    return claimed


CALL = Call("openai", "m", "m", 10, 2, 100)


def test_a_turn_keeps_the_confidence_before_the_accounts_adjustment(
    channel: Any,
) -> None:
    taught = Adjustment(0.8, -0.5)
    Calibration.objects.create(account=channel.account, slope=0.8, offset=-0.5)
    say(channel, "How long?")
    claimed = claim_one()
    sure = replace(ANSWER, confidence=round(taught.apply(0.93), 4), threshold=0.8)

    turns.settle([(claimed, sure, False)])

    assert claimed.question.adjustment == taught
    turn = Turn.objects.get()
    assert turn.confidence == sure.confidence
    assert turn.raw_confidence == pytest.approx(0.93, abs=1e-3)


def test_a_settled_turn_tells_how_the_answer_came_about(channel: Any) -> None:
    say(channel, "How long?")
    claimed = made(
        claim_one(),
        Call("gemini", "gemini-3.5-flash-lite", has_failed=True),
        Call("openai", "gpt-5.4-mini", "gpt-5.4-mini", 1000, 200, 1100),
    )
    done = Completion("x", Finish.STOP, "openai", "gpt-5.4-mini", 1000, 200)
    answer = replace(
        ANSWER, completion=done, failures=(("gemini", "timeout"),), confidence=0.9,
        threshold=0.5, query="How long?", timings={"complete": 1200},
        retrieved=[{"entry_id": "1", "score": 2.0}],
    )  # fmt: skip

    (result,) = turns.settle([(claimed, answer, True)])

    turn = Turn.objects.get()
    assert result.verdict is Verdict.COMMITTED
    assert turn.reply_id == result.message_id
    assert (turn.state, turn.reason, turn.provider, turn.model) == (
        "answered", "answered", "openai", "gpt-5.4-mini",
    )  # fmt: skip
    assert (turn.confidence, turn.threshold, turn.query) == (0.9, 0.5, "How long?")
    assert turn.failures == [["gemini", "timeout"]]
    assert turn.timings["complete"] == 1200
    assert {"wait", "total"} <= set(turn.timings)
    assert (turn.tokens_in, turn.tokens_out) == (1000, 200)
    assert turn.finished_at is not None


def test_usage_adds_up_by_day_and_model_also_for_what_was_thrown_away(
    channel: Any,
) -> None:
    for number in range(3):
        say(channel, "How long?", thread=f"t{number}")
        claimed = made(claim_one(), CALL)
        if number == 2:
            services.hand_off(
                conversation=Conversation.objects.latest("id"), reason="taken_over"
            )
            made(claimed, Call("gemini", "g", has_failed=True))
        turns.settle([(claimed, ANSWER, True)])

    used = {each.provider: each for each in Usage.objects.all()}
    assert used["openai"].requests == 3
    assert (used["openai"].tokens_in, used["openai"].tokens_out) == (30, 6)
    assert used["openai"].latency_ms == 300
    assert used["openai"].cost == Decimal(0)
    assert (used["gemini"].requests, used["gemini"].failures) == (0, 1)
    assert used["gemini"].model == "g"
    assert Turn.objects.filter(state="dropped", reason="person_acted").count() == 1


def test_usage_of_accounts_stays_apart(channel: Any) -> None:
    from integrations.tests.factories import ChannelFactory

    for each in (channel, ChannelFactory()):
        say(each, "How long?")
        turns.settle([(made(claim_one(), CALL), ANSWER, True)])

    assert [each.requests for each in Usage.objects.all()] == [1, 1]


def test_two_workers_count_usage_at_once(channel: Any) -> None:
    claims = []
    for number in range(24):
        say(channel, "How long?", thread=f"t{number}")
        claims.append(made(claim_one(worker=number % 2 + 1), CALL))
    errors: list[BaseException] = []

    def run(mine: list[Any]) -> None:
        try:
            for each in mine:
                turns.settle([(each, ANSWER, True)])
        except BaseException as exc:  # noqa: BLE001 (whatever it was)
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(claims[half::2],)) for half in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert errors == []
    assert Usage.objects.get().requests == 24


def test_a_turn_that_broke_gives_its_words_back(channel: Any) -> None:
    say(channel, "How long?")
    claimed = claim_one()

    turns.release(claimed, "error", pause_s=5)

    row = only()
    turn = Turn.objects.get()
    assert row.worker is None
    assert row.due_at is not None
    assert 4 < (row.due_at - timezone.now()).total_seconds() <= 5
    assert (turn.state, turn.reason) == ("failed", "error")
    assert claim_one().question.attempt == 2


def test_giving_back_what_was_answered_meanwhile_changes_nothing(channel: Any) -> None:
    say(channel, "How long?")
    claimed = claim_one()
    turns.settle([(claimed, ANSWER, True)])

    turns.release(claimed, "stopped")

    assert Turn.objects.count() == 1
    assert only().due_at is None


def test_giving_back_what_a_person_has_taken_wakes_nobody(channel: Any) -> None:
    say(channel, "How long?")
    claimed = claim_one()
    services.hand_off(conversation=only(), reason="taken_over")

    turns.release(claimed, "person_acted")

    assert (only().worker, only().due_at) == (None, None)
    # It stands with the turns that people overtook, not with those that broke.
    assert Turn.objects.get().state == Turn.State.DROPPED


def test_overtaken_turns_are_those_of_a_passed_epoch(channel: Any) -> None:
    claims = []
    for thread in "abc":
        say(channel, "How long?", thread=thread)
        claims.append(claim_one())
    rows = {each.external_id: each for each in Conversation.objects.all()}
    services.hand_off(conversation=rows["a"], reason="taken_over")
    rows["b"].delete()

    assert turns.overtaken(claims) == {rows["a"].pk, claims[1].conversation_id}
    assert turns.overtaken([]) == set()


def test_what_a_dead_worker_claimed_is_taken_up(channel: Any, caplog: Any) -> None:
    received = say(channel, "How long?")
    claim_one(worker=424242)

    assert turns.recover(1) == 1

    turn = Turn.objects.get()
    assert (turn.state, turn.reason, turn.worker) == ("failed", "worker_died", 424242)
    assert turn.last_message_id == received.message_id
    assert claim_one(worker=1).question.attempt == 2
    assert "dead workers" in caplog.text


def test_what_a_dead_worker_had_reserved_is_free_again(channel: Any) -> None:
    Assistant.objects.create(account=channel.account, daily_request_limit=1)
    say(channel, "How long?")
    wish = claim_one(worker=424242).question.meter.wish("openai", "m", REQUEST)
    granted = spending.reserve([wish]) + spending.reserve([wish])

    turns.recover(1)

    assert granted == [True, False]
    assert spending.reserve([wish]) == [True]


def test_a_turn_that_is_given_back_counts_its_calls_and_reserves_nothing(
    channel: Any,
) -> None:
    Assistant.objects.create(account=channel.account, daily_request_limit=1)
    say(channel, "How long?")
    claimed = made(claim_one(), CALL)
    spending.reserve([claimed.question.meter.wish("openai", "m", REQUEST)])

    turns.release(claimed, "stopped")

    assert not Reservation.objects.exists()
    assert Usage.objects.get().requests == 1
    assert Turn.objects.get().tokens_in == 10


def test_what_a_living_worker_claimed_stays_with_it(channel: Any) -> None:
    living = lease.Lease()
    worker = living.hold()
    say(channel, "How long?")
    claim_one(worker=worker)

    assert turns.recover(worker + 1) == 0

    assert only().worker == worker
    living.release()


def test_a_reply_and_its_turn_stand_or_fall_together(
    channel: Any, monkeypatch: Any
) -> None:
    say(channel, "How long?")
    claimed = claim_one()

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(turns.gate, "send_links", broken)
    with pytest.raises(ZeroDivisionError):
        turns.settle([(claimed, ANSWER, True)])

    assert not Message.objects.filter(author="assistant").exists()
    assert only().worker == 1
