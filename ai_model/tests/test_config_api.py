"""The assistant's configuration over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from ai_model import usage
from ai_model.metering import Call, Meter
from ai_model.models import Assistant, Calibration, Prompt
from ai_model.services import save_prompt
from ai_model.tests.test_status_api import client_of

if TYPE_CHECKING:
    from accounts.models import Account, User

pytestmark = pytest.mark.django_db

CONFIG = "/api/v1/ai/config/"
DEFAULTS = {
    "auto_response_enabled": True,
    "provider_chain": ["gemini", "openai", "local"],
    "model_name": "gemini-3.5-flash-lite",
    "model_names": {},
    "temperature": 0.2,
    "max_tokens": 800,
    "confidence_threshold": None,
    "wrong_answer_budget": None,
    "handoff_phrases": [],
    "tone": "neutral",
    "languages": [],
    "fallback_language": "",
    "discloses_ai": True,
    "greeting_texts": {},
    "disclosure_texts": {},
    "outside_texts": {},
    "business_hours": {},
    "special_days": {},
    "time_zone": "UTC",
    "outside_hours": "hand_over",
    "makes_questions": False,
    "daily_cost_limit_usd": None,
    "monthly_cost_limit_usd": None,
    "daily_token_limit": None,
    "monthly_token_limit": None,
    "daily_request_limit": None,
    "monthly_request_limit": None,
    "limit_warning": 0.8,
    "prompts": {
        "manual_prompt": "",
        "knowledge_source": "",
        "product_service": "",
        "question_answer": "",
    },
}
READ_ONLY = {
    "effective_threshold",
    "api_key_configured",
    "obstacle",
    "providers",
    "spending",
    "models_without_price",
}
HOURS = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}


def send(user: User, method: str, payload: Any) -> Any:
    if isinstance(payload, str):
        form = "application/x-www-form-urlencoded"
        return client_of(user).generic(method, CONFIG, payload, content_type=form)
    return getattr(client_of(user), method.lower())(CONFIG, payload, format="json")


def test_a_new_account_has_our_defaults(bob: User, account: Account) -> None:
    found = client_of(bob).get(CONFIG)

    assert found.status_code == 200
    assert set(found.json()) == set(DEFAULTS) | READ_ONLY
    assert DEFAULTS.items() <= found.json().items()
    assert found.json()["obstacle"] == ""
    assert found.json()["api_key_configured"] is False
    assert found.json()["providers"] == [
        {"key": "gemini", "is_configured": False, "is_failing": False},
        {"key": "openai", "is_configured": False, "is_failing": False},
        {"key": "local", "is_configured": True, "is_failing": False},
    ]
    assert not Assistant.objects.exists()


def test_a_patch_changes_what_it_names(alice: User, account: Account) -> None:
    Assistant.objects.create(account=account, temperature=0.9, phrases=["boss"])
    save_prompt(account=account, kind="manual", text="Be kind.")
    save_prompt(account=account, kind="product", text="Tents.")

    found = send(
        alice,
        "PATCH",
        {
            "auto_response_enabled": False,
            "model_name": "gemini-3.5-pro",
            "business_hours": HOURS,
            "prompts": {"manual_prompt": "Be brief.", "product_service": "Tents."},
        },
    )

    assert found.status_code == 200
    expected = {
        **DEFAULTS,
        "auto_response_enabled": False,
        "model_name": "gemini-3.5-pro",
        "model_names": {"gemini": "gemini-3.5-pro"},
        "temperature": 0.9,
        "handoff_phrases": ["boss"],
        "business_hours": HOURS,
        "prompts": {
            **DEFAULTS["prompts"],  # type: ignore[dict-item]
            "manual_prompt": "Be brief.",
            "product_service": "Tents.",
        },
    }
    assert expected.items() <= found.json().items()
    assert found.json()["obstacle"] == "auto_response_off"
    assert client_of(alice).get(CONFIG).json() == found.json()
    assert list(
        Prompt.objects.order_by("id").values_list("kind", "version", "author")
    ) == [("manual", 1, None), ("product", 1, None), ("manual", 2, alice.pk)]


def test_a_put_replaces_everything(alice: User, account: Account) -> None:
    Assistant.objects.create(
        account=account, temperature=0.9, auto_response=False, phrases=["boss"],
        model_names={"gemini": "x"}, business_hours=HOURS, threshold=0.7,
    )  # fmt: skip
    save_prompt(account=account, kind="manual", text="Be kind.")

    found = send(alice, "PUT", {"max_tokens": 300})

    assert found.status_code == 200
    assert ({**DEFAULTS, "max_tokens": 300}).items() <= found.json().items()
    assert Assistant.objects.count() == 1
    # What a prompt said before can still be read.
    assert list(Prompt.objects.values_list("version", "text").order_by("version")) == [
        (1, "Be kind."), (2, ""),
    ]  # fmt: skip


def test_what_is_read_can_be_put_back(alice: User, account: Account) -> None:
    send(alice, "PATCH", {"temperature": 0.5, "business_hours": HOURS})
    before = client_of(alice).get(CONFIG).json()

    found = send(alice, "PUT", before)

    assert found.status_code == 200
    assert found.json() == before


def test_forms_are_read_too(alice: User, account: Account) -> None:
    """And what a form does not name is not switched off by it."""
    form = (
        "temperature=0.7&provider_chain=openai&provider_chain=local"
        "&business_hours=%7B%22sat%22%3A%5B%5B%2209%3A00%22%2C%2217%3A00%22%5D%5D%7D"
        "&prompts.manual_prompt=Be+kind."
    )

    found = send(alice, "PATCH", form).json()

    assert found["temperature"] == 0.7
    assert found["provider_chain"] == ["openai", "local"]
    assert found["business_hours"] == {"sat": [["09:00", "17:00"]]}
    assert found["prompts"]["manual_prompt"] == "Be kind."
    assert found["auto_response_enabled"] is True
    assert send(alice, "PUT", form).json() == found


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"max_tokens": 10}, "max_tokens"),
        ({"provider_chain": []}, "provider_chain"),
        ({"provider_chain": ["pigeon"]}, "provider_chain"),
        ({"confidence_threshold": -1}, "confidence_threshold"),
        ({"wrong_answer_budget": 0.9}, "wrong_answer_budget"),
        ({"daily_cost_limit_usd": "-1"}, "daily_cost_limit_usd"),
        ({"daily_cost_limit_usd": "much"}, "daily_cost_limit_usd"),
        ({"monthly_cost_limit_usd": "0.00001"}, "monthly_cost_limit_usd"),
        ({"daily_token_limit": 1.5}, "daily_token_limit"),
        ({"monthly_token_limit": -1}, "monthly_token_limit"),
        ({"monthly_request_limit": 10**16}, "monthly_request_limit"),
        ({"limit_warning": 80}, "limit_warning"),
        ({"model_name": "gemini-1.5-flash"}, "model_name"),
        ({"model_names": {"gemini": "gemini-1.5-flash"}}, "model_names"),
        ({"model_names": {"pigeon": "x"}}, "model_names"),
        ({"model_names": ["x"]}, "model_names"),
        ({"provider_chain": ["local"], "model_name": "x"}, "model_name"),
        ({"business_hours": {"mon": "always"}}, "business_hours"),
        ({"business_hours": []}, "business_hours"),
        ({"business_hours": {"mon": []}}, "business_hours"),
        ({"business_hours": {"mon": [["09:00+02:00", "17:00"]]}}, "business_hours"),
        ({"business_hours": {"mon": [["09:00Z", "17:00Z"]]}}, "business_hours"),
        ({"business_hours": {"mon": [["09:00:30", "17:00"]]}}, "business_hours"),
        ({"special_days": {"12-25": "closed"}}, "special_days"),
        ({"special_days": {"12-25": [["09:00", "12:00Z"]]}}, "special_days"),
        ({"outside_hours": "sleep"}, "outside_hours"),
        ({"tone": "rude"}, "tone"),
        ({"languages": ["en"], "fallback_language": "mn"}, "fallback_language"),
        ({"languages": ["tlh"]}, "languages"),
        ({"greeting_texts": {"en": 5}}, "greeting_texts"),
        ({"greeting_texts": {"en": "Hel\0lo"}}, "greeting_texts"),
        ({"model_names": {"openai": "gpt\0"}}, "model_names"),
        ({"auto_response_enabled": "perhaps"}, "auto_response_enabled"),
        ({"handoff_phrases": [""]}, "handoff_phrases"),
        ({"prompts": {"manual_prompt": "x" * 20_001}}, "prompts"),
        ({"prompts": "x"}, "prompts"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_wrong_is_named_and_nothing_is_changed(
    alice: User, account: Account, method: str, payload: dict[str, Any], field: str
) -> None:
    Assistant.objects.create(account=account, temperature=0.9)

    found = send(alice, method, {"makes_questions": True, **payload})

    assert found.status_code == 400
    assert list(found.json()["fields"]) == [field]
    row = Assistant.objects.get()
    assert (row.temperature, row.makes_questions) == (0.9, False)


@pytest.mark.parametrize(
    "field", ["greeting_texts", "disclosure_texts", "outside_texts"]
)
def test_a_text_that_customers_get_may_not_be_endless(alice: User, field: str) -> None:
    found = send(alice, "PATCH", {field: {"en": "Hello", "mn": "x" * 1001}})

    assert found.status_code == 400
    assert list(found.json()["fields"]) == [field]
    assert not Assistant.objects.exists()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_text_from_before_there_was_a_limit_may_stay(
    alice: User, account: Account, method: str
) -> None:
    texts = {"en": "x" * 20_000}
    Assistant.objects.create(account=account, greeting_texts=texts)

    kept = send(alice, method, {"greeting_texts": texts, "tone": "formal"})
    longer = send(alice, method, {"greeting_texts": {"en": "x" * 20_001}})
    shorter = send(alice, method, {"greeting_texts": {"en": "x" * 1000}})

    assert (kept.status_code, kept.json()["tone"]) == (200, "formal")
    assert longer.status_code == 400
    assert "at most 1000 characters" in longer.json()["detail"]
    assert shorter.status_code == 200


def test_an_object_in_a_form_may_not_be_endless(alice: User) -> None:
    found = send(alice, "PATCH", "business_hours=" + "[" * 100_000)

    assert found.status_code == 400
    assert list(found.json()["fields"]) == ["business_hours"]


@pytest.mark.parametrize(
    "body", ['{"outside_texts": {"en": "\\ud800"}}', "[" * 100_000], ids=len
)
def test_json_that_nothing_can_keep_is_refused(alice: User, body: str) -> None:
    found = client_of(alice).generic(
        "PATCH", CONFIG, body, content_type="application/json"
    )

    assert found.status_code == 400


def test_a_retired_model_is_refused_with_its_successor(
    alice: User, account: Account
) -> None:
    found = send(alice, "PATCH", {"model_name": "gemini-1.5-flash"})

    assert "was retired on" in found.json()["detail"]
    assert "Use gemini-" in found.json()["detail"]


def test_a_new_budget_has_its_threshold_at_once(alice: User, account: Account) -> None:
    found = send(alice, "PATCH", {"wrong_answer_budget": 0.05}).json()

    assert Calibration.objects.get().budget == 0.05
    assert found["effective_threshold"] == Calibration.objects.get().threshold


def test_only_an_owner_configures(alice: User, bob: User, account: Account) -> None:
    assert send(bob, "PATCH", {"temperature": 0.5}).status_code == 403
    assert send(bob, "PUT", {"temperature": 0.5}).status_code == 403
    assert client_of(None).get(CONFIG).status_code == 401
    assert client_of(alice).delete(CONFIG).status_code == 405


def test_everybody_has_the_configuration_of_their_own_account(
    alice: User, charlie: User, account: Account
) -> None:
    send(alice, "PATCH", {"temperature": 0.5})
    send(charlie, "PATCH", {"temperature": 0.6})

    assert client_of(alice).get(CONFIG).json()["temperature"] == 0.5
    assert client_of(charlie).get(CONFIG).json()["temperature"] == 0.6


def test_spending_limits_are_set_and_shown_as_they_stand(
    alice: User, account: Account, settings: Any
) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_MODEL = "key", "llama-of-our-own"
    meter = Meter(account.pk)
    meter.count(Call("openai", "gpt-6-luna", "", 8_000_000, 0))
    usage.settle([meter])

    found = send(
        alice, "PATCH", {"daily_cost_limit_usd": "1", "monthly_request_limit": 500}
    ).json()

    today = timezone.now().date()
    assert found["daily_cost_limit_usd"] == "1.0000"
    assert found["models_without_price"] == ["llama-of-our-own"]
    assert found["spending"] == [
        {
            "period": "day", "unit": "cost", "since": str(today), "limit": "1.000000",
            "spent": "0.800000", "reserved": "0.000000", "share": 0.8, "state": "warning",
        },
        {
            "period": "month", "unit": "requests", "since": str(today.replace(day=1)),
            "limit": "500.000000", "spent": "1.000000", "reserved": "0.000000",
            "share": 0.002, "state": "ok",
        },
    ]  # fmt: skip


def test_the_largest_limit_can_be_set_and_read(alice: User, account: Account) -> None:
    largest = 10**15

    answer = send(alice, "PATCH", {"daily_request_limit": largest})

    assert answer.status_code == 200
    (standing,) = answer.json()["spending"]
    assert standing["limit"] == f"{largest}.000000"


def test_a_limit_is_taken_away_by_null_and_by_a_put(alice: User) -> None:
    send(alice, "PATCH", {"daily_request_limit": 5, "daily_token_limit": 9})
    first = send(alice, "PATCH", {"daily_token_limit": None}).json()
    second = send(alice, "PUT", {}).json()

    assert (first["daily_request_limit"], first["daily_token_limit"]) == (5, None)
    assert second["daily_request_limit"] is None
