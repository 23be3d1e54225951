"""Every endpoint of the chat contract under every abuse: JSON that says what is wrong."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from conversations.models import Contact, Conversation, Message
from core.tests.asgi import Answer, call
from feedback.models import Feedback

pytestmark = pytest.mark.django_db
#: For what only a look into the database refuses.
COMMITTED = pytest.mark.django_db(transaction=True)

JSON = "application/json"
PERSON = {
    "agent_id": "crm_user_456",
    "email": "jane@company.com",
    "name": "Jane Smith",
    "full_name": "Jane Smith",
    "agency": "Sales",
    "office": "Cape Town",
}
ASK = {"message": "Hello", "session_id": "customer-session-1", "user_info": PERSON}
RATE = {
    "message_id": "1",
    "session_id": "customer-session-1",
    "feedback_type": "helpful",
    "query": "Hello",
    "response": "Hello!",
    "agent_type": "customer",
    "user_info": PERSON,
}
#: Paths that take a body, with one that is right.
BODIES = {"/api/agent/customer/": ASK, "/api/feedback": RATE}
READS = ["/api/health", f"/api/chat/{uuid.uuid4()}/messages"]
ALL = [*BODIES, *READS]


@pytest.fixture(autouse=True)
def _channel(channel: Any) -> None:
    """All of it is said to the default channel."""


def refused(answer: Answer, status: int) -> Any:
    """What a refusal says, which is JSON and leaves nothing behind."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == JSON
    said = answer.json
    assert isinstance(said["detail"], str)
    assert said["error"] == said["detail"]
    for model in (Contact, Conversation, Message, Feedback):
        assert not model.objects.exists()
    return said


