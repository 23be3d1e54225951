"""The engine: claims waiting conversations and runs one turn in each.

Hundreds of turns run side by side on one loop, because nearly all of their time is
spent waiting for a provider. Claims and commits happen for many at once.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.utils import timezone

from ai_model import (
    answering,
    claiming,
    framing,
    gate,
    intent,
    providers,
    spending,
    turns,
    writing,
)
from ai_model.acquaintance import known_of
from conversations import live
from conversations.replies import Committed, Verdict
from core import groups, http, hub, memory, work
from core.exceptions import ProviderError
from knowledge import embedders, queries, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.claiming import Claim
    from ai_model.exchange import Answer
    from ai_model.metering import Wish
    from knowledge.index import Index

logger = logging.getLogger(__name__)

#: Replies that are committed together. More would only keep their memory longer, and
#: the first of them waiting.
MOST_COMMITS = 200
#: Times that one turn starts over because the contact wrote more.
MOST_JOINS = 3
#: Seconds between two pieces of an answer that is shown while it is written.
STREAM_PAUSE_S = 0.06
#: Seconds after which whoever waits is shown that somebody writes; an answer that comes
#: sooner needs no sign, and a sign is one more request.
TYPING_AFTER_S = 1.5
#: Seconds after which that sign is shown again.
TYPING_PAUSE_S = 4.5
#: Seconds before words whose turn broke are tried again.
RETRY_PAUSE_S = 2.0


@work.register
class TurnStep(work.Step):
    """Runs the turns of this worker."""

    name: ClassVar[str] = "turns"

    def __init__(self, loop: work.WorkLoop) -> None:
        super().__init__(loop)
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._commits: groups.GroupCommit[tuple[Claim, Answer, bool], Committed] = (
            groups.GroupCommit(self._settle, most=MOST_COMMITS)
        )
        self._wishes: groups.GroupCommit[Wish, bool] = groups.GroupCommit(self._reserve)
        self._is_prepared = False

    async def run(self) -> float | None:
        if not self._is_prepared:
            self._is_prepared = True
            await asyncio.to_thread(_prepare)
            memory.settle()
        while (room := settings.ENGINE_CONCURRENCY - len(self._running)) > 0:
            claims, pause = await self.loop.db(claiming.claim, self.loop.worker, room)
            for claimed in claims:
                self._start(claimed)
            if len(claims) < claiming.BATCH:
                return pause
        return None

    def _start(self, claimed: Claim) -> None:
        task = asyncio.create_task(self._turn(claimed))
        self._running[task] = claimed
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        was_full = len(self._running) >= settings.ENGINE_CONCURRENCY
        self._running.pop(task, None)
        if was_full:
            # There may be conversations that there was no room for.
            self.loop.wake(self.name)

    async def finish(self) -> None:
        if self._running:
            await asyncio.wait(list(self._running), timeout=work.GRACE_S - 2)
        for task in list(self._running):
            task.cancel("stopped")
        await asyncio.gather(*self._running, return_exceptions=True)
        await providers.aclose()
        await http.aclose()

    def recover(self) -> None:
        running = list(self._running.values())
        lost = turns.recover(self.loop.worker)
        if claiming.recover_unbegun(self.loop.worker, running) or lost:
            self.loop.wake(self.name)
        passed = turns.overtaken(running)
        for task, claimed in list(self._running.items()):
            if claimed.conversation_id in passed:
                # Saves the provider's time; the commit would refuse it anyway.
                task.get_loop().call_soon_threadsafe(task.cancel, "person_acted")

    async def _turn(self, claimed: Claim) -> None:
        try:
            await self._answer(claimed)
        except asyncio.CancelledError as exc:
            reason = str(exc.args[0]) if exc.args else "stopped"
            await self.loop.db(turns.release, claimed, reason)
        except Exception:
            # The outermost edge of a turn: the words wait for the next attempt.
            logger.exception(
                "The turn of conversation %s broke", claimed.conversation_id
            )
            await self._give_back(claimed)

    async def _give_back(self, claimed: Claim) -> None:
        """After a breakdown; while the database is away, the lease says who has it."""
        while True:
            try:
                await self.loop.db(
                    turns.release, claimed, "error", pause_s=RETRY_PAUSE_S
                )
            except Exception:
                # Nobody stands behind it: whatever it was, the words must not be lost.
                logger.exception("A claim could not be given back; trying again")
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                return

    async def _answer(self, claimed: Claim) -> None:
        started = time.monotonic()
        for joins in range(MOST_JOINS + 1):
            spent = time.monotonic() - started
            answer = await self._think(claimed, settings.REPLY_BUDGET_S - spent)
            may_join = joins < MOST_JOINS and spent < settings.REPLY_BUDGET_S / 2
            result = await self._commits.add((claimed, answer, may_join))
            if result.verdict is not Verdict.MORE_WORDS:
                return
            more = await self.loop.db(claiming.reread, claimed)
            if more is None:
                return
            claimed = more

    async def _think(self, claimed: Claim, budget_s: float) -> Answer:
        question = replace(claimed.question, budget_s=budget_s)
        question.meter.reserve = self._wishes.add
        writer = LiveWriter(claimed) if claimed.is_watched else None
        # The local answerer is done long before.
        is_slow = writing.has_model(question.assistant)
        typing = Typing(claimed) if is_slow else None
        try:
            async with asyncio.timeout(budget_s):
                if is_slow and claimed.adapter.tells_about:
                    question = await known_of(question, claimed)
                answer = gate.stop(question) or await answering.answer(
                    question,
                    lambda: self._index(claimed),
                    writer.write if writer else None,
                    functools.partial(queries.encoder.vector, toll=question.meter),
                )
        except TimeoutError:
            answer = answering.give_up(question, "timeout")
        finally:
            if writer is not None:
                writer.close()
            if typing is not None:
                typing.close()
        return framing.frame(question, answer, timezone.now())

    async def _index(self, claimed: Claim) -> Index:
        index = search.peek(claimed.account_id, claimed.knowledge_version)
        if index is None:
            index = await self.loop.db(search.load, claimed.account_id)
        return index

    async def _settle(
        self, batch: list[tuple[Claim, Answer, bool]]
    ) -> Sequence[Committed]:
        return await self.loop.db(turns.settle, batch)

    async def _reserve(self, wishes: list[Wish]) -> Sequence[bool]:
        return await self.loop.db(spending.reserve, wishes)


class Typing:
    """Shows the contact that somebody writes, once it takes long, until closed."""

    def __init__(self, claimed: Claim) -> None:
        self._claimed = claimed
        # Most turns are over before: a timer costs less than a task that sleeps.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TYPING_AFTER_S, self._begin)
        self._task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Show nothing more."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._show())

    async def _show(self) -> None:
        adapter, address = self._claimed.adapter, self._claimed.address
        while True:
            try:
                await adapter.show_typing(address)
            except ProviderError as exc:
                logger.debug("No typing was shown: %s", exc.code)
            except Exception:
                # It is only a sign; the answer must not suffer from it.
                logger.exception("Adapter %s broke", adapter.key)
                return
            await asyncio.sleep(TYPING_PAUSE_S)


def _prepare() -> None:
    """Load what the first turns would otherwise wait for."""
    providers.prepare()
    embedders.current()
    intent.wants_person("Hello")


class LiveWriter:
    """Shows an answer to whoever watches the conversation, while it is written."""

    def __init__(self, claimed: Claim) -> None:
        self._claimed = claimed
        #: What the message will begin with.
        self._preamble = framing.preamble_of(claimed.question)
        self._text = ""
        self._shown = ""
        self._timer: asyncio.TimerHandle | None = None

    def write(self, piece: str | None) -> None:
        """Take the next piece; None: what was written is void, start again."""
        self._text = "" if piece is None else self._text + piece
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(STREAM_PAUSE_S, self._show)

    def close(self) -> None:
        """Show nothing more; the committed message follows."""
        if self._timer is not None:
            self._timer.cancel()

    def _show(self) -> None:
        self._timer = None
        if self._text == self._shown:
            return
        self._shown = self._text
        event = live.TextEvent(
            v=live.VERSION,
            type="turn.text",
            conversation=self._claimed.conversation_uuid,
            epoch=self._claimed.epoch,
            text=framing.under(self._preamble, self._text),
        )
        asyncio.get_running_loop().run_in_executor(
            None, hub.publish, [(self._claimed.group, event)]
        )
