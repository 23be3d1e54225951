"""From judgements to the threshold that running workers answer with."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from ai_model import calibration, judging, tasks
from ai_model.confidence import DEFAULT_THRESHOLD, NEUTRAL
from ai_model.models import Assistant, Calibration, Judgement
from ai_model.risk import fewest_judged, prior_threshold
from ai_model.setup import setup_of
from ai_model.tests.factories import answered_turn
from knowledge.models import note_change
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account
    from conversations.models import Conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def assistant(account: Account) -> Assistant:
    return Assistant.objects.create(account=account, wrong_budget=0.05)


def judge(
    conversation: Conversation, count: int, *, right: bool, confidence: float = 0.98
) -> None:
    for _ in range(count):
        turn = answered_turn(conversation, confidence=confidence)
        judging.record_judgement(turn=turn, right=right, origin=Judgement.Origin.STAFF)


def in_force(account: Account) -> tuple[float, Any]:
    """What a worker that claims a turn now answers with."""
    account.refresh_from_db()
    setup = setup_of(account.pk, account.knowledge_version)
    return setup.assistant.effective_threshold, setup.adjustment


def test_without_judgements_the_prior_answers(
    account: Account, assistant: Assistant
) -> None:
    row = calibration.calibrate(account=account)

    assert (row.budget, row.is_proved) == (0.05, False)
    assert row.threshold == DEFAULT_THRESHOLD
    assert in_force(account) == (DEFAULT_THRESHOLD, NEUTRAL)


def test_enough_right_answers_prove_the_budget(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    judge(conversation, fewest_judged(0.05), right=True)

    row = calibration.calibrate(account=account)

    assert row.is_proved
    assert (row.judged, row.wrong, row.proof_judged) == (row.judged, 0, row.judged)
    threshold, adjustment = in_force(account)
    assert threshold == row.threshold
    assert threshold < adjustment.apply(0.98)


def test_wrong_answers_lower_the_confidence_that_workers_state(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    judge(conversation, 15, right=False)
    judge(conversation, 25, right=True)
    before = in_force(account)[1]

    calibration.calibrate(account=account)

    adjustment = in_force(account)[1]
    assert before == NEUTRAL
    assert adjustment.apply(0.98) < 0.95


def test_a_threshold_that_was_set_stands_above_the_budget(
    account: Account, assistant: Assistant
) -> None:
    calibration.calibrate(account=account)
    assistant.threshold = 0.77
    assistant.save()

    assert in_force(account)[0] == 0.77


def test_a_new_budget_counts_at_once(account: Account, assistant: Assistant) -> None:
    calibration.calibrate(account=account)
    assistant.wrong_budget = 0.02
    assistant.save()

    expected = round(prior_threshold(0.02, DEFAULT_THRESHOLD), 4)
    assert in_force(account)[0] == expected
    calibration.refresh(account=account)
    assert in_force(account)[0] == expected


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("budget", [0.05, None])
def test_a_running_turn_asks_the_database_for_nothing(
    account: Account,
    is_known: bool,
    budget: float | None,
    django_assert_num_queries: Any,
) -> None:
    Assistant.objects.create(account=account, wrong_budget=budget)
    if is_known:
        calibration.calibrate(account=account)
    setup = setup_of(account.pk, 10**6)

    with django_assert_num_queries(0):
        assert setup.assistant.effective_threshold == DEFAULT_THRESHOLD


def test_without_a_budget_the_shipped_threshold_stays(
    account: Account, conversation: Conversation
) -> None:
    Assistant.objects.create(account=account)
    judge(conversation, 100, right=True)

    row = calibration.calibrate(account=account)

    assert (row.budget, row.threshold, row.is_proved) == (None, None, False)
    assert in_force(account)[0] == DEFAULT_THRESHOLD


def test_calibrating_again_changes_and_announces_nothing(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    judge(conversation, 30, right=True)
    first = calibration.calibrate(account=account)
    account.refresh_from_db()
    version = account.knowledge_version

    second = calibration.calibrate(account=account)

    account.refresh_from_db()
    assert account.knowledge_version == version
    assert (second.adjustment, second.threshold) == (first.adjustment, first.threshold)


# -- the timed job ---------------------------------------------------------------


def pass_time(**by: float) -> None:
    for row in Calibration.objects.filter(due_at__isnull=False):
        Calibration.objects.filter(pk=row.pk).update(
            due_at=row.due_at - dt.timedelta(**by)
        )


def test_a_change_is_looked_at_when_things_are_quiet(
    account: Account, assistant: Assistant
) -> None:
    tasks.calibrate_accounts()
    assert Calibration.objects.get().computed_at is None

    pass_time(seconds=50)
    EntryFactory(account=account)
    tasks.calibrate_accounts()
    pass_time(seconds=50)
    tasks.calibrate_accounts()
    assert Calibration.objects.get().computed_at is None

    pass_time(seconds=50)
    tasks.calibrate_accounts()
    row = Calibration.objects.get()
    assert row.computed_at is not None
    assert row.due_at is None


def test_its_own_result_is_no_change_to_look_at(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    judge(conversation, 40, right=False)
    calibration.notice()
    pass_time(hours=1)
    assert calibration.run_due() == 1

    assert calibration.notice() == 0
    assert Calibration.objects.get().due_at is None


def test_a_change_during_the_look_is_looked_at_next(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    judge(conversation, 40, right=False)
    calibration.notice()
    note_change(account.pk)
    pass_time(hours=1)
    calibration.run_due()

    assert calibration.notice() == 1


def test_of_two_jobs_one_looks(account: Account, assistant: Assistant) -> None:
    calibration.notice()
    pass_time(hours=1)

    first, second = calibration.claim(), calibration.claim()

    assert first is not None
    assert second is None
    # It died: after the lease somebody else takes it up.
    pass_time(hours=1)
    assert calibration.claim() is not None


def test_new_judgements_are_learned_from_within_minutes(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    calibration.calibrate(account=account)
    judge(conversation, 3, right=True)
    pass_time(seconds=61)

    assert calibration.run_due() == 1
    assert Calibration.objects.get().judged == 3


def test_a_busy_account_is_looked_at_every_hour(
    account: Account, assistant: Assistant, conversation: Conversation
) -> None:
    calibration.calibrate(account=account)
    calibration.notice()
    Calibration.objects.update(due_at=None)
    assert calibration.notice() == 0

    Calibration.objects.update(computed_at=timezone.now() - dt.timedelta(hours=2))
    assert calibration.notice() == 0

    answered_turn(conversation)
    assert calibration.notice() == 1


# -- the command -----------------------------------------------------------------


def test_the_command_says_what_it_did(
    account: Account, assistant: Assistant, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("calibrate", "--account", account.name, "--json")

    facts = json.loads(capsys.readouterr().out)
    assert facts["account"] == str(account.uuid)
    assert (facts["budget"], facts["is_proved"]) == (0.05, False)
    assert facts["threshold"] == DEFAULT_THRESHOLD

    call_command("calibrate", "--account", str(account.uuid))
    assert "threshold" in capsys.readouterr().out


def test_the_command_names_an_account_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="Nobody"):
        call_command("calibrate", "--account", "Nobody")


@pytest.mark.parametrize("budget", [0.0, -0.1, 0.6])
def test_the_database_keeps_budgets_sensible(
    assistant: Assistant, budget: float
) -> None:
    assistant.wrong_budget = budget

    with pytest.raises(IntegrityError), transaction.atomic():
        assistant.save()


def shelve(account: Account, places: dict[str, str]) -> None:
    for number, (title, body) in enumerate(places.items()):
        EntryFactory(account=account, title=title, body=body, external_id=f"e{number}")


TOOLS = ("hammer", "saw", "drill", "chisel", "plane", "file", "vice", "clamp")
ALIKE = {
    f"Card payment declined at the {tool}": f"At the {tool}, try the payment again."
    for tool in TOOLS
}


def test_what_the_knowledge_says_of_itself_moves_the_confidence(
    account: Account, assistant: Assistant
) -> None:
    shelve(account, ALIKE)

    row = calibration.calibrate(account=account)

    assert row.checked != NEUTRAL
    assert in_force(account)[1] == row.checked


def test_knowledge_is_asked_about_itself_only_after_it_changed(
    account: Account, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def check(documents: Any, vectors: Any) -> Any:
        checked.append(len(documents))
        return NEUTRAL

    monkeypatch.setattr(calibration, "self_check", check)
    shelve(account, ALIKE)

    calibration.calibrate(account=account)
    calibration.calibrate(account=account)
    EntryFactory(account=account)
    calibration.calibrate(account=account)

    assert checked == [len(ALIKE), len(ALIKE) + 1]


def test_of_much_knowledge_a_part_is_asked_about(
    account: Account, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "MOST_ENTRIES", 4)
    seen = []

    def check(documents: Any, vectors: Any) -> Any:
        seen.append([each.entry for each in documents])
        return NEUTRAL

    monkeypatch.setattr(calibration, "self_check", check)
    shelve(account, ALIKE)
    calibration.calibrate(account=account)
    Calibration.objects.update(knowledge="")
    calibration.calibrate(account=account)

    assert len(seen[0]) == 5
    assert seen[0] == seen[1]
