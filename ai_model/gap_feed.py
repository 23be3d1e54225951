"""From turns that ended without an answer to groups of questions.

Looks through turns and messages from where the last look ended. Any number of
processes may do it at once: the first to move the mark on has stored its part, what
the others found is thrown away.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils import timezone

from ai_model.clustering import Asked, Likeness, nearest
from ai_model.models import Gap, GapFeed, GapQuestion, Turn
from conversations.models import Message
from core import store
from core.personal import mask
from core.text import truncate
from knowledge.models import Entry
from knowledge.text import detect_language, tokenise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Turns and messages looked through at a time.
BATCH: Final = 500
#: Rows get their numbers before they are committed; younger ones may still be joined
#: by smaller numbers.
SETTLED_S: Final = 5.0
#: Seconds from a person's reply to the draft: people write several in a row.
REPLY_PAUSE_S: Final = 20.0
#: Newest questions of an account that a new one is compared with.
MOST_COMPARED: Final = 1_000
#: Titles that tell rare words from common ones.
MOST_TITLES: Final = 1_000
MAX_QUESTION: Final = 500

#: Why a turn ended without an answer although something was asked.
UNANSWERED: Final = frozenset(
    {"low_confidence", "no_results", "not_in_knowledge", "unsupported"}
)

_BEGINNING = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_HALF_LIFE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that nobody answered."""

    turn_id: int
    account_id: int
    asked_at: dt.datetime
    asked: Asked

    @property
    def weight(self) -> float:
        """What it adds to the volume: twice as much for each month that is later.

        Only the ratio counts, and that stays the same as time passes.
        """
        age = (self.asked_at - _BEGINNING) / dt.timedelta(days=_HALF_LIFE_DAYS)
        return float(2**age)


def feed() -> bool:
    """Look through the next turns and messages; returns whether there were any."""
    mark, _ = GapFeed.objects.get_or_create(pk=1)
    turns = _settled(
        Turn.objects.filter(pk__gt=mark.turn_id).select_related("conversation__contact")
    )
    messages = _settled(
        Message.objects.filter(pk__gt=mark.message_id).only(
            "pk", "author", "conversation_id", "created_at"
        )
    )
    if not turns and not messages:
        return False
    places = _place(_questions(turns))
    replied = {
        each.conversation_id
        for each in messages
        if each.author == Message.Author.SUPPORT
    }
    with transaction.atomic():
        moved = GapFeed.objects.filter(
            pk=1, turn_id=mark.turn_id, message_id=mark.message_id
        ).update(
            turn_id=turns[-1].pk if turns else mark.turn_id,
            message_id=messages[-1].pk if messages else mark.message_id,
        )
        if moved:
            _store(places)
            _note_replies(replied)
    return True


def _settled(rows: Any) -> list[Any]:
    """The next rows, up to the first that is too young."""
    latest = timezone.now() - dt.timedelta(seconds=SETTLED_S)
    found = []
    for row in rows.order_by("pk")[:BATCH]:
        if row.created_at > latest:
            break
        found.append(row)
    return found


def _questions(turns: Iterable[Turn]) -> list[Unanswered]:
    found = []
    for turn in turns:
        if turn.state != Turn.State.HANDED_OVER:
            continue
        if turn.conversation.address.get("agent_type") == "test":
            continue
        source = _asked_before(turn) if turn.reason == "asked_for_person" else turn
        if source is not None and turn.reason in (*UNANSWERED, "asked_for_person"):
            found.append(_question(turn, source))
    return [each for each in found if len(tokenise(each.asked.text)) > 1]


def _asked_before(turn: Turn) -> Turn | None:
    """The turn whose answer made the contact ask for a person.

    If it was not answered, it is a question of its own already.
    """
    rows = Turn.objects.filter(
        conversation_id=turn.conversation_id,
        pk__lt=turn.pk,
        state__in=[Turn.State.ANSWERED, Turn.State.HANDED_OVER],
    )
    before = rows.order_by("-pk").first()
    return before if before is not None and before.reason == "answered" else None


def _question(turn: Turn, source: Turn) -> Unanswered:
    contact = turn.conversation.contact
    words = " ".join(mask(source.query, [contact.name, contact.email]).split())
    found = {
        str(each.get("entry_id")): float(each.get("score", 0.0))
        for each in source.retrieved
    }
    return Unanswered(
        turn_id=turn.pk,
        account_id=turn.account_id,
        asked_at=turn.created_at,
        asked=Asked(truncate(words, MAX_QUESTION), found),
    )


