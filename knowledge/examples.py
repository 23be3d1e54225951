"""What earlier questions teach: which entry answers a question worded like these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.postings import Floats, GramIndex, Ints

#: Beyond this many questions only the nearest one counts: the fit is cubic in them.
MAX_FITTED = 3000

_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class ExampleIndex:
    """Earlier questions by entry, with a kernel ridge classifier fitted over them.

    The kernel is the cosine of letter groups; the titles take part as one question
    of their entry each, so that every entry has at least one.
    """

    grams: GramIndex
    #: The entry of each question.
    entries: Ints
    entry_count: int
    #: Questions × entries; None when there are too many questions to fit.
    dual: Floats | None
    #: How many of the first questions are real ones; the rest are titles.
    real: int

    @classmethod
    def build(
        cls,
        questions: Sequence[tuple[str, int]],
        titles: Sequence[tuple[str, int]],
        entry_count: int,
    ) -> "ExampleIndex | None":
        """From folded texts and their entries; None without any real question."""
        if not questions:
            return None
        both = [*questions, *titles]
        grams = GramIndex.build([line for line, _ in both], (3, 4))
        entries = np.array([entry for _, entry in both], np.int32)
        dual = _fit(grams, [line for line, _ in both], entries, entry_count)
        return cls(grams, entries, entry_count, dual, len(questions))

    def votes(self, line: str) -> tuple[Floats, Floats]:
        """For each entry: the fitted vote, and the nearest real question's cosine."""
        cosines = self.grams.cosines(line)
        nearest = np.zeros(self.entry_count, np.float32)
        np.maximum.at(nearest, self.entries[: self.real], cosines[: self.real])
        if self.dual is None:
            return nearest, nearest
        return cosines @ self.dual, nearest


def _fit(
    grams: GramIndex, lines: list[str], entries: Ints, entry_count: int
) -> Floats | None:
    if len(lines) > MAX_FITTED:
        return None
    kernel = np.stack([grams.cosines(line) for line in lines])
    kernel = ((kernel + kernel.T) / 2).astype(np.float32)
    wanted = np.zeros((len(lines), entry_count), np.float32)
    wanted[np.arange(len(lines)), entries] = 1
    kernel[np.diag_indices(len(lines))] += _RIDGE
    return np.linalg.solve(kernel, wanted).astype(np.float32)
