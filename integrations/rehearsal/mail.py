"""A stand-in for a mail server on loopback: it takes e-mails, and keeps a mailbox.

    with MailServer() as mail:
        mail.put(raw)
        ...

Speaks as much of SMTP and of IMAP4rev1 (RFC 9051, RFC 3501) as Answerdesk needs. Faults
meet logins to the mailbox and readings of whole mails, one each, in order.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import socketserver
import threading
from collections import deque
from email.message import EmailMessage
from email.utils import make_msgid
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Callable

USER, PASSWORD = "desk@shop.example", 'se"cr\\et'
FAULTS = ("login", "hang_up", "bye")
_COMMAND = re.compile(r"(\S+) (?:UID )?(\w+) ?(.*)\Z", re.DOTALL)


class MailServer:
    """Listens on two ports of 127.0.0.1 until it is closed."""

    def __init__(
        self,
        *,
        port: int = 0,
        on_message: Callable[[bytes], Any] = lambda _: None,
    ) -> None:
        #: What is in the mailbox, by number.
        self.mails: dict[int, bytes] = {}
        self.validity = 1
        self.faults: deque[str] = deque()
        #: Whatever was asked of the mailbox, without passwords.
        self.asked: list[str] = []
        #: What was sent.
        self.sent: list[bytes] = []
        self.on_message = on_message
        self._servers = [
            _Server(("127.0.0.1", port), type("Smtp", (_Smtp,), {"mail": self})),
            _Server(
                ("127.0.0.1", port and port + 1), type("Imap", (_Imap,), {"mail": self})
            ),
        ]
        self._threads = [
            threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True)
            for each in self._servers
        ]

    @property
    def smtp_url(self) -> str:
        """For `EMAIL_URL`."""
        return f"smtp://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def mailbox_url(self) -> str:
        """For `MAILBOX_URL`."""
        port = self._servers[1].server_address[1]
        return f"imap://desk%40shop.example:se%22cr%5Cet@127.0.0.1:{port}/INBOX"

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._servers:
            each.shutdown()
            each.server_close()

    def put(self, mail: bytes | EmailMessage) -> int:
        """Have a mail arrive in the mailbox; returns its number."""
        number = max(self.mails, default=0) + 1
        self.mails[number] = mail if isinstance(mail, bytes) else mail.as_bytes()
        return number

    def reply(self, text: str) -> int:
        """Have the receiver of the newest e-mail answer it."""
        asked = email.message_from_bytes(self.sent[-1], policy=email.policy.default)
        mail = EmailMessage()
        mail["From"], mail["To"] = asked["To"], asked["From"]
        mail["Subject"] = f"Re: {asked['Subject']}"
        mail["Message-ID"] = make_msgid(domain="customer.example")
        mail["In-Reply-To"] = mail["References"] = asked["Message-ID"]
        mail.set_content(text)
        return self.put(mail)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False


class _Lines(socketserver.StreamRequestHandler):
    mail: ClassVar[MailServer]
    timeout = 60

    def handle(self) -> None:
        """Speak until somebody hangs up."""
        with contextlib.suppress(OSError):
            self.speak()

    def speak(self) -> None:
        """What is said on one connection."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """One line."""
        self.wfile.write(text.encode() + b"\r\n")

    def hear(self) -> str:
        """One line; empty at the end."""
        return self.rfile.readline().decode("utf-8", "replace").rstrip("\r\n")


class _Smtp(_Lines):
    def speak(self) -> None:
        """Take e-mails from anybody for anybody."""
        self.say("220 rehearsal")
        while line := self.hear():
            verb = line[:4].upper()
            if verb == "DATA":
                self.say("354 go on")
                self._take()
            self.say("221 bye" if verb == "QUIT" else "250 OK")
            if verb == "QUIT":
                return

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.mail.sent.append(b"".join(lines))
        self.mail.on_message(self.mail.sent[-1])


class _Imap(_Lines):
    def speak(self) -> None:
        """Let the mailbox be read, and nothing else."""
        self.say("* OK IMAP4rev1 rehearsal")
        while match := _COMMAND.match(self.hear()):
            tag, verb, words = match.groups()
            verb = verb.upper()
            self.mail.asked.append(verb if verb == "LOGIN" else f"{verb} {words}")
            verbs = {
                "CAPABILITY": self._capability, "LOGIN": self._login,
                "EXAMINE": self._examine, "SEARCH": self._search,
                "FETCH": self._fetch, "LOGOUT": self._logout,
            }  # fmt: skip
            said = verbs.get(verb, self._unknown)(words)
            if said is None:
                return
            self.say(f"{tag} {said}")

    def _fault(self, *names: str) -> str:
        if self.mail.faults and self.mail.faults[0] in names:
            return self.mail.faults.popleft()
        return ""

    def _capability(self, words: str) -> str:
        self.say("* CAPABILITY IMAP4rev1")
        return "OK done"

    def _login(self, words: str) -> str:
        is_right = words == f'{USER} "se\\"cr\\\\et"'
        if self._fault("login") or not is_right:
            return "NO [AUTHENTICATIONFAILED] Invalid credentials"
        return "OK welcome"

    def _examine(self, words: str) -> str:
        if words != '"INBOX"':
            return "NO there is no such folder"
        self.say(f"* {len(self.mail.mails)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.mail.validity}] valid")
        return "OK [READ-ONLY] done"

    def _search(self, words: str) -> str:
        least = int(words.split(":")[0].removeprefix("UID "))
        newest = max(self.mail.mails, default=0)
        # A range that begins after the last means the last.
        found = [each for each in self.mail.mails if each >= min(least, newest)]
        self.say(" ".join(["* SEARCH", *map(str, found)]))
        return "OK done"

    def _fetch(self, words: str) -> str | None:
        names, _, what = words.partition(" ")
        partial = re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", what)
        if partial and (fault := self._fault("hang_up", "bye")):
            if fault == "bye":
                self.say("* BYE going down")
            return None
        for place, number in enumerate(map(int, names.split(",")), start=1):
            raw = self.mail.mails.get(number)
            if raw is None:
                continue
            head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n\n"
            part, name = (
                (raw[: int(partial[1])], "BODY[]<0>")
                if partial
                else (head, "BODY[HEADER]")
            )
            self.wfile.write(
                f"* {place} FETCH (UID {number} {name} {{{len(part)}}}\r\n".encode()
                + part
                + b")\r\n"
            )
        return "OK done"

    def _logout(self, words: str) -> str:
        self.say("* BYE")
        return "OK done"

    def _unknown(self, words: str) -> str:
        return "BAD unknown command"
