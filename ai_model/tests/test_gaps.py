"""What owners do about gaps: publish and ask again, dismiss, merge."""

from __future__ import annotations

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection

from ai_model import gap_drafts, gaps
from ai_model.models import Assistant, Gap, GapQuestion, Turn
from ai_model.tests.unanswered import ask, look, pass_time, reply
from core.exceptions import Conflict, InvalidPayload
from knowledge.learning import approve
from knowledge.models import Entry, Example
from knowledge.services import set_status
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db

REPLY = "Yes, we ship to Norway within five working days, for nine euros."


@pytest.fixture
def entries(account: Any) -> None:
    for title, body in {
        "Returning an item": "You may send it back within 30 days for a full refund.",
        "Gift cards": "Gift cards are valid for two years and cannot be paid out.",
        "Repairing a tent": "Our workshop mends zips and poles for a small fee.",
    }.items():
        EntryFactory(account=account, title=title, body=body)


@pytest.fixture
def gap(channel: Any, entries: None) -> Gap:
    """Asked three times, answered once by a person."""
    ask(channel, "Do you ship to Norway?")
    ask(channel, "Can you ship to Norway?")
    reply(ask(channel, "Do you ship things to Norway"), REPLY)
    look()
    return Gap.objects.get()


def test_publishing_asks_the_questions_again_and_closes_the_gap(gap: Gap) -> None:
    proof = gaps.publish(gap=gap)

    assert proof == gaps.Proof(asked=3, answered=3, is_closed=True)
    assert gap.status == Gap.Status.CLOSED
    assert gap.reasked_at is not None
    assert gap.entry.status == Entry.Status.PUBLISHED  # type: ignore[union-attr]
    for each in gap.questions.all():
        assert each.is_answered
        assert each.confidence is not None
        assert each.confidence > 0.5


@pytest.fixture
def shipping(gap: Gap) -> Entry:
    """An entry that says it in other words."""
    return EntryFactory(
        account=gap.account, title="Parcels abroad", body="Scandinavia: five days."
    )


def test_an_entry_that_is_there_learns_the_questions_and_closes_the_gap(
    gap: Gap, shipping: Entry, alice: Any
) -> None:
    draft = gap.entry

    proof = gaps.link(gap=gap, entry=shipping, user=alice)

    assert proof == gaps.Proof(asked=3, answered=3, is_closed=True)
    assert gap.entry == shipping
    assert not Entry.objects.filter(pk=draft.pk).exists()  # type: ignore[union-attr]
    learned = Example.objects.filter(entry=shipping)
    assert {each.status for each in learned} == {Example.Status.APPROVED}
    assert {each.reviewed_by for each in learned} == {alice}
    assert len(learned) == 3


def test_a_draft_that_somebody_worked_on_outlives_another_answer(
    gap: Gap, shipping: Entry, alice: Any
) -> None:
    kept = gaps.save_draft(gap=gap, title="Norway", body="Yes.", user=alice)

    gaps.link(gap=gap, entry=shipping, user=alice)

    assert Entry.objects.filter(pk=kept.pk, status=Entry.Status.DRAFT).exists()


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_only_a_published_entry_answers(
    gap: Gap, shipping: Entry, alice: Any, status: str
) -> None:
    Entry.objects.filter(pk=shipping.pk).update(status=status)

    with pytest.raises(Conflict):
        gaps.link(gap=gap, entry=shipping, user=alice)


def test_an_entry_of_another_account_answers_nothing(gap: Gap, alice: Any) -> None:
    with pytest.raises(Conflict):
        gaps.link(gap=gap, entry=EntryFactory(), user=alice)

    assert not Example.objects.exists()


def test_the_entries_that_were_found_are_offered_and_no_others(
    gap: Gap, shipping: Entry
) -> None:
    for each in Turn.objects.all():
        each.retrieved = [{"entry_id": shipping.public_id, "score": 1.0}]
        each.save()

    assert list(gaps.nearest_entries(gap)) == [shipping]


