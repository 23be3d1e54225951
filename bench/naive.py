"""The figures of analytics as one would ask the rows for them, without tallies.

One statement for each kind of row, grouped as the answer shows them, with the indexes that
are there. Resolutions are left out: they would take longest.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_CONVERSATIONS: Final = """
SELECT c.channel_id, (c.created_at AT TIME ZONE 'UTC')::date, count(*)
FROM conversations_conversation c
WHERE c.account_id = %(account)s AND c.created_at >= %(since)s
  AND (%(all)s OR c.channel_id = ANY(%(channels)s))
GROUP BY 1, 2"""
_MESSAGES: Final = """
SELECT c.channel_id, (m.created_at AT TIME ZONE 'UTC')::date, m.author, count(*),
  count(m.latency_ms), sum(m.latency_ms), max(m.latency_ms)
FROM conversations_message m
JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE m.account_id = %(account)s AND m.created_at >= %(since)s
  AND (%(all)s OR c.channel_id = ANY(%(channels)s))
GROUP BY 1, 2, 3"""
_TURNS: Final = """
SELECT c.channel_id, (t.finished_at AT TIME ZONE 'UTC')::date, t.state, t.reason,
  floor(t.confidence * 10), count(*), sum(t.confidence)
FROM ai_model_turn t
JOIN conversations_conversation c ON c.id = t.conversation_id
WHERE t.account_id = %(account)s AND t.finished_at >= %(since)s
  AND t.state IN ('answered', 'handed_over')
  AND (%(all)s OR c.channel_id = ANY(%(channels)s))
GROUP BY 1, 2, 3, 4, 5"""
_RATINGS: Final = """
SELECT c.channel_id, (m.created_at AT TIME ZONE 'UTC')::date, f.rating,
  floor(m.confidence * 10), count(*)
FROM feedback_feedback f
JOIN conversations_message m ON m.id = f.message_id
JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE f.account_id = %(account)s AND m.created_at >= %(since)s
  AND (%(all)s OR c.channel_id = ANY(%(channels)s))
GROUP BY 1, 2, 3, 4"""
# Of the conversations that began in the period: almost the same, and quicker asked.
_FIRST_REPLIES: Final = """
SELECT channel_id, day, count(*), avg(replied - asked),
  percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY replied - asked)
FROM (
  SELECT c.channel_id, (c.created_at AT TIME ZONE 'UTC')::date AS day,
    min(m.created_at) FILTER (WHERE m.author = 'contact') AS asked,
    min(m.created_at) FILTER (WHERE m.author IN ('assistant', 'support')) AS replied
  FROM conversations_conversation c
  JOIN conversations_message m ON m.conversation_id = c.id
  WHERE c.account_id = %(account)s AND c.created_at >= %(since)s
    AND (%(all)s OR c.channel_id = ANY(%(channels)s))
  GROUP BY c.id
) AS firsts
WHERE asked < replied GROUP BY 1, 2"""
_PERCENTILES: Final = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY m.latency_ms)
FROM conversations_message m
JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE m.account_id = %(account)s AND m.created_at >= %(since)s
  AND m.author = 'assistant' AND (%(all)s OR c.channel_id = ANY(%(channels)s))"""
_TOPICS: Final = """
SELECT m.sources -> 0 ->> 'entry_id', count(*)
FROM conversations_message m
JOIN conversations_conversation c ON c.id = m.conversation_id
WHERE m.account_id = %(account)s AND m.created_at >= %(since)s
  AND m.author = 'assistant' AND m.reason = 'answered'
  AND (%(all)s OR c.channel_id = ANY(%(channels)s))
GROUP BY 1 ORDER BY 2 DESC LIMIT 10"""
#: What stands in the table of the file, and what in the answer.
_TABLE: Final = (_CONVERSATIONS, _MESSAGES, _TURNS, _RATINGS, _FIRST_REPLIES)
_ALL: Final = (*_TABLE, _PERCENTILES, _TOPICS)


def ask(
    account: int, since: dt.datetime, *, channels: list[int] | None, is_table: bool
) -> tuple[float, Counter[str]]:
    """How many ms the statements took together, and the sums that can be compared."""
    from django.db import connection

    values = {
        "account": account, "since": since, "all": channels is None,
        "channels": channels or [],
    }  # fmt: skip
    found: list[Sequence[Any]] = []
    began = time.monotonic()
    with connection.cursor() as cursor:
        for statement in _TABLE if is_table else _ALL:
            cursor.execute(statement, values)
            found.append(cursor.fetchall())
    return (time.monotonic() - began) * 1000, _sums(*found[:4])


def _sums(
    conversations: Sequence[Any],
    messages: Sequence[Any],
    turns: Sequence[Any],
    ratings: Sequence[Any],
) -> Counter[str]:
    sums: Counter[str] = Counter()
    for _, _, count in conversations:
        sums["conversations"] += count
    for _, _, author, count, *_ in messages:
        sums[author] += count
    for _, _, state, _, _, count, _ in turns:
        sums[state] += count
    for _, _, rating, _, count in ratings:
        sums[rating] += count
    return sums
