"""What earlier questions teach: which entry answers a question worded like these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.compact import SMALL
from knowledge.postings import Floats, GramIndex, Ints
from knowledge.votes import MAX_FITTED, fit_votes, nearest_by_entry

#: How little a question is trusted; one that was made up still less.
_NOISE, _MADE_UP_NOISE = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class ExampleIndex:
    """Earlier questions by entry, with a classifier fitted over their letters.

    The titles take part as one question of their entry each, so that every entry has
    at least one.
    """

    grams: GramIndex
    #: The entry of each question.
    entries: Ints
    entry_count: int
    #: Questions × entries; None when there are too many questions to fit.
    dual: Floats | None
    #: How many of the first questions are real ones; the rest are made up, or titles.
    real: int

    @classmethod
    def build(
        cls,
        questions: Sequence[tuple[str, int]],
        made_up: Sequence[tuple[str, int]],
        titles: Sequence[tuple[str, int]],
        entry_count: int,
    ) -> "ExampleIndex | None":
        """From folded texts and their entries; None without any question."""
        if not questions and not made_up:
            return None
        if len(titles) > SMALL:
            # Too many to fit, so only the real questions count.
            made_up, titles = (), ()
        every = [*questions, *made_up, *titles]
        lines = [line for line, _ in every]
        grams = GramIndex.build(lines, (3, 4))
        entries = np.array([entry for _, entry in every], np.int32)
        noise = np.full(len(every), _NOISE, np.float32)
        noise[len(questions) : len(questions) + len(made_up)] = _MADE_UP_NOISE
        dual = None
        if titles and len(every) <= MAX_FITTED:
            kernel = np.stack([grams.cosines(line) for line in lines])
            both = ((kernel + kernel.T) / 2).astype(np.float32)
            dual = fit_votes(both, entries, entry_count, noise)
        return cls(grams, entries, entry_count, dual, len(questions))

    def votes(self, line: str) -> tuple[Floats, Floats]:
        """For each entry: the fitted vote, and the nearest real question's cosine."""
        cosines = self.grams.cosines(line)
        nearest = nearest_by_entry(
            cosines[: self.real], self.entries[: self.real], self.entry_count
        )
        if self.dual is None:
            return nearest, nearest
        return cosines @ self.dual, nearest
