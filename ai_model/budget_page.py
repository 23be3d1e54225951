"""The owner's page on the wrong-answer budget: promise, reliability, replay, judging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ai_model import judging
from ai_model.confidence import DEFAULT_THRESHOLD, NEUTRAL, Adjustment
from ai_model.models import Calibration, Judgement, Turn
from ai_model.recalibration import FEWEST
from ai_model.reliability import Group, reliability
from ai_model.replay import replay
from ai_model.risk import CERTAINTY, GRID, fewest_judged, threshold_for
from core.admin import PerHundredField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from accounts.models import User
    from ai_model.models import Assistant
    from ai_model.risk import Case

#: Turns that are laid before the owner at once.
ANSWERED, HANDED_OVER = 5, 2
#: The newest turns among which those are drawn.
_AMONG = 500
#: The drawing: its width and height, and the margin in which its numbers stand.
_SIZE, _MARGIN = 320, 36


class TryForm(forms.Form):
    """A budget to be tried; nothing is stored."""

    budget = PerHundredField(label=_("Wrong answers allowed, in 100"), required=False)


class JudgeForm(forms.Form):
    """What the owner says of one answer."""

    turn = forms.UUIDField()
    right = forms.TypedChoiceField(
        choices=[("1", _("right")), ("0", _("wrong"))], coerce=lambda text: text == "1"
    )


@dataclass(frozen=True, slots=True)
class Point:
    """A group of answers in the drawing, in its units."""

    x: int
    y: int
    #: The ends of the line through it: what it may be in truth.
    top: int
    bottom: int
    radius: int
    group: Group


def context(assistant: Assistant, asked: Any) -> dict[str, Any]:
    """What the page shows, with a budget to be tried from its form's data."""
    account_id = assistant.account_id
    cases = judging.cases_of(account_id)
    known = Calibration.objects.filter(account_id=account_id).first()
    adjustment = known.adjustment if known else NEUTRAL
    form = TryForm(asked if "budget" in asked else {"budget": _shown(assistant)})
    tried = form.cleaned_data["budget"] if form.is_valid() else None
    return {
        "assistant": assistant,
        "threshold": assistant.effective_threshold,
        "form": form,
        "is_other": tried is not None and tried != assistant.wrong_budget,
        "to_judge": to_judge(account_id),
        **_known(cases, adjustment, assistant.effective_threshold),
        **_replays(assistant, cases, adjustment, tried),
    }


def _shown(assistant: Assistant) -> str:
    budget = assistant.wrong_budget
    return "" if budget is None else _in_hundred(budget)


def _in_hundred(share: float) -> str:
    return f"{share * 100:.3g}"


def _known(
    cases: Sequence[Case], adjustment: Adjustment, threshold: float
) -> dict[str, Any]:
    """What judgements say of the confidence."""
    pairs = [
        (adjustment.apply(each.confidence), each.right)
        for each in cases
        if each.right is not None
    ]
    return {
        "judged": len(pairs),
        "wrong": sum(not right for _chance, right in pairs),
        "fewest": FEWEST,
        "points": [_point(each) for each in reliability(pairs)],
        "frame": _frame(threshold),
    }


def _replays(
    assistant: Assistant,
    cases: Sequence[Case],
    adjustment: Adjustment,
    tried: float | None,
) -> dict[str, Any]:
    """The last questions as they were, as they would be now, and as tried."""
    account_id = assistant.account_id
    now = replay(account_id, assistant.effective_threshold, adjustment)
    found: dict[str, Any] = {"now": now, "past": now.past, "changed": now.changed}
    if tried is None:
        return found
    choice = threshold_for(cases, tried, DEFAULT_THRESHOLD, adjustment.apply)
    then = replay(account_id, choice.threshold, adjustment)
    return {
        **found,
        "then": then,
        "changed": then.changed,
        "choice": choice,
        "certainty": CERTAINTY,
        "budget_words": _in_hundred(tried),
        "needed": fewest_judged(tried),
        # What nobody would promise is not worth telling.
        "provable_words": _in_hundred(choice.least) if choice.least <= 0.5 else "",
    }


def to_judge(account_id: int) -> list[Turn]:
    """Turns that nobody has judged, drawn by chance: always the same next ones.

    Whoever could choose among them would judge the striking ones, and promise too much
    or too little.
    """
    rows = judging.judgeable(account_id)
    answered = rows.filter(state=Turn.State.ANSWERED)
    # What is less sure is never answered, so it need not be known.
    handed_over = rows.filter(
        state=Turn.State.HANDED_OVER, raw_confidence__gte=min(GRID)
    )
    return [*_draw(answered, ANSWERED), *_draw(handed_over, HANDED_OVER)]


def _draw(rows: QuerySet[Turn], most: int) -> list[Turn]:
    newest = list(rows.order_by("-pk").values_list("pk", flat=True)[:_AMONG])
    unjudged = Turn.objects.filter(pk__in=newest, judgement=None)
    # UUIDs are random, so their order is one.
    return list(unjudged.select_related("reply").order_by("uuid")[:most])


def judge(assistant: Assistant, data: Any, user: User) -> Judgement | None:
    """Keep what the owner says of an answer; None: the form makes no sense."""
    form = JudgeForm(data)
    if not form.is_valid():
        return None
    turn = judging.judgeable(assistant.account_id).filter(
        uuid=form.cleaned_data["turn"]
    )
    found = turn.first()
    if found is None:
        return None
    return judging.record_judgement(
        turn=found,
        right=form.cleaned_data["right"],
        origin=Judgement.Origin.STAFF,
        user=user,
    )


def _place(share: float) -> int:
    """Where a share stands from left to right."""
    return round(_MARGIN + share * (_SIZE - 2 * _MARGIN))


def _point(group: Group) -> Point:
    return Point(
        x=_place(group.stated),
        y=_SIZE - _place(group.right),
        top=_SIZE - _place(group.most),
        bottom=_SIZE - _place(group.least),
        radius=min(9, 3 + group.count // 10),
        group=group,
    )


def _frame(threshold: float) -> dict[str, Any]:
    return {
        "size": _SIZE,
        "start": _MARGIN,
        "end": _SIZE - _MARGIN,
        "middle": _SIZE // 2,
        "threshold": _place(threshold),
        "ticks": [
            {"share": share, "x": _place(share), "y": _SIZE - _place(share)}
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ],
    }
