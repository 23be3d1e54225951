"""From what a contact wrote to what the assistant says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ai_model import answering, providers
from ai_model.confidence import Adjustment
from ai_model.exchange import Answer, Question
from ai_model.models import Assistant
from ai_model.providers.base import Completion, Finish, Provider
from conversations.models import Message
from core.exceptions import TemporaryProviderError
from integrations.adapters.inbound import Attachment
from knowledge.index import Document, Index

if TYPE_CHECKING:
    from ai_model.finding import EmbedQuery

QUESTION = "How long does delivery take?"
QUOTE = "Delivery takes three working days."


def drafted(
    text: str = "It takes three days.",
    *,
    quote: str = QUOTE,
    passage: int = 1,
    judgement: float = 0.9,
) -> str:
    """What a well-behaved model writes."""
    cited = [{"passage": passage, "quote": quote}] if quote else []
    return json.dumps({"judgement": judgement, "citations": cited, "answer": text})


def document(key: int, title: str, body: str, visibility: str = "customer") -> Document:
    return Document(
        key=key, entry=f"e{key}", title=title, body=body, lang="en",
        entry_type="faq", revision=3, visibility=visibility,
    )  # fmt: skip


INDEX = Index(
    [
        document(1, QUESTION, "Delivery takes three working days."),
        document(2, "Returning an item", "You may send it back within 30 days."),
        document(3, "Gift cards", "Gift cards are valid for two years."),
        document(4, "Repairing a tent", "Our workshop mends zips and poles."),
        document(5, "Margins", "The margin on tents is forty percent.", "internal"),
    ]
)


class Scripted(Provider):
    """A provider that says what the test wants."""

    key = "scripted"
    label = "Scripted"

    def __init__(self) -> None:
        self.says: str | Exception = drafted()
        self.finish = Finish.STOP
        self.requests: list[Any] = []

    def is_configured(self) -> bool:
        return True

    async def complete(self, request: Any, on_text: Any = None) -> Completion:
        self.requests.append(request)
        if isinstance(self.says, Exception):
            raise self.says
        return Completion(self.says, self.finish, self.key, "m-1", 10, 5)


@pytest.fixture
def scripted(monkeypatch: Any) -> Scripted:
    made = Scripted()
    monkeypatch.setitem(providers.REGISTRY, "scripted", made)
    return made


def asked(*texts: str, chain: Any = ("scripted",), **changes: Any) -> Question:
    assistant = changes.pop("assistant", None) or Assistant(chain=list(chain))
    values: dict[str, Any] = {
        "texts": texts or (QUESTION,),
        "history": (),
        "lang": "",
        "has_offer": False,
        "contact": "secret:1",
        "attempt": 1,
        "business": "Alice's Shop",
        "assistant": assistant,
        "prompts": {},
        "visibilities": frozenset({"customer"}),
        "budget_s": 5.0,
        **changes,
    }
    return Question(**values)


def ask(*texts: str, embed_query: EmbedQuery | None = None, **changes: Any) -> Answer:
    async def index() -> Index:
        return INDEX

    return asyncio.run(
        answering.answer(asked(*texts, **changes), index, embed_query=embed_query)
    )


def test_a_known_question_is_answered_with_all_that_explains_it(
    scripted: Scripted,
) -> None:
    found = ask()

    assert found.text == "It takes three days."
    assert (found.outcome, found.reason) == (Message.State.ANSWERED, "answered")
    assert found.confidence is not None
    assert found.threshold is not None
    assert found.confidence >= found.threshold
    assert found.sources[0]["entry_id"] == "e1"
    assert found.sources[0]["revision"] == 3
    assert found.retrieved[0]["entry_id"] == "e1"
    assert found.query == QUESTION
    assert {"retrieve", "complete"} <= set(found.timings)
    assert not found.hands_off


def test_what_the_account_taught_moves_the_confidence() -> None:
    question = "How long will the delivery of my tent take?"
    taught = Adjustment(1.0, -6.0)

    plain = ask(question, chain=["local"])
    adjusted = ask(question, chain=["local"], adjustment=taught)

    assert plain.confidence is not None
    assert adjusted.confidence == pytest.approx(
        # Of what is nearly sure, four digits show little of the odds.
        taught.apply(plain.confidence),
        abs=1e-2,
    )
    assert adjusted.reason == "low_confidence"


def test_what_the_model_gets_names_nobody(scripted: Scripted) -> None:
    ask()

    (request,) = scripted.requests
    assert "secret" not in repr(request)
    assert len(request.contact_hash) == 32


def test_what_is_not_known_is_offered_to_a_person(scripted: Scripted) -> None:
    found = ask("Who won the chess championship in 1972?")

    assert found.reason in ("low_confidence", "no_results")
    assert found.outcome == Message.State.HANDED_OVER
    assert found.offers_person
    assert not found.hands_off
    assert scripted.requests == []


def test_below_the_accounts_own_threshold_nothing_is_answered(
    scripted: Scripted,
) -> None:
    found = ask(assistant=Assistant(chain=["scripted"], threshold=1.0))

    assert (found.reason, found.threshold) == ("low_confidence", 1.0)


@pytest.mark.parametrize(
    ("says", "finish", "reason"),
    [
        ("NO_ANSWER", Finish.STOP, "not_in_knowledge"),
        ("", Finish.EMPTY, "provider_empty"),
        ("", Finish.BLOCKED, "provider_blocked"),
        ("[1]", Finish.STOP, "provider_empty"),
        ("{", Finish.STOP, "provider_empty"),
        (drafted(""), Finish.STOP, "provider_empty"),
        (drafted("", judgement=0, quote=""), Finish.STOP, "not_in_knowledge"),
        (drafted(judgement=0.4), Finish.STOP, "not_in_knowledge"),
        (drafted(quote=""), Finish.STOP, "unsupported"),
        (drafted(quote="Delivery takes two working days."), Finish.STOP, "unsupported"),
        (drafted(passage=2), Finish.STOP, "unsupported"),
        (drafted(passage=9), Finish.STOP, "unsupported"),
        (drafted("It takes 4 days."), Finish.STOP, "unsupported"),
        (drafted("Look at evil.example."), Finish.STOP, "unsupported"),
        ("It takes three days.", Finish.STOP, "unsupported"),
        ("It takes three days [1].", Finish.STOP, "unsupported"),
        (
            drafted("La entrega tarda unos días, según lo que dice el vendedor."),
            Finish.STOP,
            "wrong_language",
        ),
    ],
)
def test_a_model_that_says_nothing_useful_offers_a_person(
    scripted: Scripted, says: str, finish: Finish, reason: str
) -> None:
    scripted.says, scripted.finish = says, finish

    found = ask()

    assert (found.reason, found.outcome) == (reason, Message.State.HANDED_OVER)
    assert found.offers_person
    assert found.text
    assert found.text != says
    assert found.completion is not None


def test_an_answer_that_was_cut_says_so(scripted: Scripted) -> None:
    scripted.says = drafted("It takes three days, and then")[:-6]
    scripted.finish = Finish.LENGTH

    assert ask().text == "It takes three days,…"


def test_when_no_provider_answers_a_person_does_and_the_turn_says_why(
    scripted: Scripted,
) -> None:
    scripted.says = TemporaryProviderError("down", provider="scripted")

    found = ask()

    assert (found.reason, found.hands_off) == ("provider_error", True)
    assert "colleague" in found.text
    assert found.failures[0][0] == "scripted"
    assert found.retrieved
    assert found.query == QUESTION
    assert found.threshold is not None
    assert found.confidence is None
    assert {"retrieve", "complete"} <= set(found.timings)


def test_with_no_provider_at_all_a_person_is_told() -> None:
    assert ask(chain=["unknown"]).reason == "no_provider"


def test_after_another_provider_failed_the_local_one_answers(
    scripted: Scripted,
) -> None:
    scripted.says = TemporaryProviderError("down", provider="scripted", status=503)

    found = ask(chain=["scripted", "local"])

    assert found.outcome == Message.State.ANSWERED
    assert "three working days" in found.text
    assert found.completion is not None
    assert found.completion.provider == "local"
    assert found.failures


def test_who_asks_for_a_person_gets_one_without_a_search(scripted: Scripted) -> None:
    found = ask("I want to speak to a human!")

    assert (found.reason, found.hands_off) == ("asked_for_person", True)
    assert scripted.requests == []


@pytest.mark.parametrize("has_offer", [True, False], ids=["after an offer", "alone"])
def test_yes_means_a_person_only_after_an_offer(
    scripted: Scripted, has_offer: bool
) -> None:
    assert ask("yes please", has_offer=has_offer).hands_off is has_offer


def test_the_accounts_own_phrases_count_too(scripted: Scripted, settings: Any) -> None:
    assistant = Assistant(chain=["scripted"], phrases=["red telephone"])
    settings.ESCALATE_TO_HUMAN_KEYWORDS = ["blue telephone"]

    assert ask("the red telephone please", assistant=assistant).hands_off
    assert ask("the blue telephone please", assistant=assistant).hands_off


def test_an_assistant_that_is_switched_off_says_nothing(scripted: Scripted) -> None:
    found = ask(assistant=Assistant(chain=["scripted"], auto_response=False))

    assert (found.text, found.reason, found.hands_off) == (
        "",
        "auto_response_off",
        True,
    )


def test_outside_business_hours_a_person_follows_later(scripted: Scripted) -> None:
    found = ask(assistant=Assistant(chain=["scripted"], business_hours={"mon": []}))

    assert (found.reason, found.hands_off) == ("outside_hours", True)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), ("  \n", "empty"), ("Hello!", "small_talk")]
)
def test_courtesies_and_empty_messages_need_no_model(
    scripted: Scripted, text: str, reason: str
) -> None:
    found = ask(text)

    assert (found.reason, found.outcome) == (reason, Message.State.ANSWERED)
    assert found.text
    assert scripted.requests == []


def test_a_greeting_before_the_question_is_not_searched_for(scripted: Scripted) -> None:
    found = ask("Hello!", QUESTION)

    assert found.query == QUESTION
    assert scripted.requests[0].question == f"Hello!\n{QUESTION}"


def test_words_that_broke_three_turns_go_to_a_person(scripted: Scripted) -> None:
    assert ask(attempt=3).reason == "answered"
    assert (ask(attempt=4).reason, ask(attempt=4).hands_off) == ("error", True)


def test_customers_see_nothing_that_is_for_staff(scripted: Scripted) -> None:
    text = "What is the margin on tents?"

    customer, staff = ask(text), ask(text, visibilities=None)

    assert "e5" not in [each["entry_id"] for each in customer.retrieved]
    assert staff.retrieved[0]["entry_id"] == "e5"


def test_what_was_cited_stands_first(scripted: Scripted) -> None:
    both = f"{QUESTION} Are gift cards valid?"
    ask(both)
    (request,) = scripted.requests
    assert len(request.passages) > 1
    for passage in request.passages:
        quote = passage.text
        scripted.says = drafted("So it is.", passage=passage.number, quote=quote)
        assert ask(both).sources[0]["title"] == passage.title


def test_giving_up_is_a_full_answer() -> None:
    found = answering.give_up(asked("Is it open?"), "timeout")

    assert replace(found, text="") == Answer(
        "", Message.State.HANDED_OVER, "timeout", "en", hands_off=True
    )
    assert "colleague" in found.text


def test_an_attachment_that_nobody_can_make_out_is_honestly_declined(
    scripted: Scripted,
) -> None:
    answer = ask("", attachments=(Attachment("voice", "https://files.example/1.ogg"),))

    assert (answer.reason, answer.offers_person) == ("attachment", True)
    assert answer.text.startswith("I can't look at attachments")


def test_words_beside_an_attachment_are_answered_and_it_is_owned_up_to(
    scripted: Scripted,
) -> None:
    answer = ask(QUESTION, attachments=(Attachment("file"),))

    assert answer.reason == "answered"
    assert answer.text.startswith("It takes three days.\n\nI couldn't look at")
