"""The background work: vectors appear by themselves, fairly, and after failures."""

import json
import time

import httpx2
import pytest

from accounts.models import Account
from accounts.tests.factories import AccountFactory
from core import work
from core.tests.network import eventually
from knowledge import embeddings, search
from knowledge.models import Vector
from knowledge.tests.encoders import write_encoder
from knowledge.tests.factories import EntryFactory
from knowledge.tests.test_embeddings import progress


@pytest.fixture
def local(settings, tmp_path):
    pytest.importorskip("tokenizers")
    settings.EMBEDDINGS_FOLDER = str(write_encoder(tmp_path / "tiny"))
    # Last: the engine runs already, and would take up the packaged one.
    settings.EMBEDDINGS = "local"


@pytest.fixture
def service(settings, network):
    """An encoder at the other end of a line, answering with `network`'s answers."""
    settings.EMBEDDINGS_API_KEY = "key"
    settings.EMBEDDINGS_BASE_URL = "http://127.0.0.1:9/v1"
    settings.EMBEDDINGS_MODEL = "tiny"
    settings.EMBEDDINGS = "openai"
    return network


def vectors(request):
    """One vector for each text of the request."""
    texts = json.loads(request.content)["input"]
    data = [{"index": place, "embedding": [1.0, 0.0]} for place in range(len(texts))]
    return httpx2.Response(200, json={"data": data})


def is_complete(account):
    return account.pk not in dict(embeddings.due())


def test_new_knowledge_gets_vectors_by_itself(engine, local, account):
    EntryFactory(account=account, title="Parcel", body="takes days")

    eventually(lambda: is_complete(account))

    assert Vector.objects.for_account(account).exists()
    assert search.load(account.pk).wants_vector


def test_an_account_that_came_later_gets_vectors_too(engine, local, account):
    EntryFactory(account=account)
    eventually(lambda: is_complete(account))

    later = AccountFactory()
    EntryFactory(account=later)

    eventually(lambda: is_complete(later))
    assert search.load(later.pk).wants_vector


def test_an_index_that_was_loaded_before_is_old_when_vectors_are_there(
    engine, local, account
):
    EntryFactory(account=account)
    search.load(account.pk)
    eventually(lambda: is_complete(account))

    account.refresh_from_db()
    kept = search.peek(account.pk, account.knowledge_version)

    assert kept is None or kept.wants_vector


def test_changed_settings_are_taken_up_while_it_runs(
    engine, local, account, settings, tmp_path
):
    EntryFactory(account=account)
    eventually(lambda: is_complete(account))
    (first,) = Account.objects.values_list("vectors_model", flat=True)

    settings.EMBEDDINGS_FOLDER = str(write_encoder(tmp_path / "other", seed=1))

    def is_changed():
        models = set(Vector.objects.values_list("model", flat=True))
        return len(models) == 1 and first not in models

    eventually(lambda: is_changed() and is_complete(account))


def test_a_small_account_does_not_wait_for_a_large_one(
    transactional_db, local, account, monkeypatch
):
    monkeypatch.setattr(embeddings, "PAGE", 2)
    small = AccountFactory()
    for number in range(40):
        EntryFactory(account=account, title=f"Card {number}")
    EntryFactory(account=small)

    try:
        work.start()
        eventually(lambda: is_complete(small))
        made = progress(account)[0]
    finally:
        work.stop()

    assert made < 40


def test_work_goes_on_where_it_was_stopped(transactional_db, service, account):
    """The second start asks for what the first one did not get."""
    service.answer(vectors, 503)
    for number in range(70):
        EntryFactory(account=account, title=f"Card {number}", body="lost")
    work.start()
    try:
        eventually(lambda: len(service.requests) >= 2)
    finally:
        work.stop()
    kept = Vector.objects.count()
    asked = len(service.requests)
    service.answer(*[vectors] * 10)

    work.start()
    try:
        eventually(lambda: is_complete(account))
    finally:
        work.stop()

    again = [text for body in service.bodies()[asked:] for text in body["input"]]
    assert kept > 0
    assert len(again) == len(set(again))
    assert Vector.objects.count() == kept + len(again)


def test_a_refused_account_rests_and_the_next_one_is_served(
    transactional_db, service, account, caplog
):
    other = AccountFactory()
    EntryFactory(account=account)
    EntryFactory(account=other)
    service.answer(400, vectors)

    work.start()
    try:
        eventually(lambda: is_complete(other))
    finally:
        work.stop()

    assert not is_complete(account)
    assert f"account {account.pk}" in caplog.text


def test_a_service_that_refuses_the_key_is_left_alone(
    transactional_db, service, account
):
    for _ in range(3):
        EntryFactory(account=AccountFactory())
    service.answer(401, *[vectors] * 5)

    work.start()
    try:
        eventually(lambda: service.requests)
        time.sleep(3 * work.SWEEP_S)
    finally:
        work.stop()

    assert len(service.requests) == 1


def test_nothing_is_made_where_vectors_are_off(engine, account):
    EntryFactory(account=account)

    assert not is_complete(account)
    assert not Vector.objects.exists()
