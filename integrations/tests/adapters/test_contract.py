"""What every adapter keeps to, over the whole registry."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exceptions import InvalidPayload, InvalidSignature
from integrations import adapters
from integrations.adapters.base import Adapter, WebhookRequest
from integrations.adapters.inbound import Inbound, InboundMessage
from integrations.tests.adapters.cases import CASES, Case

ALL = pytest.mark.parametrize("key", list(CASES))

#: Whatever JSON can say; also texts that no database can hold.
NONSENSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["\x00", "\ud800", "a" * 300, "open", "message_created", "../.."]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "status", "meta", "sender", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def make(key: str) -> tuple[Case, Adapter]:
    case = CASES[key]
    return case, adapters.get(key)(case.facts)


def read(adapter: Adapter, request: WebhookRequest) -> tuple[str, list[Inbound]]:
    """As the inbox and then the receiver treat it."""
    body = adapter.decode(request.body)
    key = adapter.delivery_key(request, body)
    # The receiver reads the stored text.
    stored = request.body.decode("utf-8", "replace").replace("\x00", "")
    return key, adapter.parse(adapter.decode(stored.encode())) if key else []


def test_the_registry_is_sorted_and_each_adapter_knows_its_key() -> None:
    assert list(adapters.REGISTRY) == sorted(adapters.REGISTRY)
    assert all(each.key == key for key, each in adapters.REGISTRY.items())
    assert set(CASES) == {
        key for key, each in adapters.REGISTRY.items() if each.takes_webhooks
    }


@ALL
def test_facts_are_complete(key: str) -> None:
    adapter = adapters.get(key)

    assert adapter.label
    assert adapter.max_length > 0
    assert re.fullmatch(r"[a-z_]{1,20}", key)
    names = [field.name for field in adapter.credential_fields]
    assert len(names) == len(set(names))


@ALL
def test_a_genuine_message_is_read(key: str) -> None:
    case, adapter = make(key)
    request = case.request(case.message)

    adapter.verify(request)
    name, (found,) = read(adapter, request)

    assert 0 < len(name) <= 200
    assert isinstance(found, InboundMessage)
    assert found.author == "contact"
    assert found.text == "Where is my parcel?"
    assert found.external_id
    assert found.conversation_id
    assert found.contact_id


@ALL
def test_a_wrong_secret_is_refused(key: str) -> None:
    case, adapter = make(key)

    with pytest.raises(InvalidSignature):
        adapter.verify(case.request(case.message, secret="wrong"))


@ALL
def test_no_signature_is_refused(key: str) -> None:
    case, adapter = make(key)
    body = json.dumps(case.message).encode()

    with pytest.raises(InvalidSignature):
        adapter.verify(WebhookRequest(headers={}, query={}, body=body))


@ALL
@pytest.mark.parametrize("value", ["", "ö", "\x00", "9" * 5000, "sha256=", "-1", "1e9"])
def test_nonsense_in_a_header_is_refused(key: str, value: str) -> None:
    case, adapter = make(key)
    genuine = case.request(case.message)

    for name in genuine.headers:
        headers = {**genuine.headers, name: value}
        with pytest.raises(InvalidSignature):
            adapter.verify(dataclasses.replace(genuine, headers=headers))


@ALL
def test_secrets_can_be_rotated(key: str) -> None:
    case, adapter = make(key)
    if case.with_secrets is None:
        # Its key is the channel's own, and there is no other.
        for secret in (f"{case.secret},old", f"old,{case.secret}"):
            with pytest.raises(InvalidSignature):
                adapter.verify(case.request(case.message, secret=secret))
        return
    facts = case.with_secrets(case.facts, ["new", " old "])
    adapter = adapters.get(key)(facts)

    adapter.verify(case.request(case.message, secret="new"))
    adapter.verify(case.request(case.message, secret="old"))
    with pytest.raises(InvalidSignature):
        adapter.verify(case.request(case.message, secret=""))


@ALL
def test_what_belongs_to_somebody_else_is_nothing_to_us(key: str) -> None:
    case, adapter = make(key)
    if case.foreign is None:
        # What is signed with its key is its own, whatever it says beside that.
        more = {"account": {"id": 4, "name": "Somebody else"}}
        assert len(read(adapter, case.request({**case.message, **more}))[1]) == 1
        return

    name, found = read(adapter, case.request({**case.message, **case.foreign}))

    assert (name, found) == ("", [])


@ALL
def test_a_redelivery_has_the_same_name_and_another_message_another(key: str) -> None:
    case, adapter = make(key)

    first, _ = read(adapter, case.request(case.message))
    again, _ = read(adapter, case.request(dict(reversed(case.message.items()))))
    other, _ = read(adapter, case.request({**case.message, **case.other}))

    assert first == again
    assert first != other


@ALL
@given(text=st.text("ab .\n\u00e9", max_size=300))
@settings(max_examples=40)
def test_a_long_text_is_split_without_loss(key: str, text: str) -> None:
    _, adapter = make(key)
    long = text * (adapter.max_length // 100)

    parts = adapter.split(long)

    assert all(part and adapter.measure(part) <= adapter.max_length for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", long)


@ALL
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"text"', b"1", b"\xff\xfe", b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}", b'{"a": "\xed\xa0\x80"}',
        '{"event": "message_created"}'.encode("utf-16"), b"<xml/>",
    ],
    ids=[
        "empty", "cut off", "null", "list", "text", "number", "bytes", "too deep",
        "a huge number", "broken UTF-8", "UTF-16", "XML",
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(key: str, body: bytes) -> None:
    _, adapter = make(key)

    with pytest.raises(InvalidPayload):
        adapter.decode(body)


@ALL
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_odd_values_are_refused_or_read_and_never_break_it(
    key: str, data: st.DataObject
) -> None:
    case, adapter = make(key)
    changes = data.draw(
        st.dictionaries(
            st.sampled_from(
                [*case.message, "changed_attributes", "meta", "status", "name"]
            ),
            NONSENSE,
            min_size=1,
            max_size=4,
        )
    )

    _read_or_refuse(case, adapter, {**case.message, **changes})


@ALL
@given(st.dictionaries(st.text(max_size=5), NONSENSE, max_size=4))
@settings(max_examples=50, deadline=None)
def test_foreign_objects_are_refused_or_nothing_to_us(
    key: str, payload: dict[str, Any]
) -> None:
    case, adapter = make(key)

    _read_or_refuse(case, adapter, payload)


@ALL
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_parts_that_are_missing_are_refused_or_read(
    key: str, data: st.DataObject
) -> None:
    case, adapter = make(key)
    missing = data.draw(st.sets(st.sampled_from(list(case.message)), min_size=1))
    kept = {name: each for name, each in case.message.items() if name not in missing}

    _read_or_refuse(case, adapter, kept)


def _read_or_refuse(case: Case, adapter: Adapter, payload: dict[str, Any]) -> None:
    try:
        name, found = read(adapter, case.request(payload))
    except InvalidPayload:
        return
    name.encode()
    for each in found:
        assert isinstance(each, Inbound)
        for text in _names(each):
            assert isinstance(text, str)
            assert 0 < len(text) <= 200
            assert "\x00" not in text
            text.encode()


def _names(inbound: Inbound) -> list[str]:
    names = ("conversation_id", "contact_id", "external_id")
    return [getattr(inbound, name) for name in names if hasattr(inbound, name)]
