"""Whether an answer was right: who may say so, and what people's work says."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from ai_model import judging
from ai_model.models import Calibration, Gap, GapQuestion, Judgement, Turn
from ai_model.risk import Case
from ai_model.tests.factories import answered_turn
from conversations import services
from conversations.models import Message
from conversations.tests.factories import MessageFactory
from core.exceptions import Conflict
from knowledge.models import Example
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account, User
    from conversations.models import Conversation

pytestmark = pytest.mark.django_db

STAFF, CONTACT = Judgement.Origin.STAFF, Judgement.Origin.CONTACT
ENTRY, CORRECTION = Judgement.Origin.ENTRY, Judgement.Origin.CORRECTION


@pytest.fixture
def turn(conversation: Conversation) -> Turn:
    return answered_turn(conversation)


def test_a_judgement_is_kept_and_planned_to_be_learned_from(
    turn: Turn, alice: User
) -> None:
    row = judging.record_judgement(turn=turn, right=True, origin=STAFF, user=alice)

    assert (row.right, row.origin, row.user) == (True, "staff", alice)
    calibration = Calibration.objects.get(account=turn.account)
    assert calibration.due_at is not None
    assert calibration.due_at > timezone.now()


@pytest.mark.parametrize(
    ("first", "then", "stands"),
    [
        ((STAFF, True), (STAFF, False), (STAFF, False)),
        ((STAFF, True), (CONTACT, False), (STAFF, True)),
        ((CORRECTION, False), (CONTACT, True), (CONTACT, True)),
        ((CONTACT, True), (CORRECTION, False), (CONTACT, True)),
    ],
    ids=["later", "less reliable", "more reliable", "by chance"],
)
def test_the_most_reliable_judgement_stands(
    turn: Turn, first: Any, then: Any, stands: Any
) -> None:
    for origin, right in (first, then):
        judging.record_judgement(turn=turn, right=right, origin=origin)

    row = Judgement.objects.get()
    assert (row.origin, row.right) == stands


@pytest.mark.parametrize(
    "values",
    [
        {"reason": "not_in_knowledge", "state": Turn.State.HANDED_OVER},
        {"reason": "small_talk", "state": Turn.State.ANSWERED},
        {"state": Turn.State.DROPPED},
        {"confidence": None},
    ],
    ids=["withheld", "small talk", "dropped", "not judged by search"],
)
def test_what_gave_no_answer_cannot_be_marked(
    conversation: Conversation, values: dict[str, Any]
) -> None:
    turn = answered_turn(conversation, **values)

    with pytest.raises(Conflict):
        judging.record_judgement(turn=turn, right=True, origin=STAFF)

    assert not Judgement.objects.exists()


def test_a_customer_judges_the_turn_that_made_the_answer(turn: Turn) -> None:
    assert turn.reply is not None

    judging.judge_answer(message=turn.reply, is_right=False)

    row = Judgement.objects.get()
    assert (row.turn, row.right, row.origin) == (turn, False, CONTACT)


@pytest.mark.parametrize("values", [{"reason": "low_confidence"}, {"confidence": None}])
def test_a_customer_judges_nothing_where_no_answer_was_found(
    conversation: Conversation, values: dict[str, Any]
) -> None:
    turn = answered_turn(conversation, **values)
    assert turn.reply is not None

    judging.judge_answer(message=turn.reply, is_right=True)
    judging.judge_answer(message=MessageFactory(author="assistant"), is_right=True)

    assert not Judgement.objects.exists()


def test_who_sees_the_entries_judges_handed_over_questions_too(
    conversation: Conversation,
) -> None:
    turn = answered_turn(conversation, reason="low_confidence", confidence=0.7)

    with pytest.raises(Conflict):
        judging.record_judgement(turn=turn, right=True, origin=CONTACT)
    judging.record_judgement(turn=turn, right=True, origin=STAFF)

    assert judging.cases_of(turn.account_id) == [Case(0.7, answered=False, right=True)]


def test_a_person_who_replies_something_else_at_once_corrects(
    turn: Turn, bob: User
) -> None:
    services.reply(
        conversation=turn.conversation,
        user=bob,
        text="No, furniture takes two weeks because a carrier brings it by truck.",
    )

    assert judging.collect(turn.account_id) == 1

    row = Judgement.objects.get()
    assert (row.right, row.origin, row.user) == (False, "correction", bob)
    assert judging.collect(turn.account_id) == 0


@pytest.mark.parametrize(
    "text",
    [
        "Have a nice day!",
        "Right: parcels arrive within three working days.",
        "Yes.",
    ],
    ids=["courtesy", "the same", "too short to tell"],
)
def test_a_person_who_agrees_does_not(turn: Turn, bob: User, text: str) -> None:
    services.reply(conversation=turn.conversation, user=bob, text=text)

    assert judging.collect(turn.account_id) == 0


SOMETHING_ELSE = "The warehouse in Linz closes for inventory next Monday."


def test_a_reply_to_what_the_customer_wrote_next_says_nothing(
    turn: Turn, bob: User
) -> None:
    MessageFactory(conversation=turn.conversation, text="And the warehouse?")
    services.reply(conversation=turn.conversation, user=bob, text=SOMETHING_ELSE)

    assert judging.collect(turn.account_id) == 0


def test_a_reply_hours_later_says_nothing(turn: Turn, bob: User) -> None:
    services.reply(conversation=turn.conversation, user=bob, text=SOMETHING_ELSE)
    long_ago = timezone.now() - dt.timedelta(hours=5)
    Message.objects.filter(pk=turn.reply_id).update(created_at=long_ago)

    assert judging.collect(turn.account_id) == 0


@pytest.mark.parametrize("found", ["delivery", "returns"])
def test_the_entry_of_a_closed_gap_judges_what_was_found(
    conversation: Conversation, account: Account, found: str
) -> None:
    turn = answered_turn(
        conversation, reason="low_confidence", confidence=0.6, entry=found
    )
    entry = EntryFactory(account=account, external_id="delivery")
    now = timezone.now()
    gap = Gap.objects.create(
        account=account,
        question=turn.query,
        status=Gap.Status.CLOSED,
        entry=entry,
        first_seen_at=now,
        last_seen_at=now,
    )
    GapQuestion.objects.create(
        gap=gap, turn=turn, text=turn.query, asked_at=now, weight=1.0
    )

    assert judging.collect(account.pk) == 1

    row = Judgement.objects.get()
    assert (row.right, row.origin) == (found == "delivery", "entry")


def link(reply: Message, entry: str, **values: Any) -> None:
    Example.objects.create(
        entry=EntryFactory(account=reply.account, external_id=entry),
        text="How long does delivery take?",
        digest="0" * 64,
        reference=str(reply.uuid),
        **{
            "origin": Example.Origin.CONFIRMED,
            "status": Example.Status.APPROVED,
            **values,
        },
    )


@pytest.mark.parametrize("entry", ["delivery", "returns"])
def test_an_entry_linked_to_a_persons_reply_judges_what_was_found(
    conversation: Conversation, bob: User, entry: str
) -> None:
    turn = answered_turn(conversation, reason="low_confidence", confidence=0.6)
    reply = services.reply(conversation=conversation, user=bob, text=SOMETHING_ELSE)
    link(reply, entry)

    assert judging.collect(turn.account_id) == 1

    row = Judgement.objects.get()
    assert (row.turn, row.right) == (turn, entry == "delivery")
    assert (row.origin, row.user) == ("entry", bob)
    assert judging.collect(turn.account_id) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"status": Example.Status.PROPOSED},
        {"origin": Example.Origin.IMPORTED},
        {"reference": "gap 7"},
    ],
    ids=["not approved", "imported", "not a message"],
)
def test_only_approved_links_judge(
    conversation: Conversation, bob: User, values: dict[str, str]
) -> None:
    turn = answered_turn(conversation, reason="low_confidence", confidence=0.6)
    reply = services.reply(conversation=conversation, user=bob, text=SOMETHING_ELSE)
    link(reply, "delivery")
    Example.objects.update(**values)

    assert judging.collect(turn.account_id) == 0


def test_a_link_stands_above_a_correction_and_below_staff(
    turn: Turn, bob: User
) -> None:
    reply = services.reply(
        conversation=turn.conversation, user=bob, text=SOMETHING_ELSE
    )
    assert judging.collect(turn.account_id) == 1
    link(reply, "delivery")

    assert judging.collect(turn.account_id) == 1
    assert Judgement.objects.get().right
    judging.record_judgement(turn=turn, right=False, origin=STAFF)
    assert judging.collect(turn.account_id) == 0
    assert not Judgement.objects.get().right


def test_a_link_to_a_reply_about_later_words_judges_nothing(
    conversation: Conversation, bob: User
) -> None:
    turn = answered_turn(conversation, reason="low_confidence", confidence=0.6)
    MessageFactory(conversation=conversation, text="And the warehouse?")
    reply = services.reply(conversation=conversation, user=bob, text=SOMETHING_ELSE)
    link(reply, "delivery")

    assert judging.collect(turn.account_id) == 0


def test_the_past_is_read_on_the_scale_before_adjustment(
    conversation: Conversation, charlie: User, account: Account
) -> None:
    judged = answered_turn(conversation, confidence=0.97, raw_confidence=0.93)
    judging.record_judgement(turn=judged, right=False, origin=STAFF)
    answered_turn(conversation, reason="low_confidence", confidence=0.4)
    # From before such a scale was kept.
    answered_turn(conversation, confidence=0.92, raw_confidence=None)
    answered_turn(conversation, reason="small_talk", state=Turn.State.ANSWERED)

    assert judging.cases_of(account.pk) == [
        Case(0.92, answered=True),
        Case(0.4, answered=False),
        Case(0.93, answered=True, right=False),
    ]
    assert judging.cases_of(charlie.accounts.get().pk) == []
