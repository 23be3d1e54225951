"""What was committed leaves, part by part, in order, once."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.utils import timezone

from conversations import delivery, outcomes, services
from conversations.models import Conversation, Delivery, Message
from conversations.outcomes import LONGEST_PAUSE_S, MOST_ATTEMPTS, Outcome
from conversations.tests.acting import commit, say
from core import lease, store
from core.exceptions import (
    ConversationGone,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.tests.network import eventually
from integrations import facts

pytestmark = pytest.mark.django_db(transaction=True)

SENT, WAITING, FAILED = (
    Delivery.State.SENT,
    Delivery.State.WAITING,
    Delivery.State.FAILED,
)


def only() -> Delivery:
    return Delivery.objects.get()


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


@pytest.fixture
def parts(chatwoot: Any, monkeypatch: Any) -> Conversation:
    """A conversation with an answer in three parts."""
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 5)
    say(chatwoot, "How long?", id_="1")
    row = Conversation.objects.get()
    commit(row, "aaaa bbbb cccc")
    return row


@pytest.fixture
def part(chatwoot: Any) -> Conversation:
    """A conversation with an answer in one part."""
    say(chatwoot, "How long?", id_="1")
    row = Conversation.objects.get()
    commit(row)
    return row


def test_parts_leave_one_after_the_other(parts: Conversation) -> None:
    sent = []
    for _ in range(3):
        (claimed,) = delivery.claim(1, 10)
        assert delivery.claim(2, 10) == []
        assert delivery.start([claimed.id], 1) == {claimed.id}
        assert delivery.claim(2, 10) == []
        delivery.record([Outcome(claimed.id, SENT, "x", worker=1)])
        sent.append(claimed.outbound.text)

    assert sent == ["aaaa", "bbbb", "cccc"]
    message = Message.objects.get(author="assistant")
    assert message.state == "sent"
    assert all(
        each.sent_at and each.external_id == "x" for each in Delivery.objects.all()
    )


def test_a_part_that_has_to_wait_holds_back_those_behind_it(
    parts: Conversation,
) -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    later = timezone.now() + dt.timedelta(minutes=5)

    delivery.record([Outcome(claimed.id, WAITING, due_at=later, worker=1)])

    assert delivery.claim(1, 10) == []


def test_a_takeover_in_the_middle_stops_what_is_left(parts: Conversation) -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    services.hand_off(conversation=parts, reason="taken_over")
    delivery.record([Outcome(claimed.id, SENT, "x", worker=1)])

    assert states() == ["sent", "withheld", "withheld", "waiting"]
    (news,) = delivery.claim(1, 10)
    assert news.outbound.kind == "hand_off"
    assert Message.objects.get(author="assistant").state == "withheld"


def test_a_part_claimed_before_a_takeover_does_not_start_after_it(
    part: Conversation,
) -> None:
    (claimed,) = delivery.claim(1, 10)
    # As when the takeover happens in the moment between claim and start.
    Conversation.objects.update(epoch=1, status="support_active")

    assert delivery.start([claimed.id], 1) == set()

    assert states() == ["withheld"]
    message = Message.objects.get(author="assistant")
    assert (message.state, message.reason) == ("withheld", "person_acted")


def test_only_its_own_worker_starts_a_part(part: Conversation) -> None:
    (claimed,) = delivery.claim(1, 10)

    assert delivery.start([claimed.id], 2) == set()
    assert delivery.start([claimed.id], 1) == {claimed.id}
    assert delivery.start([claimed.id], 1) == set()


def test_two_workers_claim_disjoint_sets(chatwoot: Any) -> None:
    for number in range(60):
        say(chatwoot, "How long?", thread=f"t{number}", id_="1")
        commit(Conversation.objects.latest("id"))
    claimed: dict[int, list[int]] = {1: [], 2: [], 3: []}

    def work(worker: int) -> None:
        while found := delivery.claim(worker, 7):
            claimed[worker] += [each.id for each in found]
        connection.close()

    threads = [threading.Thread(target=work, args=(each,)) for each in claimed]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    everything = [key for keys in claimed.values() for key in keys]
    assert len(everything) == len(set(everything)) == 60


ERRORS: list[tuple[str, Any, int, str, bool]] = [
    ("temporary", TemporaryProviderError("x", provider="p"), 1, "waiting", False),
    ("broken server", TemporaryProviderError("x", provider="p", status=500), 1, "waiting", True),
    ("busy", TemporaryProviderError("x", provider="p", status=429), 1, "waiting", False),
    ("uncertain", UncertainProviderError("x", provider="p"), 1, "waiting", True),
    ("permanent", PermanentProviderError("x", provider="p"), 1, "failed", False),
    ("too often", TemporaryProviderError("x", provider="p"), MOST_ATTEMPTS, "failed", False),
    ("uncertain and too often", UncertainProviderError("x", provider="p"), MOST_ATTEMPTS,
     "failed", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "attempts", "state", "must_look"),
    [each[1:] for each in ERRORS],
    ids=[each[0] for each in ERRORS],
)
def test_what_follows_from_a_failure(
    part: Conversation, error: Any, attempts: int, state: str, must_look: bool
) -> None:
    Delivery.objects.update(attempts=attempts - 1)
    (claimed,) = delivery.claim(1, 10)

    outcome = outcomes.after_failure(claimed, error)

    assert (outcome.state, outcome.must_look) == (state, must_look)
    assert (outcome.due_at is not None) == (state == "waiting")


def test_where_we_cannot_look_a_broken_server_is_tried_again(
    part: Conversation, chatwoot: Any
) -> None:
    chatwoot.credentials = {**chatwoot.credentials, "user_token": ""}
    chatwoot.save()
    facts.cache.clear()
    (claimed,) = delivery.claim(1, 10)

    error = TemporaryProviderError("x", provider="p", status=503)
    outcome = outcomes.after_failure(claimed, error)

    assert (outcome.state, outcome.must_look) == ("waiting", False)


@pytest.mark.parametrize("pause_s", [1e12, float("inf"), 1e300])
def test_no_provider_makes_a_part_wait_for_ever(
    part: Conversation, pause_s: float
) -> None:
    (claimed,) = delivery.claim(1, 10)
    error = TemporaryProviderError("x", provider="p", retry_after=pause_s)

    outcome = outcomes.after_failure(claimed, error)

    assert outcome.due_at is not None
    waits_s = (outcome.due_at - timezone.now()).total_seconds()
    assert waits_s <= LONGEST_PAUSE_S


def test_pauses_grow_with_each_attempt(part: Conversation) -> None:
    error = TemporaryProviderError("x", provider="p")
    pauses = []
    for attempts in range(1, MOST_ATTEMPTS):
        Delivery.objects.update(attempts=attempts - 1, state="waiting")
        (claimed,) = delivery.claim(1, 10)
        outcome = outcomes.after_failure(claimed, error)
        assert outcome.due_at is not None
        pauses.append((outcome.due_at - timezone.now()).total_seconds())

    assert all(0.5 * 2**n - 1 <= pause <= 2**n for n, pause in enumerate(pauses, 1))


def test_a_part_that_is_lost_calls_a_person(part: Conversation) -> None:
    before = part.seq
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)

    delivery.record([Outcome(claimed.id, FAILED, error="404", worker=1)])

    row = Conversation.objects.get()
    assert row.needs_person
    assert row.seq > before
    assert Message.objects.get(author="assistant").state == "failed"
    assert only().error == "404"


def test_a_worker_that_lost_its_part_does_not_undo_what_the_next_one_did(
    part: Conversation,
) -> None:
    """Its lease was lost while it waited for the provider."""
    (slow,) = delivery.claim(1, 10)
    delivery.start([slow.id], 1)
    assert delivery.recover(2) == 1
    (again,) = delivery.claim(2, 10)
    delivery.start([again.id], 2)
    delivery.record([Outcome(again.id, SENT, "second", worker=2)])

    now = timezone.now()
    for late in (
        Outcome(slow.id, WAITING, due_at=now, worker=1),
        Outcome(slow.id, FAILED, error="late", worker=1),
    ):
        delivery.record([late])

    assert (only().state, only().external_id) == ("sent", "second")
    assert not Conversation.objects.get().needs_person


def test_an_outcome_that_is_stored_twice_does_not_end_the_next_attempt(
    part: Conversation,
) -> None:
    """The same worker did not hear that it was stored, and has begun again since."""
    (first,) = delivery.claim(1, 10)
    busy = Outcome(first.id, WAITING, due_at=timezone.now(), worker=1, attempts=1)
    delivery.record([busy])
    (second,) = delivery.claim(1, 10)
    delivery.start([second.id], 1)

    delivery.record([busy])

    assert (only().state, only().worker) == ("sending", 1)


def test_what_arrived_after_all_is_not_sent_again(part: Conversation) -> None:
    (slow,) = delivery.claim(1, 10)
    delivery.start([slow.id], 1)
    delivery.recover(2)
    (again,) = delivery.claim(2, 10)

    delivery.record([Outcome(slow.id, SENT, "first", worker=1)])

    assert delivery.start([again.id], 2) == set()
    assert (only().state, only().external_id) == ("sent", "first")


def test_what_a_dead_worker_held_is_taken_up(chatwoot: Any) -> None:
    for number in range(2):
        say(chatwoot, "How long?", thread=f"t{number}", id_="1")
        commit(Conversation.objects.latest("id"))
    first, second = delivery.claim(1, 10)
    delivery.start([first.id], 1)

    assert delivery.recover(2) == 2

    found = {each.pk: each for each in Delivery.objects.all()}
    assert found[first.id].must_look
    assert not found[second.id].must_look
    assert states() == ["waiting", "waiting"]


def test_what_a_living_worker_holds_stays_with_it(part: Conversation) -> None:
    living = lease.Lease()
    worker = living.hold()
    delivery.claim(worker, 10)

    assert delivery.recover(worker + 1) == 0

    assert only().worker == worker
    living.release()


def test_what_a_worker_holds_without_having_begun_it_is_sent_again(
    part: Conversation, monkeypatch: Any
) -> None:
    """Its connection broke while it committed."""
    woken: list[str] = []
    loop: Any = SimpleNamespace(worker=1, wake=woken.append)
    step = delivery.DeliverStep(loop)
    (lost,) = delivery.claim(1, 10)
    delivery.start([lost.id], 1)

    step.recover()
    assert (only().state, woken) == ("sending", [])  # it may be on its way

    monkeypatch.setattr(delivery, "BEGUN_IN_S", 0.0)
    step.recover()
    assert (only().state, only().worker, only().must_look) == ("waiting", None, True)
    assert woken == ["deliver"]


def test_what_is_being_sent_for_long_is_not_sent_again(
    part: Conversation, monkeypatch: Any
) -> None:
    monkeypatch.setattr(delivery, "BEGUN_IN_S", 0.0)
    loop: Any = SimpleNamespace(worker=1)
    step = delivery.DeliverStep(loop)
    (slow,) = delivery.claim(1, 10)
    delivery.start([slow.id], 1)
    task: Any = object()
    step._running[task] = slow.id

    step.recover()
    step.recover()

    assert only().state == "sending"


def test_a_deadlock_free_way_to_report_many_losses(chatwoot: Any) -> None:
    """Losses number conversations while people take others over."""
    if not store.is_postgresql():
        pytest.skip("SQLite has one writer")
    for number in range(30):
        say(chatwoot, "How long?", thread=f"t{number}", id_="1")
        commit(Conversation.objects.latest("id"))
    keys = [each.id for each in delivery.claim(1, 100)]
    delivery.start(keys, 1)
    rows = list(Conversation.objects.order_by("id"))
    errors: list[BaseException] = []

    def guarded(action: Any) -> None:
        try:
            action()
        except BaseException as exc:  # noqa: BLE001 (whatever it was)
            errors.append(exc)
        finally:
            connection.close()

    def lose() -> None:
        for at in range(0, 30, 10):
            delivery.record(
                [Outcome(key, FAILED, worker=1) for key in keys[at : at + 10]]
            )

    def take_over() -> None:
        for row in reversed(rows):
            services.hand_off(conversation=row, reason="taken_over")

    threads = [
        threading.Thread(target=guarded, args=(each,)) for each in (lose, take_over)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert errors == []


def test_a_provider_that_asks_for_a_million_years_blocks_nothing(
    engine: Any, chatwoot: Any, network: Any, bob: Any
) -> None:
    network.answer({}, httpx2.Response(429, headers={"retry-after": "1e300"}))
    # A fragment, so that the assistant still waits for more when a person takes over.
    say(chatwoot, "Hello", id_="1")
    services.hand_off(conversation=Conversation.objects.get(), reason="taken_over")

    eventually(lambda: only().attempts == 1 and only().state == "waiting")
    assert only().due_at < timezone.now() + dt.timedelta(seconds=LONGEST_PAUSE_S + 1)


def test_an_adapter_that_breaks_is_shown_and_blocks_nothing(
    engine: Any, chatwoot: Any, network: Any, bob: Any
) -> None:
    Conversation.objects.all().delete()
    # A fragment, so that the assistant still waits for more when Bob replies.
    say(chatwoot, "Hello", id_="1", address={"wrong": "no conversation"})
    conversation = Conversation.objects.get()

    services.reply(conversation=conversation, user=bob, text="Hi")

    eventually(lambda: states() == ["failed", "failed"])
    assert "KeyError" in Delivery.objects.latest("id").error
    assert Conversation.objects.get().needs_person


def test_a_part_that_started_at_its_commit_and_then_waited_passes_the_fence_again(
    part: Conversation,
) -> None:
    Delivery.objects.update(state="sending", worker=1)
    key = Delivery.objects.get().pk

    assert delivery.start([key], 1, Delivery.State.SENDING) == {key}
    Conversation.objects.update(epoch=1, status="support_active")

    assert delivery.start([key], 1, Delivery.State.SENDING) == set()
    assert states() == ["withheld"]


def test_a_thread_that_is_gone_at_the_provider_ends(part: Conversation) -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    gone = ConversationGone("No such thread.", provider="chatwoot")

    delivery.record([replace(outcomes.after_failure(claimed, gone), worker=1)])

    part.refresh_from_db()
    assert (part.status, part.status_reason) == ("closed", "conversation_gone")
    assert only().state == FAILED
    assert Message.objects.get(author="assistant").state == "failed"


def test_a_handoff_tells_what_staff_should_know(
    part: Conversation, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    Message.objects.filter(author="assistant").update(sources=[{"title": "Delivery"}])
    Delivery.objects.all().delete()
    services.hand_off(conversation=part, reason="taken_over")

    (claimed,) = delivery.claim(1, 10)

    assert claimed.outbound.kind == "hand_off"
    assert claimed.outbound.context == {
        "reason": "taken_over",
        "reason_text": "Taken over",
        "summary": "How long?",
        "sources": ["Delivery"],
        "link": f"https://desk.example/desk/{part.uuid}/",
    }


def test_a_note_goes_only_where_notes_are_kept(
    part: Conversation, channel: Any
) -> None:
    say(channel, "Hello", id_="2", thread="other")
    elsewhere = Conversation.objects.get(channel=channel)

    assert services.leave_note(conversation=elsewhere, text="Be kind.") is None
    note = services.leave_note(conversation=part, text="Be kind.")

    assert note is not None
    assert (note.kind, note.text, note.message_id) == ("note", "Be kind.", None)
