"""Leads: what is written on them, what happened to them, and a bot that speaks there."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from core.exceptions import ProviderError
from core.text import truncate
from integrations.adapters.inbound import InboundTurnover, Turnover
from integrations.kommo.hooks import BY_STAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.kommo.api import Api

#: Seconds by which Kommo's clock may differ from ours.
CLOCK_TOLERANCE_S: Final = 5
_SAID, _MOVED = "outgoing_chat_message", "lead_status_changed"
#: Seconds between looks whether a bot has spoken.
_PAUSES_S: Final = (0.5, 1.0, 2.0, 2.0)
#: Characters of one field of a lead that a model reads, and fields at most.
_LONGEST: Final = 200
MOST_FIELDS: Final = 15


async def about(api: Api, number: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Name, stage and chosen fields of a lead, by their names; raises `ProviderError`."""
    lead = await api.call("GET", f"/api/v4/leads/{number}")
    stage = f"{lead.get('pipeline_id')}:{lead.get('status_id')}"
    stages = dict(settings.get("choices", {}).get("stages", ()))
    found = {"Lead": str(lead.get("name") or ""), "Stage": stages.get(stage, "")}
    chosen = settings.get("about_fields", [])
    for each in lead.get("custom_fields_values") or ():
        if each.get("field_id") in chosen:
            values = (str(value.get("value", "")) for value in each.get("values", ()))
            found[str(each.get("field_name", ""))] = ", ".join(values)
    told = {
        _line(name): _line(value) for name, value in found.items() if value and name
    }
    return dict(list(told.items())[: MOST_FIELDS + 2])


def _line(text: str) -> str:
    return truncate(" ".join(text.split()), _LONGEST)


async def turnover(
    api: Api, thread: str, address: Mapping[str, Any], stage: str
) -> InboundTurnover | None:
    """Whose the thread is by what happened last; None: nobody has acted.

    A person who has written since the customer did has it. Whoever moves a lead into
    the stage that gives back, later than any person wrote, gives it to the assistant.
    """
    read_at = dt.datetime.now(dt.UTC)
    kinds = [_SAID, _MOVED] if stage and address["entity"] == "lead" else [_SAID]
    events = await _events(api, address, kinds)
    # 0 is a robot.
    said = [_time(each) for each in events if _is(each, _SAID) and each["created_by"]]
    moved = [_time(each) for each in events if _is(each, _MOVED) and _into(each, stage)]
    said_at, moved_at = max(said, default=0), max(moved, default=0)
    if moved_at > said_at:
        at = dt.datetime.fromtimestamp(moved_at, dt.UTC)
        return InboundTurnover(
            thread, Turnover.TO_ASSISTANT, read_at=at, reason=BY_STAGE
        )
    if said_at and said_at >= address.get("at", 0) - CLOCK_TOLERANCE_S:
        return InboundTurnover(thread, Turnover.TO_SUPPORT, read_at=read_at)
    return None


async def has_robot_spoken(api: Api, address: Mapping[str, Any]) -> bool:
    """Whether a bot has written since the customer did."""
    since = address.get("at", 0)
    said = await _robots_words(api, address)
    return any(at >= since for at in said.values())


async def say(
    api: Api, address: Mapping[str, Any], settings: Mapping[str, Any], text: str
) -> str:
    """Write a text into the field and have the bot send it; raises `ProviderError`.

    Returns once the bot has sent it, as far as Kommo tells: the next text would take
    the place of this one.
    """
    before = await _robots_words(api, address)
    await _write(api, address, settings, text)
    runs_on = {"entity_id": int(address["number"]), "entity_type": "leads"}
    await api.call("POST", f"/api/v4/bots/{settings['bot']}/run", json=runs_on)
    # From here on it counts as sent, whatever becomes of the field.
    with contextlib.suppress(ProviderError):
        for pause_s in (*_PAUSES_S, 0.0):
            if (await _robots_words(api, address)).keys() - before.keys():
                await _write(api, address, settings, "")
                break
            await asyncio.sleep(pause_s)
    return f"bot-{settings['bot']}"


async def _write(
    api: Api, address: Mapping[str, Any], settings: Mapping[str, Any], text: str
) -> None:
    value = {"field_id": settings["field"], "values": [{"value": text}]}
    path = f"/api/v4/leads/{address['number']}"
    await api.call("PATCH", path, json={"custom_fields_values": [value]})


async def _robots_words(api: Api, address: Mapping[str, Any]) -> dict[str, int]:
    """When bots wrote, by the names of the events."""
    events = await _events(api, address, [_SAID])
    return {
        str(each.get("id")): _time(each) for each in events if not each["created_by"]
    }


async def _events(
    api: Api, address: Mapping[str, Any], kinds: list[str]
) -> list[dict[str, Any]]:
    found = await api.call(
        "GET",
        "/api/v4/events",
        params={
            "filter[type]": ",".join(kinds),
            "filter[entity]": address["entity"],
            "filter[entity_id]": address["number"],
            "limit": 50,
        },
    )
    rows = found.get("_embedded", {}).get("events", [])
    return [{"created_by": 0, "type": _SAID, **each} for each in rows]


def _is(event: Mapping[str, Any], kind: str) -> bool:
    return bool(event["type"] == kind)


def _time(event: Mapping[str, Any]) -> int:
    return int(event.get("created_at") or 0)


def _into(event: Mapping[str, Any], stage: str) -> bool:
    after = event.get("value_after") or [{}]
    status = after[0].get("lead_status", {}) if isinstance(after, list) else {}
    return f"{status.get('pipeline_id')}:{status.get('id')}" == stage
