"""What an assistant says to contacts who have to prove an e-mail address first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_model import answering
from ai_model.exchange import Answer
from conversations import verification, verifying
from conversations.models import Conversation, Message
from conversations.replies import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ai_model.claiming import Claim
    from ai_model.exchange import Question
    from conversations.replies import Committed


def stop(question: Question) -> Answer | None:
    """The next line of the verification; None: the contact may be answered.

    A person is within everybody's reach, and what keeps the assistant from answering
    comes first.
    """
    if question.standing is None:
        return None
    early = answering.without_search(question, question.texts)
    if early is not None and (early.hands_off or early.needs_person):
        return early
    if not question.standing.is_possible:
        return answering.give_up(question, "error")
    step = verification.decide(question.standing, question.texts)
    return Answer(
        verification.line(step.line, question.answer_in),
        Message.State.ANSWERED,
        verification.HELD,
        question.asked_in,
        link_to=step.email,
    )


def send_links(settled: Iterable[tuple[Claim, Answer, Committed]]) -> None:
    """Send the links that committed lines announce, in the same transaction."""
    for claimed, answer, result in settled:
        if answer.link_to and result.verdict is Verdict.COMMITTED:
            conversation = Conversation.objects.get(pk=claimed.conversation_id)
            verifying.begin(conversation, answer.link_to, claimed.question.answer_in)
