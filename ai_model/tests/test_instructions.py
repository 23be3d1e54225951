"""Instructions for Kommo's chats: shared by all, an account's own, and their versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from accounts.services import create_token
from ai_model import instructions
from ai_model.models import Assistant, Prompt, PromptDraft, Turn
from ai_model.services import save_prompt
from ai_model.tests import loopback
from ai_model.tests.loopback import ModelServer
from ai_model.tests.test_answering import drafted
from conversations.tests.acting import say
from core.tests.asgi import call
from core.tests.network import eventually
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from accounts.models import Account, User
    from integrations.models import Channel
    from integrations.rehearsal.kommo import KommoServer

QUESTION = "How long does delivery take?"
BODY = "Delivery takes three working days."
OWN = "Sign every answer with a smile."


@pytest.fixture
def model(settings: Any, account: Account) -> Iterator[ModelServer]:
    EntryFactory(account=account, title=QUESTION, body=BODY)
    Assistant.objects.create(account=account, chain=["openai"], threshold=0.1)
    with ModelServer() as running:
        settings.OPENAI_API_KEY = "key-1"
        settings.OPENAI_BASE_URL = f"{running.url}/v1"
        running.script(loopback.answer(text=drafted("Three days.", quote=BODY)))
        yield running


def ask(kommo: KommoServer, channel: Channel) -> None:
    answer = call(channel.webhook_path, json.dumps(kommo.call(QUESTION)).encode())
    assert answer.status == 200


def told(model: ModelServer) -> str:
    """All that the model was last told."""
    eventually(lambda: model.requests)
    return json.dumps(model.requests[-1].body, ensure_ascii=False)


@pytest.mark.usefixtures("engine")
def test_the_model_is_told_what_all_share(
    model: ModelServer, kommo: KommoServer, kommo_channel: Channel
) -> None:
    ask(kommo, kommo_channel)

    assert "Your words arrive in a messenger." in told(model)
    turn = eventually(Turn.objects.first)
    assert turn.prompt_versions == {"kommo": instructions.SHARED}


@pytest.mark.usefixtures("engine")
def test_an_accounts_own_instructions_take_their_place(
    model: ModelServer, kommo: KommoServer, kommo_channel: Channel, account: Account
) -> None:
    save_prompt(account=account, kind="kommo", text=OWN)

    ask(kommo, kommo_channel)

    assert OWN in told(model)
    assert "Your words arrive in a messenger." not in told(model)
    assert eventually(Turn.objects.first).prompt_versions == {"kommo": 1}


@pytest.mark.usefixtures("engine")
def test_other_channels_are_told_nothing_of_it(
    model: ModelServer, channel: Channel, account: Account
) -> None:
    save_prompt(account=account, kind="kommo", text=OWN)

    say(channel, QUESTION)

    assert OWN not in told(model)
    assert "arrive in a messenger" not in told(model)


@pytest.mark.usefixtures("engine")
def test_the_test_chat_is_told_it_too(
    model: ModelServer, account: Account, bob: User
) -> None:
    save_prompt(account=account, kind="kommo", text=OWN)
    body = json.dumps({"message": QUESTION}).encode()
    headers = {
        "authorization": f"Bearer {create_token(user=bob, account=account)}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }

    answer: Any = call("/api/kommo/chat/test", body, headers=headers).json

    assert "Three days." in answer["reply"]
    assert OWN in told(model)


@pytest.mark.django_db
def test_the_operator_may_replace_what_all_share() -> None:
    assert "messenger" in instructions.shared()
    path = instructions.operators_file()
    path.parent.mkdir()

    path.write_text("Say little.\n")

    assert instructions.shared() == "Say little."
    (found,) = instructions.told([], "kommo")
    assert (found.text, found.version) == ("Say little.", instructions.SHARED)
    # What is stored as JSON takes plain texts for keys.
    assert type(found.kind) is str
    assert instructions.told([], "web") == []


class TestPage:
    """The portal's tab."""

    @pytest.fixture
    def path(self, client: Client, alice: User, kommo_channel: Channel) -> str:
        client.force_login(alice)
        return reverse(
            "portal-page", args=["kommo", kommo_channel.uuid, "instructions"]
        )

    def test_a_draft_changes_nothing_before_it_is_published(
        self, client: Client, path: str
    ) -> None:
        client.post(path, {"step": "keep_draft", "text": OWN})

        html = client.get(path).content.decode()
        assert 'data-in-force="shared"' in html
        assert f"<ins>{OWN}</ins>" in html
        assert not Prompt.objects.exists()

        client.post(path, {"step": "publish", "text": f"{OWN} Always."})

        assert 'data-in-force="own"' in client.get(path).content.decode()
        assert Prompt.objects.get(kind="kommo").text == f"{OWN} Always."
        assert not PromptDraft.objects.exists()

    def test_one_click_goes_back_to_what_all_share_and_one_returns(
        self, client: Client, path: str, account: Account, alice: User
    ) -> None:
        save_prompt(account=account, kind="kommo", text=OWN)

        client.post(path, {"step": "use_shared"})

        assert 'data-in-force="shared"' in client.get(path).content.decode()
        versions = Prompt.objects.order_by("version")
        assert [each.text for each in versions] == [OWN, ""]
        assert versions[1].author == alice

        client.post(path, {"step": "use_version", "version": "1"})
        assert [each.text for each in versions.all()] == [OWN, "", OWN]

    def test_a_draft_can_be_thrown_away(self, client: Client, path: str) -> None:
        client.post(path, {"step": "keep_draft", "text": OWN})
        client.post(path, {"step": "drop_draft"})

        assert not PromptDraft.objects.exists()

    def test_a_version_that_is_not_there_is_refused(
        self, client: Client, path: str, charlie: User
    ) -> None:
        save_prompt(account=charlie.accounts.get(), kind="kommo", text="Foreign")

        for version in ("1", "x"):
            html = client.post(path, {"step": "use_version", "version": version})
            assert "There is no such version." in html.content.decode()
        assert "Foreign" not in client.get(path).content.decode()

    def test_it_is_for_owners(
        self, client: Client, path: str, bob: User, charlie: User
    ) -> None:
        for person, status in ((bob, 403), (charlie, 404)):
            client.force_login(person)
            assert client.get(path).status_code == status
            assert client.post(path, {"step": "use_shared"}).status_code == status
        client.logout()
        assert client.get(path)["Location"].startswith("/login/")
