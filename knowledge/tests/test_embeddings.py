"""Vectors in the database: which are missing, which are kept, which are used."""

import numpy as np
import pytest

from accounts.models import Account
from knowledge import embedders, embeddings, search
from knowledge.documents import documents_of
from knowledge.embeddings import Vectors, digest_of
from knowledge.models import Entry, Example, Vector
from knowledge.services import set_status
from knowledge.tests.encoders import CONFIG, write_encoder
from knowledge.tests.factories import EntryFactory

pytest.importorskip("tokenizers")

MODEL = "other@1"


@pytest.fixture
def encoder(settings, tmp_path):
    """A tiny encoder, as the configured one."""
    use(settings, write_encoder(tmp_path / "tiny"))
    return embedders.current()


def use(settings, folder, languages=()):
    settings.EMBEDDINGS = "local"
    settings.EMBEDDINGS_FOLDER = str(folder)
    settings.EMBEDDINGS_LANGUAGES = list(languages)


def progress(account):
    row = embeddings.with_progress(Account.objects.all()).get(pk=account.pk)
    return row.encoded_count, row.entry_count


def walk(account, encoder, **how):
    """Make all vectors of an account; gives the texts that lacked one."""
    embeddings.adopt(encoder.key)
    account.refresh_from_db()
    made, after = [], 0
    how.setdefault("in_detail", embeddings.wants_detail(account.pk))
    while page := embeddings.look(account.pk, encoder, after=after, **how):
        rows = encoder.embed([each.text for each in page.missing])
        embeddings.store(encoder.key, page.missing, rows)
        embeddings.drop(page.stale)
        made += [each.text for each in page.missing]
        after = page.last
    embeddings.finish(
        account.pk, account.knowledge_version, encoder.key, has_new=bool(made)
    )
    return made


def is_due(account):
    return account.pk in dict(embeddings.due())


def texts(account):
    return sorted(Vector.objects.for_account(account).values_list("digest", flat=True))


def test_an_account_is_due_until_its_vectors_are_complete(account, encoder):
    EntryFactory(account=account, title="Parcel", body="takes days")
    before = is_due(account)

    made = walk(account, encoder)

    assert before
    assert not is_due(account)
    assert len(made) == len(set(made)) >= 1
    assert texts(account) == sorted(digest_of(each) for each in made)


def test_vectors_are_made_once(account, encoder):
    EntryFactory(account=account)
    walk(account, encoder)
    EntryFactory(account=account, title="Card", body="lost")

    made = walk(account, encoder)

    assert made
    assert all("Card" in each for each in made)
    assert walk(account, encoder) == []


def test_a_walk_goes_over_all_pages(account, encoder, monkeypatch):
    monkeypatch.setattr(embeddings, "PAGE", 2)
    for number in range(5):
        EntryFactory(account=account, title=f"Entry {number}", body=f"days {number}")

    walk(account, encoder)

    assert progress(account) == (5, 5)


def test_changed_words_lose_their_vectors(account, encoder):
    entry = EntryFactory(account=account, title="Parcel", body="takes days")
    walk(account, encoder)
    former = texts(account)
    entry.title, entry.body = "Card", "lost"
    entry.save()

    walk(account, encoder)

    assert not set(former) & set(texts(account))


def test_approved_questions_get_vectors_and_others_do_not(account, encoder):
    entry = EntryFactory(account=account)
    for status in Example.Status.values:
        entry.examples.create(
            text=f"where is my card {status}",
            digest=status,
            origin=Example.Origin.CONFIRMED,
            status=status,
        )

    made = walk(account, encoder)

    assert "where is my card approved" in made
    assert not {"where is my card proposed", "where is my card rejected"} & set(made)


def test_another_encoder_begins_anew(account, encoder, settings, tmp_path):
    EntryFactory(account=account)
    walk(account, encoder)
    use(settings, write_encoder(tmp_path / "second", seed=1))
    second = embedders.current()
    embeddings.adopt(second.key)
    was_due = is_due(account)

    walk(account, second)

    assert was_due
    assert set(Vector.objects.values_list("model", flat=True)) == {second.key}


def test_a_walk_does_not_end_for_a_version_that_has_passed(account, encoder):
    EntryFactory(account=account)
    embeddings.adopt(encoder.key)
    account.refresh_from_db()
    version = account.knowledge_version
    EntryFactory(account=account)

    assert not embeddings.finish(account.pk, version, encoder.key, has_new=True)
    assert is_due(account)


def test_new_vectors_make_a_new_version_and_none_do_not(account, encoder):
    entry = EntryFactory(account=account)
    account.refresh_from_db()
    before = account.knowledge_version

    walk(account, encoder)
    account.refresh_from_db()
    with_new = account.knowledge_version
    entry.tags = ["new"]
    entry.save()
    walk(account, encoder)

    account.refresh_from_db()
    assert with_new == before + 1
    assert account.knowledge_version == with_new + 1
    assert not is_due(account)


