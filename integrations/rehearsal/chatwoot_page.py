"""The stand-in's page: a visitor on one side, staff on the other."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from integrations.rehearsal.chatwoot_account import PERSON

if TYPE_CHECKING:
    from integrations.rehearsal.chatwoot_account import ChatwootAccount, Row

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
li { list-style: none; margin: .5rem 0; padding: .5rem .75rem; border-radius: .75rem; background: #eef1f5; white-space: pre-line; }
li.outgoing { background: #dcefe3; margin-left: 3rem; } li.private { background: #fdf3d3; }
form { display: flex; gap: .5rem; margin: .5rem 0; } input { flex: 1; padding: .5rem; } ul { padding: 0; }
small { color: #5a6472; }
"""


def act(account: ChatwootAccount, form: dict[str, str]) -> None:
    """Do what a form asks for, and tell the form where that was."""
    number = int(form["c"]) if form.get("c", "").isdecimal() else None
    text = form.get("text", "").strip()
    if number is not None and number not in account.conversations:
        return
    match form.get("do"):
        case "write" if text:
            form["c"] = str(account.customer_writes(text, number)["conversation_id"])
        case "reply" if text and number is not None:
            account.person_writes(number, text)
        case "assign" if number is not None:
            account.assign(number, PERSON)
        case "open" | "pending" | "resolved" as status if number is not None:
            account.set_status(number, status)


def render(account: ChatwootAccount, chosen: str) -> str:
    """The page as HTML; it looks for news every other second, while nobody types."""
    number = int(chosen) if chosen.isdecimal() else None
    row = account.conversations.get(number or 0)
    links = " · ".join(
        f'<a href="/?c={each}">{each} ({escape(found["status"])})</a>'
        for each, found in account.conversations.items()
    )
    parts = [f"<p>{links} · <a href='/'>new visitor</a></p>"]
    if row is not None and number is not None:
        parts.append(f"<h2>Conversation {number}: {escape(row['status'])}</h2>")
        said = "".join(_said(each) for each in account.messages[number])
        parts.append(f"<ul>{said}</ul>")
    parts.append(_form(number, "write", "Write as the visitor"))
    if number is not None and row is not None:
        parts.append(_form(number, "reply", "Reply as Ana"))
        names = {
            "assign": "Assign to Ana",
            "open": "Open",
            "pending": "Give back to the bot",
            "resolved": "Resolve",
        }
        buttons = "".join(
            f'<button name="do" value="{key}">{name}</button>'
            for key, name in names.items()
        )
        parts.append(
            f'<form method="post"><input type="hidden" name="c" value="{number}">'
            f"{buttons}</form>"
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Rehearsal of Chatwoot</title><style>{_STYLE}</style></head>"
        f"<body><h1>Rehearsal of Chatwoot</h1>{''.join(parts)}<script>"
        "setInterval(() => { const typed = [...document.querySelectorAll('input[name=text]')]"
        ".some(each => each.value || each === document.activeElement);"
        " if (!typed) location.reload(); }, 2000);</script></body></html>"
    )


def _said(message: Row) -> str:
    kind = "incoming" if message["message_type"] == 0 else "outgoing"
    who = (message.get("sender") or {}).get("name") or "Chatwoot"
    note = " (note for staff)" if message["private"] else ""
    classes = f"{kind} private" if message["private"] else kind
    text = escape(message["content"] or "")
    return f'<li class="{classes}"><small>{escape(who)}{note}</small>\n{text}</li>'


def _form(number: int | None, verb: str, label: str) -> str:
    return (
        f'<form method="post"><input type="hidden" name="c" value="{number or ""}">'
        f'<input name="text" aria-label="{label}" placeholder="{label}">'
        f'<button name="do" value="{verb}">Send</button></form>'
    )
