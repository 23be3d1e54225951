import random

import numpy as np
import pytest

from knowledge import compact
from knowledge.compact import GramBuilder
from knowledge.postings import GramIndex


def lines(count):
    chance = random.Random(3)
    syllables = ["ba", "ce", "di", "fo", "gu", "ha", "ө", "цена"]
    return [
        f" {' '.join(''.join(chance.choices(syllables, k=3)) for _ in range(9))} "
        for _ in range(count)
    ]


def built(texts, block=7, **how):
    builder = GramBuilder(len(texts), **how)
    for start in range(0, len(texts), block):
        builder.add(texts[start : start + block])
    return builder.build()


@pytest.fixture
def many(monkeypatch):
    """A few texts count as many, in several shards."""
    monkeypatch.setattr(compact, "SMALL", 10)
    monkeypatch.setattr(compact, "_SHARD", 16)


@pytest.mark.parametrize("of_passages", [False, True])
@pytest.mark.parametrize("count", [11, 16, 32, 50])
def test_many_texts_have_the_cosines_of_exact_postings(many, count, of_passages):
    texts = [*lines(count - 2), " babababa babababa ", ""]

    index = built(texts, of_passages=of_passages)

    exact = GramIndex.build(texts, (4,), of_passages=of_passages)
    for line in (texts[3], texts[-2], " bacedi fogu unheardof "):
        assert index.cosines(line) == pytest.approx(exact.cosines(line), abs=1e-6)


def test_a_group_is_counted_up_to_what_a_byte_holds(many):
    texts = [*lines(20), f" {'ba' * 2_000} "]

    cosines = built(texts).cosines(f" {'ba' * 2_000} ")

    assert np.argmax(cosines) == 20
    assert cosines[20] > 0.9


def test_few_texts_keep_their_groups_of_three():
    index = built(lines(20))

    assert index.sizes == (3, 4)
