"""The table that ``fit_confidence`` prints: how sure and how right, by business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_model.metrics import auroc, calibration_error, most_answered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ai_model.fitting import Outcomes
    from ai_model.samples import Sample

_KINDS = ("near_miss", "out_of_scope", "adversarial")
_TITLES = (
    *("business", "mode", "questions", "recall@1", "AUROC", "ECE", "automated@95"),
    *("answered", "precision", *_KINDS),
)


def table(outcomes: Outcomes, threshold: float) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield _line(_TITLES)
    yield _line(["---"] * len(_TITLES))
    for (group, mode), own in sorted(outcomes.items()):
        if own:
            yield _line([group, mode, str(len(own)), *_cells(own, threshold)])
    for mode in sorted({mode for _, mode in outcomes}):
        every = [
            each
            for (_, own), pairs in outcomes.items()
            if own == mode
            for each in pairs
        ]
        yield _line(["all questions", mode, str(len(every)), *_cells(every, threshold)])


def _cells(own: Sequence[tuple[float, Sample]], threshold: float) -> Iterator[str]:
    pairs = [(chance, sample.right) for chance, sample in own]
    answerable = sum(sample.answerable for _, sample in own)
    answered = [sample.right for chance, sample in own if chance >= threshold]
    yield _number(sum(right for _, right in pairs) / max(1, answerable))
    yield _number(auroc(pairs))
    yield _number(calibration_error(pairs))
    yield _number(most_answered(pairs, 0.95) / max(1, answerable))
    yield _number(len(answered) / len(own))
    yield _number(_share(answered))
    for kind in _KINDS:
        yield _number(
            _share([chance >= threshold for chance, each in own if each.kind == kind])
        )


def _share(claims: Sequence[bool]) -> float | None:
    return sum(claims) / len(claims) if claims else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