# -- Which gap a question belongs to -------------------------------------------

#: A gap that is there, or a new one by the turn that begins it.
Place = tuple[str, int]


def _place(questions: Sequence[Unanswered]) -> list[tuple[Unanswered, Place]]:
    by_account: dict[int, list[Unanswered]] = defaultdict(list)
    for each in questions:
        by_account[each.account_id].append(each)
    return [
        pair
        for account_id, own in sorted(by_account.items())
        for pair in _place_in(account_id, own)
    ]


def _place_in(
    account_id: int, questions: Sequence[Unanswered]
) -> list[tuple[Unanswered, Place]]:
    known = list(
        GapQuestion.objects.filter(gap__account_id=account_id)
        .order_by("-pk")
        .values_list("gap_id", "text", "turn__retrieved")[:MOST_COMPARED]
    )
    titles = Entry.objects.filter(account_id=account_id).published()
    groups: dict[Place, list[int]] = defaultdict(list)
    asked: list[Asked] = []
    for gap, words, retrieved in known:
        groups["gap", gap].append(len(asked))
        found = {str(each["entry_id"]): float(each["score"]) for each in retrieved}
        asked.append(Asked(words, found))
    asked += [each.asked for each in questions]
    likeness = Likeness(
        asked, list(titles.order_by("pk").values_list("title", flat=True)[:MOST_TITLES])
    )
    placed = []
    for row, each in enumerate(questions, start=len(known)):
        place = nearest(likeness.of(row), groups) or ("turn", each.turn_id)
        groups[place].append(row)
        placed.append((each, place))
    return placed


def _store(places: Sequence[tuple[Unanswered, Place]]) -> None:
    """Add the questions to their gaps; what has gone meanwhile is left out or begun."""
    keys = [each.turn_id for each, _ in places]
    turns = Turn.objects.select_for_update(no_key=True).filter(pk__in=keys)
    stored = GapQuestion.objects.filter(turn_id__in=keys)
    new = set(turns.values_list("pk", flat=True)) - set(
        stored.values_list("turn_id", flat=True)
    )
    wanted = sorted({key for _, (kind, key) in places if kind == "gap"})
    gaps = {
        ("gap", row.pk): row
        for row in Gap.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    }
    kept = [(each, place) for each, place in places if each.turn_id in new]
    begun: list[Gap] = []
    for each, place in kept:
        if place not in gaps:
            gaps[place] = _begin(each)
            begun.append(gaps[place])
    # In bulk: whoever answers waits meanwhile, where the database has one writer.
    store.insert_rows(begun)
    store.insert_rows([_take_in(gaps[place], each) for each, place in kept])
    touched = {gaps[place].pk: gaps[place] for _, place in kept}
    store.update_rows(
        list(touched.values()), ["status", "first_seen_at", "last_seen_at", "due_at"]
    )


def _begin(question: Unanswered) -> Gap:
    return Gap(
        account_id=question.account_id,
        question=question.asked.text,
        lang=detect_language(question.asked.text),
        first_seen_at=question.asked_at,
        last_seen_at=question.asked_at,
    )


def _take_in(gap: Gap, question: Unanswered) -> GapQuestion:
    """The question's row; the gap, which is to be saved, hears of it."""
    if gap.status == Gap.Status.CLOSED:
        # It was not closed after all.
        gap.status = Gap.Status.DRAFTED if gap.entry_id else Gap.Status.OPEN
    gap.first_seen_at = min(gap.first_seen_at, question.asked_at)
    gap.last_seen_at = max(gap.last_seen_at, question.asked_at)
    # Somebody may have replied before this was looked at.
    gap.due_at = timezone.now()
    return GapQuestion(
        gap=gap,
        turn_id=question.turn_id,
        text=question.asked.text,
        asked_at=question.asked_at,
        weight=question.weight,
    )


def _note_replies(conversations: set[int]) -> None:
    """Let the drafts of those gaps be looked at that a person replied to."""
    keys = GapQuestion.objects.filter(
        turn__conversation_id__in=conversations
    ).values_list("gap_id", flat=True)
    Gap.objects.undecided().filter(pk__in=set(keys)).update(
        due_at=timezone.now() + dt.timedelta(seconds=REPLY_PAUSE_S)
    )
