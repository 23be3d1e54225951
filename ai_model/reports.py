"""Evaluations as people read them and as files keep them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ai_model.evaluation import as_json
from ai_model.labelled import UnreadableQuestions
from ai_model.metrics import Figures, Outcome, macro, measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What the table shows, in this order.
SHOWN: Final = (
    *("questions", "recall@1", "recall@5", "mrr@10", "ndcg@10", "auroc", "aupr", "ece"),
    *("coverage@95", "automated@95", "coverage@99", "answered_share"),
    *("answered_precision", "false_answer_rate", "answer_contains", "quote_contains"),
    "latency_p95_ms",
)


@dataclass(frozen=True, slots=True)
class Run:
    """The outcomes of one business in one mode."""

    name: str
    mode: str
    outcomes: tuple[Outcome, ...]

    @property
    def label(self) -> str:
        """Name and mode, as tables and files use them."""
        return f"{self.name} {self.mode}"


def figures_of(runs: Sequence[Run]) -> dict[str, Figures]:
    """Figures of each run, their mean, and those of all questions together."""
    found = {each.label: measure(each.outcomes) for each in runs}
    for mode in dict.fromkeys(each.mode for each in runs):
        group = [each for each in runs if each.mode == mode]
        if len(group) > 1:
            found[f"MACRO {mode}"] = macro([found[each.label] for each in group])
            together = [one for each in group for one in each.outcomes]
            found[f"POOLED {mode}"] = measure(together)
    return found


def table(figures: Mapping[str, Figures]) -> list[str]:
    """The figures as a Markdown table."""
    lines = [
        "| business | " + " | ".join(SHOWN) + " |",
        "|" + "---|" * (len(SHOWN) + 1),
    ]
    for label, own in figures.items():
        cells = " | ".join(_cell(name, own.get(name)) for name in SHOWN)
        lines.append(f"| {label} | {cells} |")
    return lines


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("questions", "messages"):
        return str(int(value))
    return f"{value:.1f}" if name.endswith("_ms") else f"{value:.3f}"


def by_kind(run: Run) -> list[str]:
    """One line for each kind of question."""
    kinds: dict[str, list[Outcome]] = {}
    for each in run.outcomes:
        kinds.setdefault(each.kind, []).append(each)
    lines = []
    for kind, outcomes in sorted(kinds.items()):
        own = measure(outcomes)
        lines.append(
            f"  {run.label:24} {kind:16} {len(outcomes):5}  recall@1"
            f" {_cell('', own['recall@1']):>5}  answered {own['answered_share']:.3f}"
        )
    return lines


# -- goals ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Goal:
    """What the mean of a figure over some businesses should be."""

    figure: str
    mode: str
    businesses: tuple[str, ...]
    at_least: float | None = None
    at_most: float | None = None
    #: Of the questions of this kind only; empty: of all.
    kind: str = ""


def read_goals(path: Path) -> list[Goal]:
    """Goals out of a JSON list. Raises `UnreadableQuestions` for anything else."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return [
            Goal(**{**each, "businesses": tuple(each["businesses"])}) for each in found
        ]
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise UnreadableQuestions(f"{path} holds no goals: {exc}.") from exc


def goal_lines(goals: Sequence[Goal], runs: Sequence[Run]) -> list[str]:
    """A table of goals beside what was reached."""
    lines = ["| figure | of | reached | goal | |", "|---|---|---|---|---|"]
    for goal in goals:
        values = [
            value
            for run in runs
            if run.mode == goal.mode and run.name in goal.businesses
            if (value := _figure(goal, run)) is not None
        ]
        if not values:
            continue
        value = sum(values) / len(values)
        bound = f">= {goal.at_least}" if goal.at_least is not None else ""
        bound = f"<= {goal.at_most}" if goal.at_most is not None else bound
        met = (goal.at_least is None or round(value, 3) >= goal.at_least) and (
            goal.at_most is None or round(value, 3) <= goal.at_most
        )
        name = f"{goal.figure} ({goal.kind})" if goal.kind else goal.figure
        of = f"{', '.join(goal.businesses)} {goal.mode}"
        mark = "met" if met else "missed"
        lines.append(f"| {name} | {of} | {value:.3f} | {bound} | {mark} |")
    return lines


def _figure(goal: Goal, run: Run) -> float | None:
    outcomes = [each for each in run.outcomes if goal.kind in ("", each.kind)]
    return measure(outcomes).get(goal.figure) if outcomes else None


# -- files ---------------------------------------------------------------------


def write(path: Path, runs: Sequence[Run], extra: Mapping[str, Any]) -> None:
    """Keep a report; one with the same name is replaced."""
    data = {
        **extra,
        "figures": figures_of(runs),
        "runs": [
            {
                "name": each.name,
                "mode": each.mode,
                "questions": [as_json(one) for one in each.outcomes],
            }
            for each in runs
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    part.replace(path)


def read_goods(path: Path) -> dict[str, dict[str, bool]]:
    """By label and question: whether it went well in a kept report.

    Raises `UnreadableQuestions` for a file that is none.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        return {
            f"{run['name']} {run['mode']}": {
                one["id"]: one["is_good"] for one in run["questions"]
            }
            for run in data["runs"]
        }
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise UnreadableQuestions(f"{path} is no report of an evaluation.") from exc


def latest(folder: Path, name: str) -> Path | None:
    """The newest report of this name in a folder."""
    return max(folder.glob(f"{name}-*.json"), default=None)
