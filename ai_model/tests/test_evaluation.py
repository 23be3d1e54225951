import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from accounts.services import create_account
from ai_model import evaluation, labelled, reports
from ai_model.tests.loopback import ModelServer
from ai_model.vector_cache import VectorCache
from knowledge.embedders.base import Embedder, Floats, unit
from knowledge.models import Entry, Example

pytestmark = pytest.mark.django_db

ENTRIES = [
    ("parking", "Where to park", "The car park is behind the mill. It is free."),
    ("hours", "Opening hours", "We open at nine and close at six every day."),
    ("dogs", "Dogs", "Dogs are welcome on a lead, except in the bakery."),
]
QUESTIONS = [
    ("1", "Where is the car park?", ["parking"], ["behind the mill"]),
    ("2", "When do you open and close?", ["hours"], []),
    ("3", "Do you sell tickets for the opera in Vienna?", [], []),
    ("4", "I want to speak to a human", [], []),
]


def lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", "utf-8")


@pytest.fixture
def mill(tmp_path: Path) -> Path:
    folder = tmp_path / "labelled" / "mill"
    names = ("entry_id", "title", "body")
    lines(
        folder / "entries.jsonl",
        [dict(zip(names, row, strict=True)) for row in ENTRIES],
    )
    names = ("question_id", "question", "entry_ids", "answers")
    lines(
        folder / "questions.jsonl",
        [
            {**dict(zip(names, row, strict=True)), "kind": "customer"}
            for row in QUESTIONS
        ],
    )
    return folder


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.EMBEDDINGS = "off"
    return settings.DATA_DIR


def run(*arguments: object, **options: object) -> str:
    out = StringIO()
    call_command("evaluate", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def test_questions_are_answered_the_way_contacts_are(mill: Path) -> None:
    (business,) = labelled.businesses_in(mill, cold=True, warm=True)
    done: list[int] = []
    outcomes = evaluation.ask(business, on_progress=done.append)

    assert done == [1, 2, 3, 4]
    assert [each.rank for each in outcomes[:2]] == [1, 1]
    assert outcomes[0].quote_contains
    assert not outcomes[3].is_answered
    assert outcomes[3].confidence == 0.0
    assert outcomes[3].is_good
    assert {each.unknown for each in outcomes} == {0}


def test_a_courtesy_is_answered_without_an_entry_and_surely(mill: Path) -> None:
    lines(
        mill / "questions.jsonl",
        [{"question_id": "1", "question": "Hello!", "entry_ids": []}],
    )
    (business,) = labelled.businesses_in(mill, cold=True, warm=False)
    (outcome,) = evaluation.ask(business)

    assert outcome.is_answered
    assert outcome.confidence == 1.0
    assert outcome.cited == 0


def test_earlier_questions_make_a_business_warm(mill: Path) -> None:
    history = {"question": "may i bring my poodle", "entry_id": "dogs"}
    lines(mill / "history.jsonl", [history])
    found = list(labelled.businesses_in(mill.parent, cold=True, warm=True))

    assert [(each.name, each.mode) for each in found] == [
        ("mill", "cold"),
        ("mill", "warm"),
    ]
    examples = [each.examples for each in found[1].rounds[0].documents]
    assert examples == [(), (), ("may i bring my poodle",)]


def test_the_command_prints_figures_and_keeps_a_report(
    mill: Path, data_dir: Path
) -> None:
    text = run(mill, by_kind=True)

    assert "| mill cold | 4 | 1.000 |" in text
    assert "customer" in text
    (report,) = (data_dir / "evaluations").glob("mill-*.json")
    kept = json.loads(report.read_text("utf-8"))
    assert kept["figures"]["mill cold"]["recall@1"] == 1.0
    assert len(kept["runs"][0]["questions"]) == 4


def test_a_run_is_compared_with_the_one_before(mill: Path) -> None:
    run(mill)
    broken = ENTRIES[1:]
    names = ("entry_id", "title", "body")
    lines(
        mill / "entries.jsonl", [dict(zip(names, row, strict=True)) for row in broken]
    )
    text = run(mill)

    assert "mill cold: 0 won, 1 lost" in text
    assert "- Where is the car park?" in text


def test_goals_stand_beside_what_was_reached(mill: Path, tmp_path: Path) -> None:
    goals = tmp_path / "goals.json"
    rows = [
        {"figure": "recall@1", "mode": "cold", "businesses": ["mill"], "at_least": 0.9},
        {"figure": "recall@1", "mode": "cold", "businesses": ["mill"], "at_most": 0.5},
        {"figure": "recall@1", "mode": "warm", "businesses": ["mill"], "at_least": 0},
    ]
    goals.write_text(json.dumps(rows), "utf-8")
    text = run(mill, goals=goals)

    assert "| recall@1 | mill cold | 1.000 | >= 0.9 | met |" in text
    assert "| recall@1 | mill cold | 1.000 | <= 0.5 | missed |" in text
    assert "mill warm" not in text


def test_requests_for_a_person_are_measured_where_they_are_labelled(
    mill: Path,
) -> None:
    rows = [
        {"text": "get me a human", "label": "handoff", "lang": "en"},
        {"text": "where is my parcel", "label": "other", "lang": "en"},
    ]
    lines(mill.parent / "handoff" / "dev.jsonl", rows)
    assert "f1 1.000" in run(mill.parent)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question_id": "1", "question": "x"}', "line 1: entry_ids is missing"),
        ("{", "line 1: not JSON"),
        ("3", "line 1: not an object"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    mill: Path, content: str, message: str
) -> None:
    (mill / "questions.jsonl").write_text(content, "utf-8")
    with pytest.raises(CommandError, match=message):
        run(mill)


def test_what_is_no_target_is_said_in_one_line(tmp_path: Path, mill: Path) -> None:
    with pytest.raises(CommandError, match="neither a folder nor an account"):
        run("nowhere")
    with pytest.raises(CommandError, match="no questions.jsonl"):
        run(tmp_path)
    with pytest.raises(CommandError, match="earlier questions"):
        run(mill, warm=True)
    with pytest.raises(CommandError, match="no report"):
        run(mill, compare=mill / "entries.jsonl")
    with pytest.raises(CommandError, match="holds no goals"):
        run(mill, goals=mill / "entries.jsonl")


# -- accounts ------------------------------------------------------------------


@pytest.fixture
def account() -> Account:
    account = create_account(name="Mill")
    for public_id, title, body in ENTRIES:
        entry = Entry.objects.create(
            account=account, external_id=public_id, title=title, body=body
        )
        for question in (f"{title}?", f"{title} please"):
            Example.objects.create(
                entry=entry,
                text=question,
                digest=question,
                origin=Example.Origin.CONFIRMED,
                status=Example.Status.APPROVED,
            )
    return account


def test_an_account_is_asked_its_own_questions_as_if_they_were_new(
    account: Account,
) -> None:
    text = run("Mill")

    assert "6 of the approved questions of Mill are asked twice" in text
    assert "| Mill warm | 12 | 1.000 |" in text
    for each in labelled.business_of(account).rounds:
        known = {q for document in each.documents for q in document.examples}
        assert not known.intersection(question.text for question in each.questions)


def test_an_accounts_questions_are_tried_on_another_model(
    account: Account, settings
) -> None:
    with ModelServer() as server:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key-1", server.url
        settings.OPENAI_API_STYLE = "chat"
        text = run("Mill", model="openai=gpt-6-luna", most=5)

    assert "5 of the approved questions of Mill are asked twice" in text
    assert {each.body["model"] for each in server.requests} == {"gpt-6-luna"}
    assert "| Mill warm | 10 |" in text


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("gpt-6-luna", "names no model"),
        ("nobody=gpt-6-luna", "names no model"),
        ("openai=gpt-4", "Use gpt-6-luna instead"),
        ("gemini=gemini-3.5-flash", "gemini has no key"),
    ],
)
def test_a_model_that_cannot_be_tried_is_refused(
    account: Account, settings, model: str, said: str
) -> None:
    settings.OPENAI_API_KEY, settings.GEMINI_API_KEY = "key-1", ""

    with pytest.raises(CommandError, match=said):
        run("Mill", model=model)


