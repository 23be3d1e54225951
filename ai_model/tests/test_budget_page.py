"""The owner's page: the promise in words, the curve, the replay, and judging."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ai_model import budget_page, calibration, judging
from ai_model.confidence import DEFAULT_THRESHOLD, NEUTRAL, Adjustment
from ai_model.models import Assistant, Calibration, Judgement, Turn
from ai_model.reliability import reliability
from ai_model.replay import LAST, replay
from ai_model.risk import fewest_judged
from ai_model.tests.factories import answered_turn
from conversations.tests.factories import ConversationFactory
from integrations.tests.factories import ChannelFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User
    from conversations.models import Conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def assistant(account: Account) -> Assistant:
    return Assistant.objects.create(account=account, wrong_budget=0.05)


def address(assistant: Assistant) -> str:
    return reverse("admin:ai_model_assistant_budget", args=[assistant.pk])


def read(client: Client, assistant: Assistant, **asked: Any) -> str:
    """The page's words, its markup left out."""
    html = client.get(address(assistant), asked).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def mark(turn: Turn, *, right: bool) -> None:
    judging.record_judgement(turn=turn, right=right, origin=Judgement.Origin.STAFF)


# -- the page ---------------------------------------------------------------------


def test_without_judgements_it_says_that_nothing_is_proved(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)

    words = read(client, assistant)

    assert f"at least {round(DEFAULT_THRESHOLD * 100)}% sure" in words
    assert "Not proved yet." in words
    assert f"at least {fewest_judged(0.05)} judged answers" in words
    assert "What could be proved" not in words
    assert "That is too little to tell" in words
    assert "No customer has asked anything yet" in words


def test_enough_right_answers_are_a_proof_in_words(
    client: Client, alice: User, assistant: Assistant, conversation: Conversation
) -> None:
    client.force_login(alice)
    for _ in range(fewest_judged(0.05)):
        mark(answered_turn(conversation, confidence=0.98), right=True)
    calibration.calibrate(account=assistant.account)

    words = read(client, assistant)

    assert "Proved." in words
    assert "at most 5 in 100 answers are wrong" in words
    assert f"rests on {fewest_judged(0.05)} judged questions, 0 of them wrong" in words
    assert "<svg" in client.get(address(assistant)).content.decode()


def test_some_judgements_tell_what_could_be_proved(
    client: Client, alice: User, assistant: Assistant, conversation: Conversation
) -> None:
    client.force_login(alice)
    for _ in range(30):
        mark(answered_turn(conversation, confidence=0.98), right=True)

    words = read(client, assistant)

    assert "Not proved yet." in words
    assert "What could be proved today: at most 10.7 wrong answers in 100" in words


def test_trying_a_budget_shows_what_would_change_and_stores_nothing(
    client: Client, alice: User, assistant: Assistant, conversation: Conversation
) -> None:
    client.force_login(alice)
    answered_turn(conversation, confidence=0.96, question="Where is my parcel?")
    answered_turn(
        conversation, confidence=0.7, reason="low_confidence", question="Who are you?"
    )

    words = read(client, assistant, budget="20")

    assert "With 20 in 100" in words
    assert "1 question would be treated otherwise" in words
    assert "Who are you? 70% handed over answered" in words
    assistant.refresh_from_db()
    assert assistant.wrong_budget == 0.05
    assert not Calibration.objects.filter(budget__isnull=False).exists()


@pytest.mark.parametrize(
    "nonsense", ["", "0", "-3", "100", "many", "nan", "1e999", "5,5", "<script>"]
)
def test_a_budget_that_is_none_is_refused_on_the_page(
    client: Client, alice: User, assistant: Assistant, nonsense: str
) -> None:
    client.force_login(alice)

    response = client.get(address(assistant), {"budget": nonsense})

    assert response.status_code == 200
    html = response.content.decode()
    assert "<script>" not in html.replace("<script src", "")
    assert bool(response.context["form"].errors) == (nonsense != "")


def test_nothing_in_it_needs_what_the_policy_forbids(
    client: Client, alice: User, assistant: Assistant, conversation: Conversation
) -> None:
    client.force_login(alice)
    for confidence in (0.55, 0.91, 0.97) * 10:
        mark(answered_turn(conversation, confidence=confidence), right=True)

    html = client.get(address(assistant)).content.decode()
    own = html[html.index('<div class="budget">') :]

    assert "<svg" in own
    assert " style=" not in own
    assert not re.search(r"\son\w+=|<script(?! src)", own.partition("</main>")[0])


