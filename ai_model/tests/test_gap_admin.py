"""The pages on which owners close gaps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from ai_model.models import Gap, Turn
from ai_model.tests.unanswered import ask, look, reply
from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db

REPLY = "Yes, we ship to Norway within five working days, for nine euros."
LIST = "admin:ai_model_gap_changelist"


@pytest.fixture
def gap(channel: Any, account: Any) -> Gap:
    EntryFactory(account=account, title="Gift cards", body="Valid for two years.")
    ask(channel, "Can you ship to Norway?")
    reply(ask(channel, "Do you ship to Norway?"), REPLY)
    look()
    return Gap.objects.get()


@pytest.fixture
def owner(client: Any, alice: Any) -> Any:
    client.force_login(alice)
    return client


def page(gap: Gap) -> str:
    return reverse("admin:ai_model_gap_change", args=[gap.pk])


def press(client: Any, gap: Gap, button: str, **values: Any) -> str:
    """Press a button, with the draft as the page shows it; returns what is shown."""
    entry = gap.entry
    shown = {"title": entry.title, "body": entry.body} if entry else {}
    response = client.post(page(gap), {**shown, **values, button: "x"}, follow=True)
    assert response.status_code == 200
    gap.refresh_from_db()
    return str(response.content.decode())


def test_the_list_shows_what_is_to_be_done_by_volume(
    owner: Any, channel: Any, gap: Gap
) -> None:
    for text, status in {
        "Is the tent fireproof?": "open",
        "Who won the match?": "dismissed",
        "Do you repair zips?": "closed",
    }.items():
        ask(channel, text)
        look()
        Gap.objects.filter(question=text).update(status=status)

    shown = owner.get(reverse(LIST)).context["cl"].result_list

    assert [(row.question, row.volume) for row in shown] == [
        ("Can you ship to Norway?", 2), ("Is the tent fireproof?", 1),
    ]  # fmt: skip
    closed = owner.get(reverse(LIST), {"state": "closed"}).context["cl"].result_list
    assert [row.question for row in closed] == ["Do you repair zips?"]


def test_the_list_takes_the_same_queries_for_any_number_of_rows(
    owner: Any, channel: Any, gap: Gap, django_assert_max_num_queries: Any
) -> None:
    for text in ("Is the tent fireproof?", "Do you repair zips?", "Any job offers?"):
        ask(channel, text)
    look()

    with django_assert_max_num_queries(9):
        owner.get(reverse(LIST))


def test_the_page_shows_questions_replies_and_draft(owner: Any, gap: Gap) -> None:
    html = owner.get(page(gap)).content.decode()

    assert "Can you ship to Norway?" in html
    assert html.count(REPLY) == 2
    assert reverse("desk-conversation", args=[gap.questions.all()[0].turn.conversation.uuid]) in html  # fmt: skip


def test_what_contacts_wrote_is_never_html(owner: Any, channel: Any) -> None:
    reply(ask(channel, "<script>alert(1)</script> is it safe?"), "<b>no</b> " + REPLY)
    look()

    html = owner.get(page(Gap.objects.get())).content.decode()

    assert "<script>alert" not in html
    assert "<b>no" not in html


def test_publishing_closes_the_gap_and_says_so(owner: Any, gap: Gap) -> None:
    html = press(owner, gap, "_publish")

    assert "2 of 2 questions are answered now" in html
    assert gap.status == Gap.Status.CLOSED
    assert gap.entry.status == Entry.Status.PUBLISHED  # type: ignore[union-attr]


def test_what_still_is_not_answered_is_named(owner: Any, gap: Gap) -> None:
    html = press(owner, gap, "_publish", title="Our team", body="We are nine people.")

    assert "only 0 of 2 questions are answered now" in html
    assert gap.status == Gap.Status.DRAFTED
    assert html.count("No ·") == 2


def test_a_draft_is_saved_in_the_owners_name(owner: Any, gap: Gap, alice: Any) -> None:
    press(owner, gap, "_save", body="Only in summer.")

    assert gap.entry.body == "Only in summer."  # type: ignore[union-attr]
    assert gap.entry.status == Entry.Status.DRAFT  # type: ignore[union-attr]
    assert gap.entry.revisions.first().author == alice  # type: ignore[union-attr]


@pytest.mark.parametrize("values", [{"title": ""}, {"body": " "}])
def test_half_a_draft_is_refused(owner: Any, gap: Gap, values: dict[str, str]) -> None:
    html = press(owner, gap, "_publish", **values)

    assert "An entry needs a title and a text." in html
    assert gap.entry.status == Entry.Status.DRAFT  # type: ignore[union-attr]


def test_an_entry_that_is_there_is_chosen_and_answers(owner: Any, gap: Gap) -> None:
    entry = EntryFactory(account=gap.account, title="Parcels", body="To Norway: yes.")
    for turn in Turn.objects.all():
        turn.retrieved = [{"entry_id": entry.public_id, "score": 1.0}]
        turn.save()

    assert "Parcels" in owner.get(page(gap)).content.decode()
    assert "Choose the entry that answers it." in press(owner, gap, "_link")
    html = press(owner, gap, "_link", known_entry=entry.pk)

    assert "2 of 2 questions are answered now" in html
    assert gap.entry == entry
    assert gap.status == Gap.Status.CLOSED


def test_dismissing_and_putting_back(owner: Any, gap: Gap) -> None:
    press(owner, gap, "_dismiss")
    assert gap.status == Gap.Status.DISMISSED

    press(owner, gap, "_back")
    assert gap.status == Gap.Status.OPEN


def test_merging_from_the_page(owner: Any, channel: Any, gap: Gap) -> None:
    ask(channel, "Is Oslo in your delivery area?")
    look()
    other = Gap.objects.exclude(pk=gap.pk).get()

    html = owner.post(page(other), {"_merge": "x"}).content.decode()
    assert "Choose the question to merge into." in html
    owner.post(page(other), {"_merge": "x", "merge_into": gap.pk})

    assert Gap.objects.get() == gap
    assert gap.questions.count() == 3


def test_merging_and_dismissing_from_the_list(
    owner: Any, channel: Any, gap: Gap
) -> None:
    ask(channel, "Is Oslo in your delivery area?")
    look()
    keys = list(Gap.objects.values_list("pk", flat=True))

    owner.post(
        reverse(LIST), {"action": "merge", "confirmed": "yes", "_selected_action": keys}
    )
    assert Gap.objects.get() == gap
    owner.post(
        reverse(LIST),
        {"action": "dismiss", "confirmed": "yes", "_selected_action": keys},
    )

    gap.refresh_from_db()
    assert gap.status == Gap.Status.DISMISSED


def test_nobody_merges_into_another_accounts_gap(
    owner: Any, gap: Gap, charlie: Any
) -> None:
    foreign = Gap.objects.create(
        account=charlie.accounts.get(),
        question="Do you ship to Norway?",
        first_seen_at=gap.first_seen_at,
        last_seen_at=gap.last_seen_at,
    )

    press(owner, gap, "_merge", merge_into=foreign.pk)

    assert gap.questions.count() == 2


def test_a_gap_that_has_gone_meanwhile_is_said_to_be_gone(owner: Any, gap: Gap) -> None:
    address = page(gap)
    gap.delete()

    assert owner.post(address, {"_publish": "x"}, follow=True).status_code == 200


def test_the_command_lists_what_is_to_be_done(
    channel: Any, gap: Gap, account: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(channel, "Is the tent fireproof?")
    look()

    call_command("gaps", account=account.name)
    call_command("gaps", account=str(account.uuid), json=True, limit=1)

    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [
        "    2  Draft           Can you ship to Norway?",
        "    1  No draft yet    Is the tent fireproof?",
    ]
    (facts,) = json.loads(last)
    assert facts["times"] == 2
    assert facts["entry_id"] == gap.entry.public_id  # type: ignore[union-attr]


def test_the_command_refuses_an_unknown_account(db: None) -> None:
    with pytest.raises(CommandError, match="no account"):
        call_command("gaps", account="Nobody's")
