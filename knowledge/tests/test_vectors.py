import numpy as np
import pytest

from knowledge.vectors import MOST_EXACT, Rows


def directions(count, dimensions=384):
    """Unit vectors around a common direction, as those of sentences are."""
    chance = np.random.default_rng(7)
    scale = np.geomspace(1, 0.02, dimensions)
    rows = chance.normal(size=(count, dimensions)) * scale + scale
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def by_text(made):
    return {str(row): vector for row, vector in enumerate(made)}


@pytest.mark.parametrize(
    ("count", "error"), [(1, 1e-5), (50, 1e-5), (MOST_EXACT + 1, 4e-3)]
)
def test_the_nearest_rows_are_found_with_their_cosines(count, error):
    made = directions(count)
    rows = Rows.build([str(row) for row in range(count)], by_text(made))

    cosines = rows.cosines(made[-1])

    nearest = np.argsort(-(made @ made[-1]))[:5]
    assert cosines[nearest] == pytest.approx(made[nearest] @ made[-1], abs=error)
    assert np.argmax(cosines) == count - 1


def test_a_text_without_a_vector_is_like_nothing():
    made = directions(1)

    rows = Rows.build(["known", "unknown"], {"known": made[0]})

    assert rows.cosines(made[0]) == pytest.approx([1, 0], abs=1e-6)


def test_no_rows_have_no_cosines():
    assert len(Rows.build([], {}).cosines(np.ones(3, np.float32))) == 0