def send(path: str, body: Any, content_type: str = JSON, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(path, raw, headers={"content-type": content_type, **headers})


NOT_JSON = {
    "nothing": b"",
    "cut off": b'{"message": "Hel',
    "a comma too many": b'{"message": "Hello",}',
    "not UTF-8": b'{"message": "\xff\xfe"}',
    "UTF-16": '{"message": "Hello"}'.encode("utf-16"),
    "a list": b"[]",
    "a text": b'"Hello"',
    "a number": b"1",
    "null": b"null",
    "deep": b'{"a":' * 100_000,
    "a deep list": b"[" * 200_000,
    "a name twice": b'{"message": "a", "message": "b"}',
    "a name twice inside": b'{"user_info": {"agent_id": "a", "agent_id": "b"}}',
    "no number": b'{"confidence_score": NaN}',
    "without end": b'{"confidence_score": -Infinity}',
    "a number of 5,000 digits": b'{"confidence_score": ' + b"1" * 5000 + b"}",
    "a form": b"message=Hello&session_id=1",
}


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("path", BODIES)
def test_what_is_no_json_object_is_refused(path: str, raw: bytes) -> None:
    assert refused(send(path, raw), 400)["code"] == "invalid_payload"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "content_type",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
        "application/jsonp", "application/json; charset=utf-16",
        "application/json; charset=latin-1", "application/json; charset=nonsense",
    ],
)  # fmt: skip
def test_another_content_type_is_refused(path: str, content_type: str) -> None:
    answer = send(path, BODIES[path], content_type)

    assert refused(answer, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8", "application/json;charset=UTF-8",
        'application/json; charset="utf-8"', "Application/JSON", "application/json; v=1",
    ],
)  # fmt: skip
@COMMITTED
def test_json_may_be_named_with_its_charset(content_type: str) -> None:
    # It is read, and turned away only for what it asks for.
    answer = send("/api/feedback", RATE, content_type)

    assert refused(answer, 404)["code"] == "unknown_message"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_body_that_is_too_large_is_refused(path: str, pieces: int) -> None:
    part = b" " * (1024 * 1024 // pieces + 1)

    answer = call(path, [part] * pieces, headers={"content-type": JSON})

    assert refused(answer, 413)["code"] == "too_large"


def fields(shape: dict[str, Any], path: str = "") -> list[str]:
    """The names of all fields of a body, as errors name them."""
    found = []
    for name, value in shape.items():
        if isinstance(value, dict):
            found += fields(value, f"{path}{name}.")
        found.append(f"{path}{name}")
    return found


def changed(shape: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with another value in one place; `...` takes it out."""
    name, _, rest = path.partition(".")
    copy = {**shape, name: changed(shape[name], rest, value) if rest else value}
    return {key: each for key, each in copy.items() if each is not ...}


#: Not looked at by the endpoint, as a rating knows no agency.
_IGNORED = {
    "/api/agent/customer/": {"user_info.full_name"},
    "/api/feedback": {"user_info.name", "user_info.agency", "user_info.office"},
}
FIELDS = [
    (path, name)
    for path, shape in BODIES.items()
    for name in fields(shape)
    if name not in _IGNORED[path]
]
WRONG = {
    "missing": ...,
    "null": None,
    "empty": "",
    "blank": " \n\t",
    "true": True,
    "a list": ["Hello"],
    "an object": {"a": 1},
    "too long": "x" * 60_000,
    "NUL": "a\x00b",
    "half a character": "a\ud800b",
}


@pytest.mark.parametrize(("path", "name"), FIELDS)
def test_a_field_that_is_wrong_is_named(path: str, name: str) -> None:
    for what, value in WRONG.items():
        if name == "user_info" and what == "an object":
            continue
        answer = send(path, changed(BODIES[path], name, value))

        said = refused(answer, 400)
        assert said["code"] == "invalid_payload"
        assert said["detail"].startswith((f"{name}: ", f"{name}.")), what


@pytest.mark.parametrize(("path", "name"), FIELDS)
def test_a_number_is_no_text(path: str, name: str) -> None:
    if name == "message_id":
        return  # CRMs make it out of `Date.now()`
    for value in (7, 7.5, -0.0, 10**30):
        said = refused(send(path, changed(BODIES[path], name, value)), 400)

        assert said["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize(
    "value", ["0.5", "", True, -0.1, 1.1, 10**400, [0.5], {"value": 0.5}], ids=str
)
def test_a_confidence_is_a_number_from_0_to_1(value: Any) -> None:
    answer = send("/api/feedback", {**RATE, "confidence_score": value})

    assert refused(answer, 400)["detail"].startswith("confidence_score: ")


@pytest.mark.parametrize("value", ["Guide", [1], [None], ["a"] * 101, ["x" * 1001], {}])
def test_sources_are_a_list_of_texts(value: Any) -> None:
    answer = send("/api/feedback", {**RATE, "sources_used": value})

    assert refused(answer, 400)["detail"].startswith("sources_used")


@COMMITTED
def test_what_nobody_asked_for_is_not_looked_at() -> None:
    odd = {"\x00": 1, "\ud800": [{}], "__proto__": None, "detail": "x" * 9000}

    assert refused(send("/api/feedback", {**RATE, **odd}), 404)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_taken(path: str, method: str) -> None:
    answer = call(path, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_get_is_taken(path: str, method: str) -> None:
    answer = call(path, b"{}", method=method, headers={"content-type": JSON})

    assert "GET" in answer.headers["allow"]
    assert refused(answer, 405)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/api/agent/customer", "/api/agent/customer/"),
        ("/api/agent/customer//", "/api/agent/customer/"),
        ("/api//agent/customer/", "/api/agent/customer/"),
        ("//api/agent/customer/", "/api/agent/customer/"),
        ("/api/feedback/", "/api/feedback"),
        ("//api//feedback//", "/api/feedback"),
        ("/api/health/", "/api/health"),
        ("//api/health", "/api/health"),
        (f"{READS[1]}/", READS[1]),
    ],
)
def test_a_slash_too_many_or_too_few_is_told(path: str, right: str) -> None:
    for method in ("POST", "GET"):
        answer = call(path, b"{}", method=method, headers={"content-type": JSON})

        said = refused(answer, 404)
        assert said["detail"] == f"There is no {path}. The path is {right}."


@pytest.mark.parametrize(
    "path",
    [
        "/api", "/api/", "/api/agent/", "/api/agent", "/api/agent/a/b/", "/api/nothing",
        "/api/agent/cust omer/", "/api/agent/\x00/", "/api/agent/../agent/customer/",
        "/api/agent/customer/.", "/api/feedback;x=1", "/API/feedback", "/api/chat/7/messages",
        "/api/agent/клиент/",
    ],
)  # fmt: skip
def test_a_path_that_is_none_is_not_found(path: str) -> None:
    answer = send(path, ASK)

    if path.startswith("/api"):
        assert refused(answer, 404)["code"] == "not_found"
    assert answer.status == 404


@pytest.mark.parametrize("kind", ["sales", "Customer", "customers", "null", "x" * 200])
def test_an_agent_that_is_none_is_not_found(kind: str) -> None:
    assert (
        refused(send(f"/api/agent/{kind}/", ASK), 404)["code"] == "unknown_agent_type"
    )


@pytest.mark.parametrize("path", ALL)
def test_a_host_that_is_not_ours_is_told_in_json_too(path: str) -> None:
    headers = {"host": "evil.example", "content-type": JSON}

    answer = call(path, b"{}", method="GET", headers=headers)

    assert refused(answer, 400)["code"] == "bad_request"


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 19, "\x00", "٣"])
@COMMITTED
def test_where_to_read_on_is_a_number(channel: Any, after: str) -> None:
    answer = call(
        f"/api/chat/{channel.uuid}/messages",
        method="GET",
        query=f"key={channel.key}&after={after}",
        headers={"x-session-id": "an-unguessable-session"},
    )

    assert refused(answer, 400)["code"] == "invalid_payload"
