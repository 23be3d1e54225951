"""What one message of Telegram's says: text, attachments, and whether it is for us."""

from __future__ import annotations

import re
from typing import Final, Literal

from core.text import truncate
from integrations.adapters.inbound import Attachment
from integrations.adapters.rows import Row, part, words

#: Our kind of each thing that has a file.
_FILES: Final[dict[str, Literal["voice", "video", "file"]]] = {
    "animation": "video",
    "audio": "file",
    "document": "file",
    "video": "video",
    "video_note": "video",
    "voice": "voice",
}
_COMMAND: Final = re.compile(r"/(\w{1,32})(?:@(\w+))?(?:\s+(.*))?\Z", re.DOTALL)
#: Longest part of an earlier message that is shown above the answer to it.
_LONGEST_QUOTE: Final = 300


def text_of(message: Row) -> str:
    """The message in words: what was written, or what a contact or a place says."""
    text = words(message, "text") or words(message, "caption") or _said(message)
    quote = truncate(words(part(message, "quote"), "text"), _LONGEST_QUOTE)
    return f"> {quote}\n{text}" if quote and text else text


def _said(message: Row) -> str:
    person, place = part(message, "contact"), part(message, "location")
    if person:
        names = ("first_name", "last_name", "phone_number")
        return " ".join(filter(None, (words(person, name) for name in names)))
    if place:
        venue, at = part(message, "venue"), ", ".join(_coordinates(place))
        named = [words(venue, "title"), words(venue, "address")]
        return ", ".join(filter(None, [*named, at]))
    return words(part(message, "sticker"), "emoji") or words(
        part(message, "dice"), "emoji"
    )


def attachments_of(message: Row) -> tuple[Attachment, ...]:
    """What came beside the words."""
    photos = message.get("photo")
    if isinstance(photos, list) and photos and isinstance(photos[-1], dict):
        return (_file("image", photos[-1], "image/jpeg"),)
    for name, kind in _FILES.items():
        if file := part(message, name):
            return (_file(kind, file, words(file, "mime_type")),)
    sticker = part(message, "sticker")
    # Most stand for a sign that can be written; of the others there is only a picture.
    if sticker and not words(sticker, "emoji"):
        return (_file("image", sticker, "image/webp"),)
    return ()


def _coordinates(place: Row) -> list[str]:
    found = (place.get(name) for name in ("latitude", "longitude"))
    return [str(each) for each in found if isinstance(each, int | float)]


def _file(
    kind: Literal["image", "voice", "video", "file"], file: Row, content_type: str
) -> Attachment:
    size = file.get("file_size")
    return Attachment(
        kind,
        external_id=words(file, "file_id"),
        name=words(file, "file_name"),
        content_type=content_type,
        size=size if isinstance(size, int) and 0 <= size < 2**53 else 0,
    )


def command_of(text: str, username: str) -> tuple[str, str]:
    """The command that a text is, without its slash, and what follows it."""
    match = _COMMAND.match(text)
    if match is None or (match[2] and match[2].lower() != username.lower()):
        return "", ""
    return match[1].lower(), (match[3] or "").strip()


def is_addressed(message: Row, bot: int, username: str) -> bool:
    """Whether something that was said in a group was said to the bot."""
    answered = part(part(message, "reply_to_message"), "from")
    if answered.get("id") == bot:
        return True
    text = (words(message, "text") or words(message, "caption")).lower()
    name = re.escape(f"@{username.lower()}")
    return bool(username) and re.search(rf"{name}(?!\w)", text) is not None


def without_name(text: str, username: str) -> str:
    """The text without the name by which the bot was addressed."""
    if not username:
        return text
    return re.sub(
        rf"\s*@{re.escape(username)}(?!\w)[,:]?\s*", " ", text, flags=re.I
    ).strip()