def test_an_entry_that_does_not_answer_closes_nothing(gap: Gap, alice: Any) -> None:
    gaps.save_draft(gap=gap, title="Our team", body="We are nine people.", user=alice)

    proof = gaps.publish(gap=gap)

    assert (proof.answered, proof.is_closed) == (0, False)
    assert gap.status == Gap.Status.DRAFTED
    assert set(gap.questions.values_list("is_answered", flat=True)) == {False}


def test_an_answer_from_another_entry_proves_nothing(gap: Gap, alice: Any) -> None:
    EntryFactory(account=gap.account, title="Do you ship to Norway?", body=REPLY)
    gaps.save_draft(gap=gap, title="Our team", body="We are nine people.", user=alice)

    assert gaps.publish(gap=gap).answered == 0


def test_asking_again_neither_sends_nor_stores_a_message(gap: Gap) -> None:
    conversations = [each.turn.conversation for each in gap.questions.all()]
    before = [each.messages.count() for each in conversations]

    gaps.publish(gap=gap)

    assert [each.messages.count() for each in conversations] == before


def test_asking_again_does_not_depend_on_hours_or_the_switch(gap: Gap) -> None:
    Assistant.objects.create(
        account=gap.account,
        auto_response=False,
        business_hours={"mon": [["03:00", "03:01"]]},
    )

    assert gaps.publish(gap=gap).is_closed


def test_the_threshold_of_the_account_decides(gap: Gap) -> None:
    Assistant.objects.create(account=gap.account, threshold=1.0)

    proof = gaps.publish(gap=gap)

    assert proof.answered < proof.asked
    assert not proof.is_closed


def test_the_questions_are_proposed_as_examples(gap: Gap, alice: Any) -> None:
    gaps.publish(gap=gap)

    rows = Example.objects.all()
    assert {each.text for each in rows} == set(
        gap.questions.values_list("text", flat=True)
    )
    assert {(each.origin, each.status) for each in rows} == {("confirmed", "proposed")}
    assert approve(examples=rows, user=alice) == 3


def test_a_gap_without_draft_cannot_be_published(channel: Any) -> None:
    ask(channel, "Do you ship to Norway?")
    look()
    gap = Gap.objects.get()

    with pytest.raises(Conflict):
        gaps.publish(gap=gap)
    with pytest.raises(Conflict):
        gaps.ask_again(gap=gap)


def test_an_archived_entry_cannot_be_asked(gap: Gap) -> None:
    gaps.publish(gap=gap)
    Entry.objects.filter(pk=gap.entry_id).update(status=Entry.Status.ARCHIVED)

    with pytest.raises(Conflict):
        gaps.ask_again(gap=gap)


@pytest.mark.parametrize(
    ("title", "body"), [("", "Yes."), ("Norway", " \n"), ("x" * 501, "Yes.")]
)
def test_a_draft_needs_title_and_text(gap: Gap, title: str, body: str) -> None:
    with pytest.raises(InvalidPayload):
        gaps.save_draft(gap=gap, title=title, body=body, user=None)


def test_an_owner_writes_the_draft_where_nobody_replied(
    channel: Any, alice: Any
) -> None:
    ask(channel, "Do you ship to Norway?")
    look()
    gap = Gap.objects.get()

    entry = gaps.save_draft(gap=gap, title="Shipping to Norway", body=REPLY, user=alice)

    assert gap.status == Gap.Status.DRAFTED
    assert gap.entry == entry
    assert entry.status == Entry.Status.DRAFT
    assert entry.revisions.get().author == alice


def test_dismissing_takes_an_untouched_draft_along(gap: Gap) -> None:
    draft = gap.entry_id

    assert gaps.dismiss(gaps=[gap]) == 1

    gap.refresh_from_db()
    assert (gap.status, gap.entry) == (Gap.Status.DISMISSED, None)
    assert not Entry.objects.filter(pk=draft).exists()


