"""The messaging events of Instagram and Messenger, and how both are replied to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import quote

from core import http
from core.exceptions import ProviderError
from core.text import truncate
from integrations.adapters.base import Outbound, Profile
from integrations.adapters.inbound import (
    Attachment,
    Inbound,
    InboundDeletion,
    InboundEdit,
    InboundMessage,
    InboundReport,
    InboundTurnover,
    Turnover,
)
from integrations.adapters.meta import MetaAdapter
from integrations.adapters.meta_buttons import buttons, rating_of
from integrations.adapters.rows import Row, name_of, part, rows, words

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Our kind of each type of attachment; the others are files.
_KINDS: Final[dict[str, Literal["image", "voice", "video"]]] = {
    "image": "image",
    "audio": "voice",
    "video": "video",
}
#: How long the title of a button may be.
_LONGEST_TITLE: Final = 20
#: Who has the thread after another app took it, or gave it to us.
_CONTROL: Final = {
    "take_thread_control": Turnover.TO_SUPPORT,
    "pass_thread_control": Turnover.TO_ASSISTANT,
}


class MessagingAdapter(MetaAdapter):
    """Events under `entry[].messaging`, replies to `/me/messages`."""

    has_buttons = True
    has_human_tag = True
    has_profiles = True
    #: What is asked of a contact.
    profile_fields: ClassVar[str]
    #: What the account is subscribed to.
    subscribed: str = "messages,messaging_postbacks,message_reactions"

    def events(self, entry: Row) -> Iterator[Row]:
        yield from rows(entry, "messaging")
        # Another app has the thread, so we only listen.
        for item in rows(entry, "standby"):
            yield {**item, "is_standby": True}

    def event_name(self, item: Row) -> list[Any]:
        message = part(item, "message") or part(item, "message_edit")
        kinds = sorted(name for name in item if isinstance(item[name], dict))
        at = item.get("timestamp") if not message else message.get("num_edit")
        names = [part(item, who).get("id") for who in ("sender", "recipient")]
        mid = message.get("mid") or part(item, "reaction").get("mid")
        return [str(each) for each in (*kinds, *names, mid, at)]

    def read(self, item: Row) -> list[Inbound]:
        message = part(item, "message")
        if message:
            return self._message(item, message)
        person = name_of(part(item, "sender"))
        if press := part(item, "postback"):
            return self._press(item, press, words(press, "title"))
        if edit := part(item, "message_edit"):
            return [InboundEdit(person, name_of(edit, "mid"), words(edit, "text"))]
        for name, turnover in _CONTROL.items():
            if part(item, name):
                return [InboundTurnover(person, turnover)]
        return _reports(item, person)

    def _message(self, item: Row, message: Row) -> list[Inbound]:
        is_echo = message.get("is_echo") is True
        person = name_of(part(item, "recipient" if is_echo else "sender"))
        mid = name_of(message, "mid")
        if message.get("is_deleted") is True:
            return [InboundDeletion(person, mid)]
        if press := part(message, "quick_reply"):
            return self._press(item, {**press, "mid": mid}, words(message, "text"))
        found: list[Inbound] = [
            InboundMessage(
                conversation_id=person,
                contact_id=person,
                external_id=mid,
                text=words(message, "text"),
                author="support" if is_echo else "contact",
                is_echo=is_echo,
                attachments=_attachments(message),
                address={} if is_echo else _address(item, person),
            )
        ]
        if item.get("is_standby"):
            found.append(InboundTurnover(person, Turnover.TO_SUPPORT))
        return found

    def _press(self, item: Row, press: Row, title: str) -> list[Inbound]:
        """A button rates a reply, or says its title."""
        person = name_of(part(item, "sender"))
        if rating := rating_of(person, words(press, "payload")):
            return [rating]
        if not title:
            return []
        at = f"press:{person}:{item.get('timestamp')}"[:200]
        return [
            InboundMessage(
                conversation_id=person,
                contact_id=person,
                external_id=words(press, "mid")[:200] or at.replace("\x00", ""),
                text=title,
                address=_address(item, person),
                is_synchronous=True,
            )
        ]

    async def send(self, outbound: Outbound) -> str:
        body: Row = {
            "recipient": {"id": outbound.address["to"]},
            "messaging_type": "RESPONSE",
            "message": {"text": outbound.text},
        }
        if self.window_of(outbound) == "persons":
            body |= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        if replies := _quick_replies(outbound):
            body["message"]["quick_replies"] = replies
        answer = await self.api.call("POST", "me/messages", body)
        return words(answer, "message_id")

    async def profile(self, contact: str, *, most: int) -> Profile:
        said = await self.api.call(
            "GET", quote(contact, safe=""), fields=self.profile_fields
        )
        url = words(said, "profile_pic")
        return Profile(
            name=words(said, "name") or words(said, "username"),
            picture=await self._picture(url, most) if url else b"",
        )

    async def _picture(self, url: str, most: int) -> bytes:
        """The bytes at an address of theirs; none where it has ended by now."""
        try:
            answer = await http.request(
                "GET", url, provider=self.key, max_bytes=most, max_redirects=3
            )
        except ProviderError:
            return b""
        return answer.content

    async def connect(self, url: str) -> dict[str, str]:
        me = await self.api.call(
            "GET", "me", fields=f"{self.identity_field},username,name"
        )
        await self.api.call(
            "POST", "me/subscribed_apps", subscribed_fields=self.subscribed
        )
        return {self.identity: name_of(me, self.identity_field)}

    #: The name of `identity` in `/me`.
    identity_field: str = "id"

    async def is_connected(self, url: str) -> bool:
        return bool(rows(await self.api.call("GET", "me/subscribed_apps"), "data"))

    async def own_name(self) -> str:
        me = await self.api.call("GET", "me", fields="username,name")
        return words(me, "username") or words(me, "name")


def _address(item: Row, person: str) -> Row:
    at = item.get("timestamp")
    is_time = isinstance(at, int) and not isinstance(at, bool) and 0 < at < 10**14
    return {"to": person, "at": at // 1000 if is_time else 0}  # type: ignore[operator]


def _attachments(message: Row) -> tuple[Attachment, ...]:
    found = [
        Attachment(
            _KINDS.get(words(each, "type"), "file"),
            url=words(part(each, "payload"), "url")[:2000],
            name=words(part(each, "payload"), "title")[:200],
        )
        for each in rows(message, "attachments")
    ]
    if story := part(part(message, "reply_to"), "story"):
        url = words(story, "url")[:2000]
        found.append(Attachment("image", url=url, name="story"))
    return tuple(found)


def _reports(item: Row, person: str) -> list[Inbound]:
    """What became of what we sent; a mark up to which all was read names nothing."""
    delivered = part(item, "delivery").get("mids")
    mids = delivered if isinstance(delivered, list) else []
    found: list[Inbound] = [
        InboundReport(person, name_of({"mid": mid}, "mid"), "delivered") for mid in mids
    ]
    if "mid" in part(item, "read"):
        mid = name_of(part(item, "read"), "mid")
        found.append(InboundReport(person, mid, "read"))
    return found


def _quick_replies(outbound: Outbound) -> list[Row]:
    return [
        {
            "content_type": "text",
            "title": truncate(title, _LONGEST_TITLE),
            "payload": payload,
        }
        for title, payload in buttons(outbound)
    ]
