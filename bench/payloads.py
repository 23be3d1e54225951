"""Chatwoot's `message_created`, as large as it really is, signed."""

from __future__ import annotations

import hashlib
import hmac
import time

import orjson

SECRET = "bench-webhook-secret"
ACCOUNT = 1
INBOX = 12
QUESTION = "How long does the delivery of a parcel take?"


def message_created(number: int, thread: int, text: str = QUESTION) -> bytes:
    """The body of one event; `number` is the message's id."""
    sender = {
        "id": thread,
        "name": "Bat",
        "email": "bat@example.com",
        "phone_number": None,
        "identifier": None,
        "custom_attributes": {},
        "additional_attributes": {},
        "blocked": False,
        "account": {"id": ACCOUNT, "name": "Shop"},
    }
    return orjson.dumps(
        {
            "event": "message_created",
            "id": number,
            "content": text,
            "content_type": "text",
            "content_attributes": {},
            "additional_attributes": {},
            "message_type": "incoming",
            "private": False,
            "source_id": None,
            "created_at": "2026-11-21T08:14:03.512Z",
            "sender": sender,
            "inbox": {"id": INBOX, "name": "Website"},
            "account": {"id": ACCOUNT, "name": "Shop"},
            "conversation": {
                "id": thread,
                "inbox_id": INBOX,
                "status": "pending",
                "channel": "Channel::WebWidget",
                "can_reply": True,
                "labels": [],
                "custom_attributes": {},
                "additional_attributes": {
                    "browser_language": "en",
                    "referer": "https://shop.example/",
                },
                "priority": None,
                "snoozed_until": None,
                "waiting_since": 1_795_248_843,
                "unread_count": 1,
                "first_reply_created_at": None,
                "meta": {
                    "sender": {"id": thread, "name": "Bat", "type": "contact"},
                    "assignee": None,
                    "assignee_type": None,
                    "team": None,
                    "hmac_verified": False,
                },
                "messages": [{"id": number, "message_type": 0, "content": text}],
                "contact_inbox": {"id": 55, "source_id": "f3a1", "pubsub_token": "t"},
            },
        }
    )


def request(path: str, body: bytes) -> bytes:
    """The whole signed HTTP request."""
    stamp = b"%d" % int(time.time())
    signature = hmac.digest(SECRET.encode(), stamp + b"." + body, hashlib.sha256).hex()
    return b"".join(
        [
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode(),
            b"Accept: application/json\r\nContent-Type: application/json\r\n",
            b"User-Agent: rest-client\r\nX-Chatwoot-Timestamp: ",
            stamp,
            b"\r\nX-Chatwoot-Signature: sha256=",
            signature.encode(),
            b"\r\nContent-Length: %d\r\n\r\n" % len(body),
            body,
        ]
    )