def test_a_threshold_by_hand_is_said_to_stand_above_the_budget(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    assistant.threshold = 0.77
    assistant.save()

    words = read(client, assistant)

    assert "at least 77% sure" in words
    assert "was set by hand" in words


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_hides_other_accounts(
    client: Client, charlie: User, assistant: Assistant, method: str
) -> None:
    client.force_login(charlie)

    response = getattr(client, method)(address(assistant))

    assert response.status_code == 404


def test_it_needs_an_owner_who_is_signed_in(
    client: Client, bob: User, assistant: Assistant
) -> None:
    assert client.get(address(assistant)).status_code == 302

    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    assert client.get(address(assistant)).status_code == 404


def test_an_assistant_that_is_not_there_is_missing(client: Client, alice: User) -> None:
    client.force_login(alice)

    missing = reverse("admin:ai_model_assistant_budget", args=[987_654])
    assert client.get(missing).status_code == 404


@pytest.mark.parametrize("name", ["budget", "change", "history"])
def test_no_assistant_has_a_number_that_no_database_holds(
    client: Client, alice: User, assistant: Assistant, name: str
) -> None:
    client.force_login(alice)

    found = client.get(reverse(f"admin:ai_model_assistant_{name}", args=[10**30]))

    # Django leads to its first page and says that there is no such row.
    assert found.status_code == (404 if name == "budget" else 302)


# -- judging ------------------------------------------------------------------------


def test_the_owner_judges_one_answer_after_the_other(
    client: Client, alice: User, assistant: Assistant, conversation: Conversation
) -> None:
    client.force_login(alice)
    turn = answered_turn(conversation)

    response = client.post(address(assistant), {"turn": turn.uuid, "right": "0"})

    assert response.status_code == 302
    row = Judgement.objects.get()
    assert (row.turn, row.right, row.user) == (turn, False, alice)
    assert "Nothing waits to be judged" in read(client, assistant)


@pytest.mark.parametrize(
    "data",
    [{}, {"turn": "x", "right": "1"}, {"right": "1"}, {"right": "maybe"}],
    ids=["nothing", "no id", "no turn", "no word"],
)
def test_nonsense_judges_nothing(
    client: Client, alice: User, assistant: Assistant, data: dict[str, str]
) -> None:
    client.force_login(alice)

    client.post(address(assistant), data)

    assert not Judgement.objects.exists()


def test_nobody_judges_answers_of_other_accounts(
    client: Client, alice: User, charlie: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    channel = ChannelFactory(account=charlie.accounts.get())
    foreign = answered_turn(ConversationFactory(channel=channel))

    client.post(address(assistant), {"turn": foreign.uuid, "right": "1"})

    assert not Judgement.objects.exists()
    assert str(foreign.uuid) not in client.get(address(assistant)).content.decode()


def test_what_is_to_be_judged_is_drawn_and_stays_the_same(
    conversation: Conversation, account: Account
) -> None:
    for number in range(12):
        answered_turn(conversation, question=f"Question {number}?")
    answered_turn(conversation, reason="low_confidence", confidence=0.3)

    first = budget_page.to_judge(account.pk)

    assert len(first) == budget_page.ANSWERED
    assert first == budget_page.to_judge(account.pk)
    assert [row.uuid for row in first] == sorted(row.uuid for row in first)
    mark(first[0], right=True)
    assert budget_page.to_judge(account.pk)[:4] == first[1:]


def test_questions_that_were_nearly_answered_are_drawn_too(
    client: Client, alice: User, assistant: Assistant, conversation: Conversation
) -> None:
    client.force_login(alice)
    near = answered_turn(conversation, reason="low_confidence", confidence=0.7)

    assert "Would this entry have answered it?" in read(client, assistant)

    client.post(address(assistant), {"turn": near.uuid, "right": "1"})
    assert Judgement.objects.get().turn == near


@pytest.mark.parametrize(("action", "right"), [("mark_right", 1), ("mark_wrong", 0)])
def test_answers_are_judged_from_the_list_of_turns(
    client: Client, alice: User, conversation: Conversation, action: str, right: int
) -> None:
    client.force_login(alice)
    turn = answered_turn(conversation)
    courtesy = answered_turn(conversation, reason="small_talk", state="answered")

    response = client.post(
        reverse("admin:ai_model_turn_changelist"),
        {
            "action": action,
            "confirmed": "yes",
            "_selected_action": [turn.pk, courtesy.pk],
        },
        follow=True,
    )

    row = Judgement.objects.get()
    assert (row.turn, row.right, row.user) == (turn, bool(right), alice)
    said = [str(each) for each in response.context["messages"]]
    assert len(said) == 2
    assert "1 turn was judged." in said


# -- the field ----------------------------------------------------------------------


def save_settings(client: Client, assistant: Assistant, budget: str) -> Any:
    page = reverse("admin:ai_model_assistant_change", args=[assistant.pk])
    form = client.get(page).context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    data |= {"wrong_budget": budget}
    kept = {
        name: value for name, value in data.items() if value not in (None, False, {})
    }
    return client.post(page, kept)


def test_a_budget_is_written_as_so_many_in_a_hundred(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    page = reverse("admin:ai_model_assistant_change", args=[assistant.pk])
    assert 'name="wrong_budget" value="5"' in client.get(page).content.decode()

    assert save_settings(client, assistant, "2.5").status_code == 302

    assistant.refresh_from_db()
    assert assistant.wrong_budget == 0.025
    row = Calibration.objects.get()
    assert (row.budget, row.threshold) == (0.025, assistant.effective_threshold)


@pytest.mark.parametrize("budget", ["0", "51", "-5", "five"])
def test_a_budget_that_cannot_be_is_refused(
    client: Client, alice: User, assistant: Assistant, budget: str
) -> None:
    client.force_login(alice)

    response = save_settings(client, assistant, budget)

    assert response.status_code == 200
    assert "wrong_budget" in response.context["adminform"].form.errors


def test_an_empty_budget_is_none(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)

    assert save_settings(client, assistant, "").status_code == 302

    assistant.refresh_from_db()
    assert assistant.wrong_budget is None
    assert assistant.effective_threshold == DEFAULT_THRESHOLD


# -- replay and reliability ---------------------------------------------------------


def test_a_replay_counts_what_is_known(
    conversation: Conversation, account: Account
) -> None:
    mark(answered_turn(conversation, confidence=0.97), right=True)
    mark(answered_turn(conversation, confidence=0.93), right=False)
    answered_turn(conversation, confidence=0.92)
    answered_turn(conversation, confidence=0.5, reason="low_confidence")

    strict = replay(account.pk, 0.95, NEUTRAL)
    lax = replay(account.pk, 0.4, NEUTRAL)

    assert (strict.answered, strict.handed_over) == (1, 3)
    assert (strict.judged, strict.wrong) == (1, 0)
    assert [each.confidence for each in strict.changed] == [0.92, 0.93]
    assert (lax.answered, lax.wrong, len(lax.changed)) == (4, 1, 1)
    assert lax.past == strict.past
    assert (lax.past.answered, lax.past.wrong) == (3, 1)


def test_a_replay_uses_todays_adjustment(
    conversation: Conversation, account: Account
) -> None:
    answered_turn(conversation, confidence=0.97, raw_confidence=0.92)
    adjustment = Adjustment(1.0, -2.0)

    (row,) = replay(account.pk, 0.9, adjustment).rows

    assert row.confidence == round(adjustment.apply(0.92), 4)
    assert not row.is_answered


def test_a_replay_reads_the_last_questions_at_one_go(
    conversation: Conversation, account: Account, django_assert_num_queries: Any
) -> None:
    for _ in range(LAST + 5):
        answered_turn(conversation)

    with django_assert_num_queries(1):
        assert len(replay(account.pk, 0.9, NEUTRAL).rows) == LAST


def test_groups_hold_answers_of_about_the_same_confidence() -> None:
    pairs = [(0.55, True), (0.58, False), (0.99, True), (1.0, True)]

    low, high = reliability(pairs)

    assert (low.count, low.right) == (2, 0.5)
    assert low.stated == pytest.approx(0.565)
    assert 0 < low.least < 0.5 < low.most < 1
    assert (high.count, high.right, high.most) == (2, 1.0, 1.0)
    assert high.least == pytest.approx(0.05**0.5, abs=1e-3)
    assert reliability([]) == []
