import pytest

from ai_model.extract import extract

MUSEUM = """# The museum

The museum was founded by a clockmaker in the spring of 1911, after a long quarrel \
with the town council about the old mill. It holds 4,200 clocks from nine countries.

## Visits

Guided tours start every full hour between ten and four and last about fifty minutes. \
School classes come in free of charge when their teacher writes to us a week ahead.

- Dogs stay at the **cloakroom**, where they get water and a blanket.
- The café closes half an hour before the museum does.
"""
PASSAGES = [("The museum", MUSEUM), ("Shop", "The shop sells small clocks.")]

QUESTIONS = {
    "number": ("how many clocks do you hold", "4,200 clocks"),
    "who": ("who was the founder, a clockmaker?", "clockmaker"),
    "list item": ("where do dogs stay", "cloakroom"),
    "typing error": ("when do guidd tours strt", "every full hour"),
}


@pytest.mark.parametrize(("question", "part"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_the_sentence_that_answers_is_quoted(question, part):
    answer = extract(question, PASSAGES, lang="en", max_words=30)

    assert part in answer
    assert len(answer.split()) <= 30


def test_sentences_stay_in_their_order_and_lose_their_marks():
    answer = extract("clockmaker, dogs and the cloakroom", PASSAGES, max_words=45)

    assert answer.index("clockmaker") < answer.index("Dogs")
    assert "*" not in answer
    assert "#" not in answer


def test_a_short_body_is_quoted_whole():
    assert extract("anything", PASSAGES[1:]) == "The shop sells small clocks."


def test_only_the_first_passage_is_quoted():
    assert "small clocks" not in extract("what does the shop sell", PASSAGES)


def test_one_sentence_is_given_even_if_it_is_too_long():
    body = f"Cats {'very ' * 50}sleep. Dogs {'very ' * 50}run."

    assert extract("dogs", [("Pets", body)], max_words=10).startswith("Dogs")


NONSENSE = {
    "no passage": ("clocks", []),
    "empty": ("", [("", "")]),
    "heading alone": ("visits", [("Visits", "# Visits\n\n## Hours")]),
    "nul": ("\x00", [("\x00", "\x00")]),
    "emoji": ("🎉", [("🎉", "🎉🎉")]),
}


@pytest.mark.parametrize(("question", "passages"), NONSENSE.values(), ids=NONSENSE)
def test_there_is_nothing_to_quote_from_nothing(question, passages):
    assert extract(question, passages) == ""


def test_a_huge_body_is_read_in_part():
    assert extract("needle", [("Hay", "Hay is dry. " * 20_000)])
    assert extract("\ud800 שלום ](([[", [("", "שלום עולם. " * 100)])


def test_a_sentence_longer_than_the_answer_may_be_is_cut_between_clauses() -> None:
    clauses = [f"clause {number} speaks of nothing else at all" for number in range(20)]
    clauses[12] = "clause 12 says that the warranty lasts three years"
    text = extract("How long is the warranty?", [("", ", ".join(clauses) + ".")])
    assert "the warranty lasts three years" in text
    assert text.startswith("…clause ")
    assert text.endswith("…")
    assert len(text.split()) <= 60


def test_a_sentence_without_clauses_is_cut_between_words() -> None:
    words = ["word"] * 200
    words[150] = "warranty"
    text = extract("warranty", [("", " ".join(words))])
    assert "warranty" in text
    assert len(text.split()) == 60