def test_vectors_of_an_entry_that_has_gone_are_not_stored(account, encoder):
    entry = EntryFactory(account=account)
    page = embeddings.look(account.pk, encoder, after=0, in_detail=True)
    entry.delete()

    rows = encoder.embed([each.text for each in page.missing])
    embeddings.store(encoder.key, page.missing, rows)

    assert not Vector.objects.exists()


def test_vectors_go_with_their_entry(account, encoder):
    entry = EntryFactory(account=account)
    walk(account, encoder)

    entry.delete()

    assert not Vector.objects.exists()


def test_archived_entries_leave_the_index_at_once_and_the_vectors_soon(
    account, encoder
):
    entry = EntryFactory(account=account, title="Parcel", body="takes days")
    EntryFactory(account=account, title="Card", body="lost")
    walk(account, encoder)
    set_status([entry], status=Entry.Status.ARCHIVED)

    index = search.load(account.pk)
    walk(account, encoder)

    assert [each.title for each in index.documents] == ["Card"]
    assert index.wants_vector
    assert not Vector.objects.filter(entry=entry).exists()


def test_an_index_is_lexical_until_its_vectors_are_there(account, encoder):
    for number in range(3):
        EntryFactory(account=account, title=f"Card {number}", body="lost")
    before = search.load(account.pk)

    walk(account, encoder)

    assert not before.wants_vector
    assert before.search("card lost").hits
    assert search.load(account.pk).wants_vector


def test_one_new_entry_among_many_does_not_put_out_the_vectors(account, encoder):
    for number in range(30):
        EntryFactory(account=account, title=f"Card {number}", body="lost")
    walk(account, encoder)

    EntryFactory(account=account, title="Parcel", body="takes days")

    index = search.load(account.pk)
    assert index.wants_vector
    assert index.search("parcel").hits[0].document.title == "Parcel"


def test_vectors_of_another_encoder_are_not_used(account, encoder):
    entry = EntryFactory(account=account)
    walk(account, encoder)

    Vector.objects.filter(entry=entry).update(model=MODEL)
    Account.objects.filter(pk=account.pk).update(knowledge_version=99)

    assert not search.load(account.pk).wants_vector


def test_stored_vectors_are_those_of_the_encoder_to_three_digits(account, encoder):
    entry = EntryFactory(account=account, title="Parcel", body="takes days")
    (text, *_) = walk(account, encoder)
    vectors = Vectors(encoder, in_detail=True)

    vectors.read(documents_of(entry))

    assert np.abs(vectors[text] - encoder.embed([text])[0]).max() < 1e-3
    assert next(iter(vectors.values())).shape == (CONFIG["hidden_size"],)
    assert vectors.get("another text") is None
    assert text in vectors


def test_accounts_have_vectors_of_their_own(account, charlie, encoder):
    other = charlie.accounts.get()
    EntryFactory(account=account, title="Parcel")
    EntryFactory(account=other, title="Parcel")

    walk(account, encoder)

    assert not texts(other)
    assert is_due(other)
    assert not search.load(other.pk).wants_vector


def test_what_the_encoder_cannot_read_gets_no_vectors(account, settings, tmp_path):
    use(settings, write_encoder(tmp_path / "tiny"), ["en"])
    EntryFactory(account=account, title="Card", body="lost", lang="en-GB")
    EntryFactory(account=account, title="Илгээмж", body="гурван хоног", lang="mn")
    EntryFactory(account=account, title="Буцаалт", body="арван хоногт авна", lang="")

    made = walk(account, embedders.current())

    assert made
    assert all("Card" in each for each in made)
    assert search.load(account.pk).wants_vector


def test_without_an_encoder_indexes_are_lexical(account, settings):
    settings.EMBEDDINGS = "local"
    settings.EMBEDDINGS_FOLDER = "/nowhere"
    EntryFactory(account=account, title="Card", body="lost")

    index = search.load(account.pk)

    assert not index.wants_vector
    assert index.search("lost card").hits


def test_forgotten_vectors_are_made_again(account, encoder):
    EntryFactory(account=account)
    walk(account, encoder)

    embeddings.forget([account])

    assert not texts(account)
    assert is_due(account)
    assert walk(account, encoder)


def test_a_walk_may_make_all_vectors_again(account, encoder):
    EntryFactory(account=account)
    walk(account, encoder)
    Vector.objects.update(data=b"\0" * 32)

    walk(account, encoder, again=True)

    assert all(any(data) for data in Vector.objects.values_list("data", flat=True))