def test_dismissing_leaves_what_somebody_wrote(gap: Gap, alice: Any) -> None:
    entry = gaps.save_draft(gap=gap, title="Norway", body="By ship.", user=alice)

    gaps.dismiss(gaps=[gap])

    assert Entry.objects.filter(pk=entry.pk).exists()


def test_what_was_dismissed_can_be_brought_back(gap: Gap) -> None:
    gaps.dismiss(gaps=[gap])

    assert gaps.bring_back(gaps=[gap]) == 1
    look()

    gap.refresh_from_db()
    assert gap.status == Gap.Status.DRAFTED
    assert gap.entry.body == REPLY  # type: ignore[union-attr]


def test_merging_brings_questions_and_draft_together(channel: Any, gap: Gap) -> None:
    ask(channel, "Is Oslo within your delivery area?")
    look()
    other = Gap.objects.exclude(pk=gap.pk).get()

    merged = gaps.merge(gaps=[gap], into=other)

    assert merged == other
    assert other.questions.count() == 4
    assert merged.entry_id == gap.entry_id
    assert merged.status == Gap.Status.DRAFTED
    assert merged.first_seen_at == gap.first_seen_at
    assert Gap.objects.get() == other


def test_gaps_of_another_account_are_not_merged(gap: Gap, charlie: Any) -> None:
    foreign = Gap.objects.create(
        account=charlie.accounts.get(),
        question="Do you ship to Norway?",
        first_seen_at=gap.first_seen_at,
        last_seen_at=gap.last_seen_at,
    )

    gaps.merge(gaps=[foreign], into=gap)

    assert Gap.objects.filter(pk=foreign.pk).exists()


def test_gaps_without_questions_are_forgotten_with_their_draft(gap: Gap) -> None:
    for each in gap.questions.all():
        each.turn.conversation.delete()

    assert gaps.forget_empty() == 1

    assert not Gap.objects.exists()
    assert not Entry.objects.filter(status=Entry.Status.DRAFT).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_at_once_leaves_no_question_and_no_draft_behind(
    channel: Any, alice: Any, seed: int
) -> None:
    chance = random.Random(seed)
    for text in ("Do you ship to Norway?", "Is the tent fireproof?"):
        for _ in range(3):
            reply(ask(channel, text), REPLY)
    look()
    first, second = Gap.objects.order_by("pk")
    reply(ask(channel, "Do you ship to Norway?"), "Since May we no longer ship there.")
    pass_time()

    def delete() -> None:
        # PostgreSQL refuses where a question of it is stored at that moment.
        with contextlib.suppress(IntegrityError):
            first.questions.all()[0].turn.conversation.delete()

    def act(name: str) -> None:
        try:
            {
                "look": look,
                "draft": gap_drafts.draft_due,
                "merge": lambda: gaps.merge(gaps=[second], into=first),
                "dismiss": lambda: gaps.dismiss(gaps=[first]),
                "publish": lambda: gaps.publish(gap=second),
                "archive": lambda: set_status(
                    Entry.objects.all(), status=Entry.Status.ARCHIVED
                ),
                "delete": delete,
            }[name]()
        except Conflict:
            pass
        finally:
            connection.close()

    names = ["look", "draft", "merge", "dismiss", "publish", "archive", "delete"]
    chance.shuffle(names)
    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(act, name) for name in names]:
            job.result()
    look()

    assert GapQuestion.objects.count() >= 5
    linked = set(Gap.objects.values_list("entry_id", flat=True))
    drafts = Entry.objects.filter(status=Entry.Status.DRAFT)
    assert set(drafts.values_list("pk", flat=True)) <= linked
    for gap in Gap.objects.filter(status=Gap.Status.CLOSED):
        assert gap.questions.filter(is_answered=True).exists()
