"""One rating of one message, however many arrive at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, connection, transaction

from ai_model.models import Judgement
from ai_model.tests.factories import answered_turn
from conversations import live
from conversations.models import Conversation
from conversations.signals import answer_rated
from feedback.models import Feedback
from feedback.services import AlreadyRated, rate
from knowledge.models import Example
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from conversations.models import Message

pytestmark = pytest.mark.django_db(transaction=True)

HELPFUL, UNHELPFUL = Feedback.Rating
SOURCES = [{"entry_id": "delivery", "title": "Delivery", "confidence": 0.95}]


@pytest.fixture
def answer(conversation: Any, account: Any) -> Message:
    EntryFactory(account=account, external_id="delivery")
    return answer_in(conversation)


def answer_in(conversation: Any) -> Message:
    """An answer from the knowledge."""
    message = answered_turn(conversation).reply
    assert message is not None
    message.reason, message.sources = "answered", SOURCES
    message.save()
    return message


def rate_at_once(*wanted: tuple[Message, Feedback.Rating, str]) -> list[str]:
    """What becomes of ratings from as many connections."""
    barrier = Barrier(len(wanted))

    def run(each: tuple[Message, Feedback.Rating, str]) -> str:
        message, rating, external_id = each
        barrier.wait(10)
        try:
            rate(message=message, rating=rating, external_id=external_id)
        except AlreadyRated:
            return "refused"
        finally:
            connection.close()
        return "kept"

    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(run, wanted))


def test_ratings_at_once_leave_one_row_and_count_once(answer: Message) -> None:
    found = rate_at_once(*[(answer, HELPFUL, "1")] * 4)

    assert found == ["kept"] * 4
    assert Feedback.objects.count() == 1
    assert Judgement.objects.count() == 1
    assert Example.objects.count() == 1


def test_of_two_that_contradict_each_other_at_once_one_counts(answer: Message) -> None:
    found = rate_at_once((answer, HELPFUL, "1"), (answer, UNHELPFUL, "1"))

    assert sorted(found) == ["kept", "refused"]
    is_up = Feedback.objects.get().rating == HELPFUL
    assert found[0 if is_up else 1] == "kept"
    assert Judgement.objects.get().right is is_up
    assert Example.objects.count() == is_up


def test_one_id_for_two_messages_at_once_is_one_rating(answer: Message) -> None:
    other = answer_in(answer.conversation)

    found = rate_at_once((answer, HELPFUL, "1"), (other, HELPFUL, "1"))

    assert found == ["kept", "kept"]
    assert Feedback.objects.count() == Judgement.objects.count() == 1


def test_a_rating_waits_for_a_reply_that_is_being_committed(answer: Message) -> None:
    """Both take the conversation before the account: neither waits for ever."""
    is_held = Event()

    def commit() -> None:
        try:
            with transaction.atomic():
                list(Conversation.objects.select_for_update())
                is_held.set()
                time.sleep(0.5)
                live.next_seq(answer.account_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        committed = pool.submit(commit)
        assert is_held.wait(10)
        rate(message=answer, rating=HELPFUL)
        committed.result()

    assert Feedback.objects.count() == Example.objects.count() == 1


def test_the_id_of_another_rating_is_not_taken_again(answer: Message) -> None:
    other = answer_in(answer.conversation)
    first = rate(message=answer, rating=HELPFUL, external_id="1")

    assert rate(message=other, rating=HELPFUL, external_id="1") == first
    with pytest.raises(AlreadyRated):
        rate(message=other, rating=UNHELPFUL, external_id="1")

    assert Feedback.objects.count() == 1


def test_the_chat_page_needs_no_ids(answer: Message) -> None:
    rate(message=answer, rating=HELPFUL)
    rate(message=answer_in(answer.conversation), rating=HELPFUL)

    assert Feedback.objects.count() == 2


def test_a_rating_that_could_not_count_is_not_kept(answer: Message) -> None:
    def fail(**_: Any) -> None:
        raise OSError

    answer_rated.connect(fail)
    try:
        with pytest.raises(OSError):  # noqa: PT011 (ours)
            rate(message=answer, rating=HELPFUL)
    finally:
        answer_rated.disconnect(fail)

    assert not Feedback.objects.exists()
    assert not Judgement.objects.exists()


def test_the_database_takes_one_rating_for_a_message(answer: Message) -> None:
    rate(message=answer, rating=HELPFUL)

    with pytest.raises(IntegrityError), transaction.atomic():
        Feedback.objects.create(
            account=answer.account,
            conversation=answer.conversation,
            message=answer,
            rating=UNHELPFUL,
        )
