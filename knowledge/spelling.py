"""Finds the known word that an unknown one was meant to be."""

from collections.abc import Sequence

import numpy as np

from knowledge.postings import GramIndex


class Speller:
    """Nearest words of one vocabulary, by letter groups, then by typing errors."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._known = {word: row for row, word in enumerate(words)}
        self._grams = GramIndex.build([f" {word} " for word in words], (2, 3))
        #: Customers of one business mistype the same words again and again.
        self._corrected: dict[str, tuple[str, ...]] = {}

    def correct(self, word: str) -> tuple[str, ...]:
        """Known words one or two typing errors away; two words if it was run together."""
        if len(word) < 4 or not any(letter.isalpha() for letter in word):
            return ()
        found = self._corrected.get(word)
        if found is None:
            if len(self._corrected) >= _MOST_KEPT:
                self._corrected.clear()
            found = self._corrected[word] = self._search(word)
        return found

    def _search(self, word: str) -> tuple[str, ...]:
        cosines = self._grams.cosines(f" {word} ")
        if not len(cosines):
            return ()
        nearest = np.argsort(-cosines, kind="stable")[:4]
        allowed = 1 if len(word) < 7 else 2
        found = [
            self._words[row]
            for row in nearest
            if cosines[row] > _LEAST_COSINE
            and typing_errors(word, self._words[row], allowed) <= allowed
        ]
        return tuple(found[:1]) or self._split(word)

    def _split(self, word: str) -> tuple[str, ...]:
        for at in range(3, len(word) - 1):
            if word[:at] in self._known and word[at:] in self._known:
                return word[:at], word[at:]
        return ()


_LEAST_COSINE = 0.25
_MOST_KEPT = 4096


def typing_errors(first: str, second: str, limit: int) -> int:
    """Letters added, lost, changed or swapped with a neighbour, counted up to a limit."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
