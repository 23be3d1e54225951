"""Claims: made once, with all that a turn is to know."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ai_model import claiming, turns
from ai_model.exchange import Answer
from ai_model.models import Assistant, Prompt
from conversations import services, sessions
from conversations.identity import Person
from conversations.models import Conversation, Message
from conversations.replies import Verdict
from conversations.tests.acting import say

pytestmark = pytest.mark.django_db(transaction=True)

ANSWER = Answer("Three days.", Message.State.ANSWERED, "answered", "en")


def only() -> Conversation:
    return Conversation.objects.get()


def claim_one(worker: int = 1) -> Any:
    Conversation.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    (claimed,), _ = claiming.claim(worker, 10)
    return claimed


def test_a_claim_knows_all_that_an_answer_depends_on(channel: Any) -> None:
    Assistant.objects.create(account=channel.account, temperature=0.7)
    for version, text in enumerate(("old", "new"), start=1):
        Prompt.objects.create(
            account=channel.account, kind="manual", version=version, text=text
        )
    say(channel, "Hello")
    turns.settle([(claim_one(), ANSWER, False)])
    first = say(channel, "How long?", id_="2")
    last = say(channel, "To Sweden?", id_="3")

    claimed = claim_one(worker=5)

    question = claimed.question
    assert (claimed.worker, claimed.epoch, claimed.is_watched) == (5, 0, True)
    assert (claimed.first_message_id, claimed.last_message_id) == (
        first.message_id, last.message_id,
    )  # fmt: skip
    assert question.texts == ("How long?", "To Sweden?")
    assert [(each.role, each.text) for each in question.history] == [
        ("user", "Hello"), ("assistant", "Three days."),
        ("user", "How long?"), ("user", "To Sweden?"),
    ]  # fmt: skip
    assert question.prompts == {"manual": "new"}
    assert claimed.prompt_versions == {"manual": 2}
    assert question.assistant.temperature == 0.7
    assert question.attempt == 1
    assert question.lang == "en"
    assert only().worker == 5


def test_a_long_burst_is_read_whole(channel: Any) -> None:
    """Also where it is longer than the history that a turn reads."""
    count = claiming.HISTORY * 2
    received = [say(channel, f"{n}", id_=f"m{n}") for n in range(count)]

    claimed = claim_one()

    assert claimed.question.texts == tuple(f"{n}" for n in range(count))
    assert claimed.first_message_id == received[0].message_id


def test_a_long_history_is_not(channel: Any) -> None:
    for number in range(claiming.HISTORY):
        say(channel, f"question {number}", id_=f"m{number}")
        turns.settle([(claim_one(), ANSWER, False)])
    say(channel, "now", id_="now")

    assert len(claim_one().question.history) == claiming.HISTORY


def test_each_conversation_gets_its_own_history(channel: Any) -> None:
    for thread in "abc":
        for number in range(3):
            say(channel, f"{thread}{number}", thread=thread, id_=f"{number}")
    Conversation.objects.update(due_at=timezone.now())

    claims, _ = claiming.claim(1, 10)

    assert {each.question.texts for each in claims} == {
        tuple(f"{thread}{number}" for number in range(3)) for thread in "abc"
    }


def test_only_what_is_due_is_claimed(channel: Any) -> None:
    say(channel, "hello")
    Conversation.objects.update(due_at=timezone.now() + dt.timedelta(seconds=0.3))

    claims, pause = claiming.claim(1, 10)

    assert claims == []
    assert pause is not None
    assert 0 < pause <= 0.3


def test_with_nothing_waiting_there_is_nothing_to_wait_for(channel: Any) -> None:
    assert claiming.claim(1, 10) == ([], None)


def test_two_workers_claim_disjoint_sets(channel: Any) -> None:
    for number in range(60):
        say(channel, "How long?", thread=f"t{number}")
    claimed: dict[int, list[int]] = {1: [], 2: [], 3: []}

    def run(worker: int) -> None:
        while True:
            claims, _ = claiming.claim(worker, 7)
            if not claims:
                break
            claimed[worker] += [each.conversation_id for each in claims]
        connection.close()

    threads = [threading.Thread(target=run, args=(each,)) for each in claimed]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    everything = [key for keys in claimed.values() for key in keys]
    assert len(everything) == len(set(everything)) == 60


def test_a_claim_with_nothing_left_to_answer_is_given_back(channel: Any) -> None:
    say(channel, "How long?")
    Message.objects.update(state="ignored")

    assert claiming.claim(1, 10)[0] == []

    row = only()
    assert (row.worker, row.due_at, row.waiting_since) == (None, None, None)


def test_what_a_worker_claimed_without_hearing_of_it_is_claimed_again(
    channel: Any, monkeypatch: Any
) -> None:
    say(channel, "How long?")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(claiming, "setup_of", broken)
        with pytest.raises(ZeroDivisionError):
            claiming.claim(1, 10)
    assert claiming.recover_unbegun(1, []) == 0  # it may be on its way
    Conversation.objects.update(claimed_at=timezone.now() - dt.timedelta(seconds=10))
    assert claiming.recover_unbegun(2, []) == 0
    assert claiming.recover_unbegun(1, []) == 1

    assert claim_one(worker=1)


def test_a_turn_that_runs_long_keeps_its_claim(channel: Any) -> None:
    say(channel, "How long?")
    claimed = claim_one(worker=1)
    Conversation.objects.update(claimed_at=timezone.now() - dt.timedelta(seconds=60))

    assert claiming.recover_unbegun(1, [claimed]) == 0


def test_what_is_found_to_be_nothing_never_hides_new_words(channel: Any) -> None:
    """A person took over, gave back, and the contact wrote, all during one turn."""
    say(channel, "How long?", id_="1")
    claimed = claim_one()
    services.hand_off(conversation=only(), reason="taken_over")

    assert claiming.reread(claimed) is None
    services.hand_back(conversation=only(), reason="handed_back")
    say(channel, "And now?", id_="2")

    assert claim_one(worker=2).question.texts == ("And now?",)


def test_more_words_are_read_into_the_epoch_of_the_claim(channel: Any) -> None:
    say(channel, "How long?", id_="1")
    claimed = claim_one()
    services.hand_off(conversation=only(), reason="taken_over")
    services.hand_back(conversation=only(), reason="handed_back")
    say(channel, "And now?", id_="2")

    more = claiming.reread(claimed)

    assert more is not None
    (result,) = turns.settle([(more, ANSWER, True)])
    assert result.verdict is Verdict.PERSON_ACTED


@pytest.mark.parametrize(
    ("address", "visibilities"),
    [
        ({}, frozenset({"customer"})),
        ({"agent_type": "customer"}, frozenset({"customer"})),
        ({"agent_type": "support"}, None),
        ({"agent_type": "test"}, None),
        ({"agent_type": "anything"}, frozenset({"customer"})),
    ],
)
def test_only_staff_see_everything(address: Any, visibilities: Any) -> None:
    assert claiming.visibilities(address) == visibilities


def test_only_what_a_page_may_watch_is_shown_while_it_is_written(channel: Any) -> None:
    crm = sessions.find(channel, "customer", Person("jane"), "customer-session-1")
    shown = {}

    for thread in ("session-of-a-page", crm.thread):
        say(channel, "How long?", thread=thread)
        claimed = claim_one()
        shown[thread] = claimed.is_watched
        turns.settle([(claimed, ANSWER, False)])

    assert shown == {"session-of-a-page": True, crm.thread: False}
