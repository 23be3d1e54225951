"""How many calls a provider still takes."""

from __future__ import annotations

import pytest

from integrations.desks.limits import WINDOW_S, Limiter


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_not_known_to_be_limited_may_be_called(clock: Clock) -> None:
    assert Limiter(clock).take() == 0


def test_the_last_calls_are_counted_before_they_are_answered(clock: Clock) -> None:
    limiter = Limiter(clock)
    limiter.learn(2)

    assert [limiter.take(), limiter.take(), limiter.take()] == [0, 0, WINDOW_S]


def test_an_older_answer_gives_no_calls_back(clock: Clock) -> None:
    limiter = Limiter(clock)
    limiter.learn(1)
    limiter.learn(5)
    limiter.take()

    assert limiter.take() == WINDOW_S


def test_after_the_window_calls_may_be_made_again(clock: Clock) -> None:
    limiter = Limiter(clock)
    limiter.learn(0)
    clock.now += WINDOW_S - 1
    assert limiter.take() == 1

    clock.now += 1

    assert limiter.take() == 0


def test_a_refusal_stops_for_as_long_as_it_says(clock: Clock) -> None:
    limiter = Limiter(clock)
    limiter.stop(600)
    # An answer to an earlier call that comes late.
    limiter.learn(7)

    assert limiter.take() == 600


def test_a_refusal_that_says_nothing_stops_for_a_window(clock: Clock) -> None:
    limiter = Limiter(clock)
    limiter.stop(None)

    assert limiter.take() == WINDOW_S
