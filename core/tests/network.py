"""A stand-in for the network: what leaves is kept, what answers is queued."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

from core import http

Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class Network:
    """Answers each request with the next queued answer, or with `{}`."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self._answers: list[Answer] = []
        self._post_answers: list[Answer] = []
        self._changed = threading.Condition()

    def answer_posts(self, *answers: Answer | dict[str, Any] | int) -> None:
        """Queue answers as `answer` does, for calls that do something only."""
        queued, self._answers = self._answers, []
        self.answer(*answers)
        self._post_answers += self._answers
        self._answers = queued

    def answer(self, *answers: Answer | dict[str, Any] | int) -> None:
        """Queue answers: an object for 200, a number for a status, an error."""
        for each in answers:
            if isinstance(each, dict):
                self._answers.append(httpx2.Response(200, json=each))
            elif isinstance(each, int):
                self._answers.append(httpx2.Response(each))
            else:
                self._answers.append(each)

    def posts(self, ending: str = "/messages") -> list[httpx2.Request]:
        """The calls that do something at an address that ends like this."""
        return [
            each
            for each in self.requests
            if each.method == "POST" and each.url.path.endswith(ending)
        ]

    def bodies(self, ending: str = "") -> list[dict[str, Any]]:
        """The JSON bodies of the requests whose path ends like this."""
        return [
            json.loads(each.content)
            for each in self.requests
            if each.content and each.url.path.endswith(ending)
        ]

    def wait_for(self, count: int, timeout_s: float = 10.0) -> None:
        """Wait until so many requests were made."""
        with self._changed:
            deadline = time.monotonic() + timeout_s
            while len(self.requests) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self.requests)} of {count} requests came"
                self._changed.wait(left)

    @contextlib.contextmanager
    def installed(self) -> Iterator[Network]:
        """Put this in place of the network."""
        with http.use_transport(httpx2.MockTransport(self._handle)):
            yield self

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        answer: Answer = httpx2.Response(200, json={})
        queue = self._answers
        if request.method == "POST" and self._post_answers:
            queue = self._post_answers
        if queue:
            answer = queue.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def eventually(check: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """The first true result of a check that is repeated for a while."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = check()
        if result or time.monotonic() > deadline:
            assert result, "it did not happen in time"
            return result
        time.sleep(0.01)
