"""Votes for entries: a kernel ridge classifier over texts that belong to them."""

import numpy as np

from knowledge.postings import Floats, Ints

#: Beyond this many texts only the nearest one counts: the fit is cubic in them.
MAX_FITTED = 3000


def fit_votes(
    kernel: Floats, entries: Ints, entry_count: int, noise: Floats | float
) -> Floats:
    """Texts × entries: times a question's kernel row, it gives the votes.

    ``noise`` says how little each text is trusted.
    """
    wanted = np.zeros((len(entries), entry_count), np.float32)
    wanted[np.arange(len(entries)), entries] = 1
    ridged = kernel.copy()
    ridged[np.diag_indices(len(entries))] += np.asarray(noise, np.float32)
    found: Floats = np.linalg.solve(ridged, wanted).astype(np.float32)
    return found


def nearest_by_entry(cosines: Floats, entries: Ints, entry_count: int) -> Floats:
    """For each entry the best of its texts' cosines, at least 0."""
    nearest = np.zeros(entry_count, np.float32)
    np.maximum.at(nearest, entries, cosines)
    return nearest
