"""What an e-mail says: who wrote it, to which of ours it replies, and its new words.

Everything in it was written by strangers, headers included.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import itertools
import re
from dataclasses import dataclass
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from core.text import clean_text, truncate

if TYPE_CHECKING:
    from email.message import EmailMessage

#: Longest text that is kept.
MAX_TEXT: Final = 20_000
MOST_FILES: Final = 20
#: Messages to which one may claim to reply.
MOST_REFERENCES: Final = 50
_REFERENCE: Final = re.compile(
    r"<?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@", re.IGNORECASE
)
#: What programs call the mails that they send by themselves.
_BULK: Final = {"bulk", "junk", "list", "auto_reply", "auto-reply"}
_ROBOTS: Final = re.compile(
    r"\A(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)\b", re.IGNORECASE
)
#: In a report: a message did not arrive, and never will.
_FAILED: Final = re.compile(rb"^Action:\s*failed", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class File:
    """Something that was attached; its content stays in the mailbox."""

    name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """An e-mail as it is understood."""

    #: The same for each copy of it.
    digest: str
    #: Its address, in small letters; anybody can write anything there.
    sender: str
    subject: str
    #: UUIDs in the ids of the messages that it replies to.
    references: tuple[str, ...]
    #: What was written anew, without quotations and signature.
    text: str
    files: tuple[File, ...]
    #: A program wrote it: nobody waits for a reply, and none may leave.
    is_automatic: bool
    #: A mail server tells what became of a message, and that it did not arrive.
    is_report: bool
    has_failed: bool


def read(raw: bytes, *, own_address: str) -> ReceivedMail:
    """Understand an e-mail, or its first part; what is broken in it is left out."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    is_report = message.get_content_type() == "multipart/report"
    # What came back names the message somewhere inside.
    said = raw.decode("latin-1") if is_report else _references(message)
    found = dict.fromkeys(each.lower() for each in _REFERENCE.findall(said))
    return ReceivedMail(
        digest=_digest(message, raw),
        sender=_sender(message),
        subject=truncate(" ".join(_header(message, "Subject").split()), 200),
        references=tuple(found)[:MOST_REFERENCES],
        text=_text(message, own_address),
        files=_files(message),
        is_automatic=is_report or _is_automatic(message),
        is_report=is_report,
        has_failed=is_report and _FAILED.search(raw) is not None,
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return clean_text(str(message.get(name) or ""))
    except (ValueError, IndexError, AttributeError, LookupError):
        # The library stumbles over some headers that strangers can make up.
        return ""


def _references(message: EmailMessage) -> str:
    return f"{_header(message, 'In-Reply-To')} {_header(message, 'References')}"


def _sender(message: EmailMessage) -> str:
    return truncate(parseaddr(_header(message, "From"))[1].strip().lower(), 254)


def _digest(message: EmailMessage, raw: bytes) -> str:
    name = _header(message, "Message-ID").strip().encode()
    return hashlib.sha256(name or raw).hexdigest()


def _is_automatic(message: EmailMessage) -> bool:
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or _header(message, "Precedence").strip().lower() in _BULK
        or _header(message, "Return-Path").strip() == "<>"
        or any(_header(message, name) for name in ("X-Autoreply", "X-Autorespond"))
        or bool(_ROBOTS.match(_sender(message)))
    )


def _files(message: EmailMessage) -> tuple[File, ...]:
    found = []
    for part in message.walk():
        name = _file_name(part)
        if name or part.get_content_disposition() == "attachment":
            found.append(File(truncate(name, 200), part.get_content_type()))
    return tuple(found[:MOST_FILES])


def _file_name(part: EmailMessage) -> str:
    try:
        return clean_text(part.get_filename() or "")
    except (ValueError, IndexError, AttributeError, LookupError):
        return ""


# --- Words --------------------------------------------------------------------


def _text(message: EmailMessage, own_address: str) -> str:
    plain, rich = _part(message, "text/plain"), _part(message, "text/html")
    whole = clean_text(plain if plain.strip() else html_to_text(rich)).strip()
    return truncate(without_history(whole, own_address) or whole, MAX_TEXT)


def _part(message: EmailMessage, kind: str) -> str:
    """The first part of this kind that is no attachment."""
    for part in message.walk():
        is_file = _file_name(part) or part.get_content_disposition() == "attachment"
        if part.get_content_type() == kind and not is_file:
            content = part.get_payload(decode=True)
            return _decoded(content, part) if isinstance(content, bytes) else ""
    return ""


def _decoded(content: bytes, part: EmailMessage) -> str:
    try:
        return content.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


#: What begins the history in some programs, whatever the language.
_RULE: Final = re.compile(r"\s*(?:-{5,}|_{10,})")
_QUOTE: Final = re.compile(r"\s*>")
_SIGNATURE: Final = re.compile(r"-- ?\Z")
#: "From: …", also in bold.
_FIELD: Final = re.compile(r"\W*[^\W\d_]{1,15}\W?\s?:")
#: The line above the one with our address may hold the date: "On Mon, 22 Nov 2026".
_DATE: Final = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}:\d\d\b")


def without_history(text: str, own_address: str) -> str:
    """The new words of a reply, also those between and below what it quotes.

    Programs say above the history who wrote it, which was us: our address tells it in
    every language. What might be the customer's own words stays.
    """
    kept: list[str] = []
    skips = False
    for line, after in itertools.pairwise([*text.splitlines(), ""]):
        if skips or _QUOTE.match(line):
            skips = False
            continue
        if _SIGNATURE.match(line) or _RULE.match(line):
            break
        names_us = bool(own_address) and own_address in line.lower()
        if names_us and _FIELD.match(line) and not _introduces(line):
            break
        if names_us and (_introduces(line) or _introduces(after)):
            if kept and _DATE.search(kept[-1]) and not _DATE.search(line):
                kept.pop()
            skips = not _introduces(line)
            continue
        if _introduces(line) and _DATE.search(line) and _QUOTE.match(after):
            continue
        kept.append(line)
    return "\n".join(kept).strip()


def _introduces(line: str) -> bool:
    """Whether something is to follow, as in "wrote:"."""
    return line.rstrip().endswith(":")


#: Elements whose words are not shown, or are somebody else's.
_SILENT: Final = {"head", "script", "style", "title", "blockquote", "template"}
_VOID: Final = {"br", "hr", "img", "input", "link", "meta", "wbr"}
_BLOCKS: Final = {
    "address", "article", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "li", "p", "pre", "section", "table", "tr", "ul",
}  # fmt: skip
#: How mail programs mark the history.
_HISTORY: Final = re.compile(
    r"gmail_quote|gmail_attr|divRplyFwdMsg|appendonsend|yahoo_quoted"
)


class _Words(HTMLParser):
    """Collects the words of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        #: Open elements within the one that is silent, that one included.
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, or silence."""
        if tag in _VOID:
            self.found += ["\n"] if tag in _BLOCKS and not self._silent else []
            return
        marks = " ".join(
            value or "" for name, value in attrs if name in ("class", "id")
        )
        if self._silent or tag in _SILENT or _HISTORY.search(marks):
            self._silent.append(tag)
        elif tag in _BLOCKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a line, or silence."""
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BLOCKS and not self._silent:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep words; white space means nothing in HTML."""
        if not self._silent:
            self.found.append(re.sub(r"\s+", " ", data))


def html_to_text(page: str) -> str:
    """The words of HTML, a line for each of its lines, without what it quotes."""
    parser = _Words()
    parser.feed(page)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.found).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
