"""A year of an installation's past, written by COPY into an empty PostgreSQL database.

`python -m bench.history MESSAGES [ACCOUNTS [DAYS]]` with `DATABASE_URL`, after `migrate`. Accounts
differ in size as they do in life, hours of the day and days of the week too; the same
numbers give the same past.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sys
import time
from array import array
from typing import TYPE_CHECKING, Any

import django
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from django.db.models import Model

PROVIDERS = ("web", "chatwoot", "api")
#: What became of a question, how often; the rest is answered by people alone.
OUTCOMES = (
    ("answered", 0.68),
    ("small_talk", 0.05),
    ("low_confidence", 0.09),
    ("no_results", 0.06),
    ("asked_for_person", 0.05),
    ("people", 0.07),
)
#: Share of the questions that go on in a conversation, and of those a person replies to.
GOES_ON, PERSON_REPLIES, RATED, HELPFUL = 0.74, 0.6, 0.08, 0.85
#: Longest that a person takes, in seconds: rows get their ids when the question comes, and
#: ids grow with time but for an hour (`core.ageing`).
SLOWEST_S = 3_300
ENTRIES = 60
QUESTION = "How long does the delivery of a parcel to Darkhan take, please?"
ANSWER = "Standard delivery takes three working days; we write as soon as it has left."
#: Exchanges that are made at once.
CHUNK = 50_000
_MASK, _ODD = 2**128 - 1, 0x9E3779B97F4A7C15F39CC0605CEDC835
#: As in a week, from Monday, and in a day.
_WEEK = np.array([1.2, 1.1, 1.1, 1.1, 1.2, 0.8, 0.5])
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 12, 11, 12, 12, 11, 10, 9, 8, 7, 6, 4, 3, 2])  # fmt: skip


def shares_of(accounts: int) -> Any:
    """The part of everything that belongs to each of so many accounts."""
    weights = np.array([1 / (n + 2) for n in range(accounts)])
    return weights / weights.sum()


class Table:
    """One table that lines are copied into; columns that nobody names get defaults."""

    def __init__(
        self, connection: psycopg.Connection[Any], model: type[Model], names: str
    ) -> None:
        given = names.split()
        columns = [each.column for each in model._meta.concrete_fields]
        assert set(given) <= set(columns), set(given) - set(columns)
        rest = [
            each for each in model._meta.concrete_fields if each.column not in given
        ]
        self.tail = "".join(f"\t{_constant(each)}" for each in rest) + "\n"
        self._name = model._meta.db_table
        self._connection = connection
        self._columns = ", ".join([*given, *(each.column for each in rest)])
        self.count = 0

    def copy(self, lines: list[str]) -> None:
        """Write lines, without their ends."""
        self.count += len(lines)
        sql = f"COPY {self._name} ({self._columns}) FROM STDIN"  # noqa: S608
        with self._connection.cursor().copy(sql) as copy:  # type: ignore[arg-type]
            copy.write(self.tail.join([*lines, ""]))

    def finish(self) -> None:
        """Let new rows follow."""
        self._connection.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)",
            [self._name, max(1, self.count)],
        )


def _constant(field: Any) -> str:
    value = field.get_default()
    if value is None and not field.null:
        value = ""
    if value is None:
        return "\\N"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


class Past:
    """Makes and writes it."""

    def __init__(self, connection: Any, channels: list[list[int]], days: int) -> None:
        from ai_model.analytics.sources import Feedback
        from ai_model.models import Turn
        from conversations.models import Contact, Conversation, Message

        self._chance = np.random.default_rng(1)
        self._channels = channels
        self._days = days
        today = dt.datetime.now(dt.UTC).date()
        self._first = today - dt.timedelta(days=days)
        self._dates = [
            str(self._first + dt.timedelta(days=n)) for n in range(days + 30)
        ]
        self._recent: list[list[int]] = [[] for _ in channels]
        self._began, self._ended = array("d"), array("d")
        self._places, self._states = array("i"), array("b")
        self._open_contacts = Table(
            connection, Contact, "id uuid created_at account_id channel_id external_id"
        )
        self._threads = Table(
            connection,
            Conversation,
            "id uuid created_at account_id channel_id contact_id external_id status status_reason needs_person last_message_at last_text last_inbound_id seq",
        )
        self._messages = Table(
            connection,
            Message,
            "id uuid created_at account_id conversation_id author text state reason external_id confidence sources latency_ms seq",
        )
        self._turns = Table(
            connection,
            Turn,
            "id uuid created_at account_id conversation_id first_message_id last_message_id reply_id state reason epoch worker query confidence raw_confidence threshold provider model tokens_in tokens_out timings finished_at",
        )
        self._ratings = Table(
            connection,
            Feedback,
            "id uuid created_at account_id conversation_id message_id rating external_id",
        )

    def write(self, messages: int) -> dict[str, int]:
        """Write about so many messages, and all that belongs to them."""
        exchanges = int(messages / (2 + 0.2 * PERSON_REPLIES))
        times = self._times(exchanges)
        for start in range(0, exchanges, CHUNK):
            self._write_chunk(times[start : start + CHUNK])
        self._write_threads()
        tables = (
            self._open_contacts,
            self._threads,
            self._messages,
            self._turns,
            self._ratings,
        )
        for table in tables:
            table.finish()
        return {
            "messages": self._messages.count,
            "conversations": self._threads.count,
            "turns": self._turns.count,
            "ratings": self._ratings.count,
        }

    def _times(self, count: int) -> Any:
        """When questions come, in seconds from the first day, in order."""
        weights = np.array(
            [
                _WEEK[(self._first + dt.timedelta(days=n)).weekday()]
                for n in range(self._days)
            ]
        )
        days = self._chance.choice(self._days, count, p=weights / weights.sum())
        hours = self._chance.choice(24, count, p=_HOURS / _HOURS.sum())
        return np.sort(
            days * 86_400.0 + hours * 3_600.0 + self._chance.random(count) * 3_600
        )

    def _write_chunk(self, times: Any) -> None:
        count = len(times)
        chance = self._chance
        owners = chance.choice(
            len(self._channels), count, p=shares_of(len(self._channels))
        )
        bounds = np.cumsum([share for _, share in OUTCOMES])
        drawn = zip(
            times.tolist(),
            owners.tolist(),
            np.searchsorted(bounds, chance.random(count) * bounds[-1]).tolist(),
            np.round(np.where(chance.random(count) < 0.5, chance.beta(9, 1.5, count), chance.random(count)), 4).tolist(),
            (chance.lognormal(7.3, 0.6, count)).astype(int).tolist(),
            np.minimum(chance.lognormal(6.5, 0.7, count), SLOWEST_S).tolist(),
            (chance.zipf(1.3, count) % ENTRIES).tolist(),
            chance.random(count).tolist(),
            chance.random(count).tolist(),
            chance.random(count).tolist(), strict=True,
        )  # fmt: skip
        messages: list[str] = []
        turns: list[str] = []
        ratings: list[str] = []
        for each in drawn:
            self._exchange(each, messages, turns, ratings)
        self._messages.copy(messages)
        self._turns.copy(turns)
        self._ratings.copy(ratings)

    def _exchange(
        self, drawn: Any, messages: list[str], turns: list[str], ratings: list[str]
    ) -> None:
        at, owner, outcome, sure, ms, person_s, entry, going_on, x, y = drawn
        reason = OUTCOMES[outcome][0]
        thread = self._thread(owner, at, going_on, x)
        account = owner + 1
        asked = self._messages.count + len(messages) + 1
        is_answered = reason in ("answered", "small_talk")
        state = "answered" if is_answered else "handed_over"
        messages.append(
            self._said(
                asked,
                at,
                account,
                thread,
                "contact",
                QUESTION,
                state,
                reason,
                "\\N",
                "[]",
                "\\N",
            )
        )
        end = at
        if reason != "people":
            end = at + ms / 1000
            # What is answered is surer than what is not.
            sure = 0.6 + 0.4 * sure if reason == "answered" else 0.75 * sure
            confidence = (
                "\\N" if reason in ("small_talk", "asked_for_person") else f"{sure:.4f}"
            )
            sources = (
                f'[{{"entry_id": "entry-{entry}", "title": "Entry {entry}", "revision": 1}}]'
                if reason == "answered"
                else "[]"
            )
            messages.append(
                self._said(
                    asked + 1,
                    end,
                    account,
                    thread,
                    "assistant",
                    ANSWER,
                    "sent",
                    reason,
                    confidence,
                    sources,
                    str(ms),
                )
            )
            turn = self._turns.count + len(turns) + 1
            shown = self._time(end)
            turns.append(
                f'{turn}\t{_uuid(turn, 3)}\t{shown}\t{account}\t{thread}\t{asked}\t{asked}\t{asked + 1}\t{state}\t{reason}\t0\t1\t{QUESTION}\t{confidence}\t{confidence}\t0.8\tgemini\tgemini-3.5-flash\t900\t80\t{{"total": {ms}}}\t{shown}'
            )
            if reason == "answered" and y < RATED:
                key = self._ratings.count + len(ratings) + 1
                rating = "helpful" if y < RATED * HELPFUL else "unhelpful"
                ratings.append(
                    f"{key}\t{_uuid(key, 4)}\t{self._time(end + 60)}\t{account}\t{thread}\t{asked + 1}\t{rating}\t"
                )
        if not is_answered and (reason == "people" or y < PERSON_REPLIES):
            end += person_s
            key = self._messages.count + len(messages) + 1
            messages.append(
                self._said(
                    key,
                    end,
                    account,
                    thread,
                    "support",
                    ANSWER,
                    "sent",
                    "",
                    "\\N",
                    "[]",
                    "\\N",
                )
            )
        self._ended[thread - 1] = end
        self._states[thread - 1] = 1 if is_answered else 2 if x < 0.1 else 3

    def _thread(self, owner: int, at: float, going_on: float, x: float) -> int:
        recent = self._recent[owner]
        if recent and going_on < GOES_ON:
            return recent[int(x * len(recent))]
        key = len(self._began) + 1
        self._began.append(at)
        self._ended.append(at)
        self._states.append(1)
        self._places.append(self._channels[owner][min(2, int(x * 3.6))])
        recent.append(key)
        if len(recent) > 400:
            del recent[:100]
        return key

    def _said(
        self,
        key: int,
        at: float,
        account: int,
        thread: int,
        author: str,
        text: str,
        state: str,
        reason: str,
        confidence: str,
        sources: str,
        ms: str,
    ) -> str:
        return f"{key}\t{_uuid(key, 2)}\t{self._time(at)}\t{account}\t{thread}\t{author}\t{text}\t{state}\t{reason}\t\t{confidence}\t{sources}\t{ms}\t{key}"

    def _time(self, at: float) -> str:
        day, second = divmod(at, 86_400)
        minute, second = divmod(second, 60)
        hour, minute = divmod(int(minute), 60)
        return f"{self._dates[int(day)]} {hour:02}:{minute:02}:{second:09.6f}+00"

    def _write_threads(self) -> None:
        owner_of = {
            channel: number + 1
            for number, row in enumerate(self._channels)
            for channel in row
        }
        names = {
            1: "active\t\tf",
            2: "support_active\tlow_confidence\tt",
            3: "closed\tclosed_by_person\tf",
        }
        for batch in _batches(range(1, len(self._began) + 1)):
            contacts, threads = [], []
            for key in batch:
                channel = self._places[key - 1]
                began, ended = (
                    self._time(self._began[key - 1]),
                    self._time(self._ended[key - 1]),
                )
                account = owner_of[channel]
                contacts.append(
                    f"{key}\t{_uuid(key, 5)}\t{began}\t{account}\t{channel}\tcontact-{key}"
                )
                threads.append(
                    f"{key}\t{_uuid(key, 1)}\t{began}\t{account}\t{channel}\t{key}\tthread-{key}\t{names[self._states[key - 1]]}\t{ended}\t{ANSWER}\t0\t{key}"
                )
            self._open_contacts.copy(contacts)
            self._threads.copy(threads)


def _batches(keys: range) -> Iterator[tuple[int, ...]]:
    found = iter(keys)
    while batch := tuple(itertools.islice(found, CHUNK)):
        yield batch


def _uuid(number: int, kind: int) -> str:
    """Scattered like a random one."""
    return f"{(number * 8 + kind) * _ODD & _MASK:032x}"


def write(messages: int, accounts: int, days: int) -> dict[str, Any]:
    """Fill the database of `DATABASE_URL`; refuses one that has messages."""
    from django.db import connection

    from ai_model.analytics.sources import Feedback
    from ai_model.models import Turn
    from conversations.models import Contact, Conversation, Message

    assert connection.vendor == "postgresql", "COPY needs PostgreSQL."
    assert not Message.objects.exists(), "This database has messages already."
    began = time.monotonic()
    connection.ensure_connection()
    raw = connection.connection
    channels = _businesses(accounts)
    tables = [
        each._meta.db_table for each in (Contact, Conversation, Message, Turn, Feedback)
    ]
    again = _without_indexes(raw, tables)
    counts = Past(raw, channels, days).write(messages)
    copied_s = time.monotonic() - began
    for sql in again:
        raw.execute(sql)
    # As autovacuum leaves a table that lives.
    raw.execute("VACUUM ANALYZE")
    size = raw.execute("SELECT pg_database_size(current_database())").fetchone()[0]
    spent = time.monotonic() - began
    return {**counts, "copied_s": copied_s, "filled_s": spent, "size_gb": size / 2**30}


def _businesses(count: int) -> list[list[int]]:
    """Accounts 1 to `count`, each with its channels."""
    from accounts.models import Account
    from integrations.models import Channel
    from knowledge.models import Entry

    accounts = Account.objects.bulk_create(
        Account(pk=n, name=f"Business {n}") for n in range(1, count + 1)
    )
    Entry.objects.bulk_create(
        Entry(account=each, external_id=f"entry-{n}", title=f"Entry {n}", body="…")
        for each in accounts[:3]
        for n in range(ENTRIES)
    )
    return [
        [Channel.objects.create(account=each, provider=name, name=name).pk for name in PROVIDERS]
        for each in accounts
    ]  # fmt: skip


def _without_indexes(raw: Any, tables: list[str]) -> list[str]:
    """Drop what would slow the filling; returns how to make it again."""
    again = []
    rows = raw.execute(
        "SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE contype IN ('f', 'u')"
        " AND conrelid = ANY(%s::regclass[])", [tables],
    ).fetchall()  # fmt: skip
    for table, name, kind, definition in rows:
        raw.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        later = " NOT VALID" if kind in ("f", b"f") else ""
        again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}{later}')
    rows = raw.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE NOT i.indisprimary AND i.indrelid = ANY(%s::regclass[])", [tables],
    ).fetchall()  # fmt: skip
    for name, definition in rows:
        raw.execute(f"DROP INDEX {name}")
        again.insert(0, definition)
    return again


def main() -> None:
    """`MESSAGES [ACCOUNTS [DAYS]]`"""
    django.setup()
    given = [int(each) for each in sys.argv[1:]]
    print(json.dumps(write(*given, *(40, 365)[len(given) - 1 :])))


if __name__ == "__main__":
    main()
