"""The peer of the inbox: the in-memory FastAPI webhook of the proof of concept."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
state = {"human_mode": False}


class Webhook(BaseModel):
    """A Chatwoot-style event."""

    event: str
    id: int | None = None
    content: str | None = None
    message_type: str | None = None
    content_type: str | None = None
    conversation: dict[str, Any] | None = None
    sender: dict[str, Any] | None = None


@app.post("/webhook/chatwoot")
async def webhook(event: Webhook) -> dict[str, Any]:
    """Answer with a mock reply; nothing is stored."""
    if event.event != "message_created" or event.message_type != "incoming":
        return {"status": "ignored"}
    if state["human_mode"]:
        return {"status": "ok", "route": "human"}
    return {"status": "ok", "route": "bot", "reply": f"You said: {event.content}"}
