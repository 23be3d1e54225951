"""The examples of the REST API's document, as written, against the running service.

What differs is where the service listens, its token, and ids that exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from conversations.tests.browser import Service, running_service

if TYPE_CHECKING:
    from collections.abc import Iterator


class Requests:
    """Sends as the `requests` of the examples does: a dict becomes a form."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ids: dict[str, str] = {}

    def get(self, url: str, headers: dict[str, str]) -> httpx2.Response:
        return self._send("GET", url, None, headers)

    def post(
        self, url: str, data: dict[str, Any], headers: dict[str, str]
    ) -> httpx2.Response:
        return self._send("POST", url, data, headers)

    def put(
        self, url: str, data: dict[str, Any], headers: dict[str, str]
    ) -> httpx2.Response:
        return self._send("PUT", url, data, headers)

    def _send(
        self, method: str, url: str, data: Any, headers: dict[str, str]
    ) -> httpx2.Response:
        assert headers["Authorization"] in (
            "Bearer your_token", "Bearer your_admin_token",
        )  # fmt: skip
        own = {"Authorization": f"Bearer {self.service.token}"}
        place = self._real(url).replace("http://localhost:8000", self.service.url)
        return httpx2.request(
            method, place, data=data and self._real(data), headers=own, timeout=60
        )

    def _real(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._real(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._real(each) for each in value]
        for made_up, real in self.ids.items():
            value = value.replace(made_up, real)
        return value


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Requests]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        made = Requests(service)
        for name in ("def456", "ghi789", "abc123"):
            asked = made.post(
                "http://localhost:8000/api/v1/ai/ask/",
                {"question": "Hello", "customer_id": f"{name}@example.com"},
                headers={"Authorization": "Bearer your_token"},
            )
            session = asked.json()["session_id"]
            shown = made.get(
                f"http://localhost:8000/api/v1/ai/sessions/{session}/",
                headers={"Authorization": "Bearer your_token"},
            ).json()
            made.ids[name] = shown["conversation_id"]
            if name == "abc123":
                made.ids = {"msg_abc123": session, **made.ids}
        yield made


def test_basic_question_and_answer(requests: Requests) -> None:
    response = requests.post('http://localhost:8000/api/v1/ai/ask/', {
        'question': 'What are your prices?',
        'customer_id': 'test@example.com'
    }, headers={'Authorization': 'Bearer your_token'})  # fmt: skip

    assert response.status_code == 200
    found = response.json()
    assert found["customer_id"] == "test@example.com"
    assert found["question"] == "What are your prices?"
    assert found["answer"]


def test_send_message_to_session(requests: Requests) -> None:
    response = requests.post(
        'http://localhost:8000/api/v1/ai/sessions/msg_abc123/send/',
        {'message': 'Can you tell me more about your services?'},
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip

    assert response.status_code == 200
    assert response.json()["session_id"] == requests.ids["msg_abc123"]
    assert response.json()["message"] == "Can you tell me more about your services?"


def test_get_chat_analytics(requests: Requests) -> None:
    response = requests.get(
        'http://localhost:8000/api/v1/ai/analytics/',
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip

    assert response.status_code == 200
    # They are counted once a minute.
    assert response.json()["conversations"]["began"] >= 0


def test_get_user_usage_statistics(requests: Requests) -> None:
    # Get usage stats for last 30 days
    response = requests.get(
        'http://localhost:8000/api/v1/ai/usage/stats/',
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert (response.status_code, response.json()["days"]) == (200, 30)

    # Get usage stats for specific period
    response = requests.get(
        'http://localhost:8000/api/v1/ai/usage/stats/?days=7',
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert (response.status_code, response.json()["days"]) == (200, 7)


def test_get_global_usage_statistics(requests: Requests) -> None:
    response = requests.get(
        'http://localhost:8000/api/v1/ai/usage/global/',
        headers={'Authorization': 'Bearer your_admin_token'}
    )  # fmt: skip

    assert response.status_code == 200
    assert set(response.json()) >= {"total", "by_account"}


def test_manage_conversation_status(requests: Requests) -> None:
    # Get conversation status
    response = requests.get(
        'http://localhost:8000/api/v1/ai/conversations/abc123/status/',
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert response.status_code == 200
    assert response.json()["conversation_id"] == requests.ids["abc123"]

    # Switch conversation to AI handling
    response = requests.put(
        'http://localhost:8000/api/v1/ai/conversations/abc123/status/',
        {'status': 'active'},
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert (response.status_code, response.json()["status"]) == (200, "active")

    # Switch conversation to manual handling
    response = requests.put(
        'http://localhost:8000/api/v1/ai/conversations/abc123/status/',
        {'status': 'support_active'},
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert (response.status_code, response.json()["status"]) == (200, "support_active")

    # Bulk update multiple conversations
    response = requests.put(
        'http://localhost:8000/api/v1/ai/conversations/bulk-status/',
        {
            'conversation_ids': ['abc123', 'def456', 'ghi789'],
            'status': 'active'
        },
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert response.status_code == 200
    assert response.json()["updated"] == 3
    assert [each["conversation_id"] for each in response.json()["results"]] == [
        requests.ids[name] for name in ("abc123", "def456", "ghi789")
    ]


def test_manage_user_default_handler(requests: Requests) -> None:
    # Get user's default handler setting
    response = requests.get(
        'http://localhost:8000/api/v1/ai/default-handler/',
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert response.json() == {"default_reply_handler": "AI"}

    # Set user's default handler to AI
    response = requests.put(
        'http://localhost:8000/api/v1/ai/default-handler/',
        {'default_reply_handler': 'AI'},
        headers={'Authorization': 'Bearer your_token'}
    )  # fmt: skip
    assert (response.status_code, response.json()) == (
        200, {"default_reply_handler": "AI"},
    )  # fmt: skip


def test_the_documented_request_and_reply(requests: Requests) -> None:
    """The JSON of the section on questions and answers."""
    response = httpx2.post(
        f"{requests.service.url}/api/v1/ai/ask/",
        json={
            "question": "What are your business hours?",
            "customer_id": "customer@example.com",
        },
        headers={"Authorization": f"Bearer {requests.service.token}"},
        timeout=60,
    )

    assert response.status_code == 200
    assert {name: type(value) for name, value in response.json().items()} == {
        "session_id": str,
        "customer_id": str,
        "question": str,
        "answer": str,
        "response_time_ms": int,
        "success": bool,
        "auto_response_generated": bool,
    }
    assert response.json()["session_id"].startswith("msg_")