def test_an_account_with_too_few_questions_is_told_so() -> None:
    create_account(name="Mill")
    with pytest.raises(CommandError, match="Mill has 0 approved questions"):
        run("Mill")


# -- vectors -------------------------------------------------------------------


class Letters(Embedder):
    """Counts letters, and the texts it was given."""

    key = "letters@1"
    dimensions = 26

    def __init__(self, languages: frozenset[str] | None = None) -> None:
        self.languages = languages
        self.count = 0

    def embed(self, texts: Sequence[str], *, are_queries: bool = False) -> Floats:
        self.count += len(texts)
        letters = "abcdefghijklmnopqrstuvwxyz"
        rows = [[text.lower().count(each) for each in letters] for text in texts]
        return unit(np.array(rows, np.float32))


def test_vectors_are_computed_once_and_kept(mill: Path, tmp_path: Path) -> None:
    (business,) = labelled.businesses_in(mill, cold=True, warm=False)
    encoder = Letters()
    cache = VectorCache(encoder, tmp_path)
    first = evaluation.ask(business, cache)
    cache.save()
    asked = encoder.count

    again = VectorCache(encoder, tmp_path)
    second = evaluation.ask(business, again)

    assert encoder.count == asked > 0
    assert [each.confidence for each in first] == [each.confidence for each in second]


def test_an_encoder_is_not_asked_about_languages_it_cannot_read(
    mill: Path, tmp_path: Path
) -> None:
    encoder = Letters(languages=frozenset({"de"}))
    (business,) = labelled.businesses_in(mill, cold=True, warm=False)
    evaluation.ask(business, VectorCache(encoder, tmp_path))
    assert encoder.count == 0


def test_a_report_is_read_back(mill: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    run(mill, output=path)
    goods = reports.read_goods(path)
    assert set(goods["mill cold"]) == {"1", "2", "3", "4"}
