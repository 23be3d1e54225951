"""Meter: counts the calls of models that one piece of work makes, and may refuse them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from ai_model.providers.base import Media, Request

#: A call that was not made, because the account may spend no more.
LIMIT_REACHED: Final = "spending_limit"
#: Bytes of text that are a token at least, in every language that we know of.
_BYTES_PER_TOKEN: Final = 2
#: Tokens that go with a request beside its texts.
_OVERHEAD: Final = 50
#: Tokens that a picture is at most, and bytes of a recording that are one at least: 32
#: are a second, which takes 750 bytes where it is packed most tightly.
_TOKENS_PER_PICTURE: Final = 3000
_BYTES_PER_SPOKEN_TOKEN: Final = 20


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was made."""

    provider: str
    #: As the provider names the one that answered; of a failed call the one asked for.
    model: str
    #: As it was asked for.
    asked: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    latency_ms: int = 0
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """A call that somebody wants to make, and the most that it may take."""

    account_id: int
    #: Whose work it is for; its reservations end together.
    holder: uuid.UUID
    #: Number of the worker process that makes it; 0: none does.
    worker: int
    provider: str
    model: str
    tokens_in: int
    tokens_out: int


#: Whether the call that was wished for may be made; it is reserved for from then on.
Reserve = Callable[[Wish], Awaitable[bool]]


class Meter:
    """What one turn, or one job, has of models.

    Where the account has no spending limit it only counts.
    """

    __slots__ = (
        "_holder", "_is_limited", "_worker", "account_id", "calls", "is_refused",
        "reserve", "username",
    )  # fmt: skip

    def __init__(
        self,
        account_id: int = 0,
        *,
        is_limited: bool = False,
        worker: int = 0,
        username: str = "",
    ) -> None:
        self.account_id = account_id
        #: The user for whose program it is; empty: nobody's.
        self.username = username
        self.calls: list[Call] = []
        #: Set by whoever can ask the database; None: nothing may be spent.
        self.reserve: Reserve | None = None
        #: A call was refused, and none will be made any more.
        self.is_refused = False
        self._is_limited = is_limited
        self._worker = worker
        self._holder: uuid.UUID | None = None

    @property
    def holder(self) -> uuid.UUID | None:
        """The name on its reservations; None: it never wanted any."""
        return self._holder

    async def admits_request(self, provider: str, model: str, request: Request) -> bool:
        """Whether a model may be asked this."""
        if not self._is_limited or provider == "local":
            return True
        return await self._admits(self.wish(provider, model, request))

    async def admits(self, provider: str, model: str, tokens: int) -> bool:
        """Whether an encoder may be given so many tokens."""
        if not self._is_limited:
            return True
        return await self._admits(self._wish(provider, model, tokens, 0))

    async def _admits(self, wish: Wish) -> bool:
        if not self.is_refused:
            self.is_refused = self.reserve is None or not await self.reserve(wish)
        return not self.is_refused

    def wish(self, provider: str, model: str, request: Request) -> Wish:
        """The request with the most tokens that it may take."""
        read, written = _most_tokens(request), request.max_tokens
        return self._wish(provider, model, read, written)

    def _wish(self, provider: str, model: str, read: int, written: int) -> Wish:
        self._holder = self._holder or uuid.uuid4()
        return Wish(
            account_id=self.account_id,
            holder=self._holder,
            worker=self._worker,
            provider=provider,
            model=model,
            tokens_in=read,
            tokens_out=written,
        )

    def count(self, call: Call) -> None:
        """Take a call down that was made."""
        self.calls.append(call)

    def encoded(self, provider: str, model: str, tokens: int, latency_ms: int) -> None:
        """Take down that an encoder was asked."""
        self.count(Call(provider, model, tokens_in=tokens, latency_ms=latency_ms))


def _most_tokens(request: Request) -> int:
    """Tokens at most that a model reads."""
    read = len(request.system.encode())
    read += sum(len(each.text.encode()) for each in request.utterances)
    if request.schema is not None:
        read += len(orjson.dumps(request.schema))
    tokens = read // _BYTES_PER_TOKEN + _OVERHEAD
    return tokens + sum(_most_tokens_of(each) for each in request.media)


def _most_tokens_of(media: Media) -> int:
    """Of a picture, which is scaled down to some tiles, or of a recording."""
    if media.content_type.startswith("image/"):
        return _TOKENS_PER_PICTURE
    return len(media.content) // _BYTES_PER_SPOKEN_TOKEN
