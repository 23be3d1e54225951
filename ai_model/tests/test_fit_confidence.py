import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from ai_model import samples
from ai_model.confidence import Models
from core.commands import Error
from knowledge.embeddable import texts_of
from knowledge.embedders.base import Embedder, unit

TEAS = ("Green tea", "Black tea", "Mint tea", "Oolong tea", "Fruit tea", "Iced tea")


def write(path, lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@pytest.fixture
def folder(tmp_path):
    for name in ("shop", "bar"):
        business = tmp_path / name
        business.mkdir()
        entries = [
            {
                "entry_id": f"{name}{row}",
                "title": title,
                "body": f"{title} costs {row} coins. We serve the {title} hot.",
                "entry_type": "faq",
                "lang": "en",
            }
            for row, title in enumerate(TEAS)
        ]
        write(business / "entries.jsonl", entries)
        questions = [
            {"question": f"how much is the {title}?", "entry_ids": [f"{name}{row}"]}
            for row, title in enumerate(TEAS)
        ]
        questions.append({"question": "who won the match?", "entry_ids": []})
        write(business / "questions.jsonl", questions)
    history = [
        {"question": f"a cup of {title} please", "entry_id": f"shop{row}"}
        for row, title in enumerate(TEAS)
    ]
    write(tmp_path / "shop" / "history.jsonl", history)
    return tmp_path


class Spelled(Embedder):
    """Vectors of letters: alike where the words are."""

    key = "spelled"
    dimensions = 26
    languages = frozenset({"en"})

    def embed(self, texts, *, are_queries=False):
        rows = [[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts]
        return unit(np.array(rows, np.float32))


def test_a_business_is_asked_with_and_without_history_vectors_and_entries(folder):
    shop = next(each for each in samples.businesses(folder) if each.name == "shop")
    texts = [line["question"] for line in shop.questions]
    for document in samples.documents_from(shop.entries, shop.history):
        texts += texts_of(document, in_detail=True)
    vectors = dict(zip(texts, Spelled().embed(texts), strict=True))

    found = list(samples.samples_of(shop, vectors))

    assert found == list(samples.samples_of(shop, vectors))
    states = {(each.mode, each.by_meaning, each.made) for each in found}
    assert len(states) == 8
    assert any(each.is_check for each in found)
    found = [each for each in found if not each.is_check]
    real = [each for each in found if not each.made and each.answerable]
    assert all(each.right for each in real)
    assert not all(each.right for each in found if each.made and each.answerable)


def test_a_business_without_history_lends_its_copies_some_of_its_questions(folder):
    bar = next(each for each in samples.businesses(folder) if each.name == "bar")

    found = [each for each in samples.samples_of(bar, {}) if not each.is_check]

    assert {each.mode for each in found if not each.made} == {"cold"}
    assert {each.mode for each in found if each.made} == {"cold", "warm"}


def test_the_command_prints_a_table_and_writes_the_same_models_again(folder, settings):
    settings.EMBEDDINGS = "off"
    settings.DATA_DIR = folder / "data"
    path, again = folder / "one.json", folder / "two.json"
    said = StringIO()

    call_command("fit_confidence", folder, output=path, stdout=said, stderr=StringIO())
    call_command(
        "fit_confidence", folder, output=again, stdout=StringIO(), stderr=StringIO()
    )

    assert "| shop | warm | 7 | 1.000 |" in said.getvalue()
    assert path.read_text() == again.read_text()
    fitted = json.loads(path.read_text())
    assert 0.5 <= fitted["threshold"] < 1
    assert Models.from_json(fitted["cold"]).words.terms


def test_a_folder_without_questions_is_refused(tmp_path):
    with pytest.raises(Error, match="no business"):
        call_command("fit_confidence", tmp_path, stderr=StringIO())
