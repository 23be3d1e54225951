"""Reading a mailbox over IMAP. Nothing in it is changed, not even what counts as read.

What goes wrong is a `ProviderError`. Addresses come from the operator and are trusted.
"""

from __future__ import annotations

import imaplib
import itertools
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

from core.exceptions import PermanentProviderError, TemporaryProviderError
from core.text import truncate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

PROVIDER: Final = "imap"
TIMEOUT_S: Final = 20.0
#: How each kind of address is spoken to, and at which port if it names none.
PORTS: Final = {"imaps": 993, "imap+tls": 143, "imap": 143}
_UID: Final = re.compile(rb"\bUID (\d+)")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mailbox is, and who may read it."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str

    @property
    def name(self) -> str:
        """What the mailbox is called, without its password."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


def parse(url: str) -> Server:
    """The server of `imaps://user:password@host:993/INBOX`; raises `ValueError`."""
    found = urlsplit(url)
    if found.scheme not in PORTS or not found.hostname or not found.username:
        raise ValueError("write imaps://user:password@host/INBOX")
    return Server(
        scheme=found.scheme,
        host=found.hostname,
        port=found.port or PORTS[found.scheme],
        user=unquote(found.username),
        password=unquote(found.password or ""),
        folder=unquote(found.path.strip("/")) or "INBOX",
    )


class Reader:
    """An open mailbox; closed at the end of its block."""

    def __init__(self, server: Server) -> None:
        self._server = server
        #: UIDs mean the same as long as this stays the same.
        self.validity = 0

    def __enter__(self) -> Self:
        try:
            self._wire = self._connect()
        except (imaplib.IMAP4.error, OSError) as exc:
            raise _unreachable(exc) from exc
        try:
            self._ask("login", self._server.user, self._server.password)
            folder = self._server.folder.replace("\\", "\\\\").replace('"', '\\"')
            self._ask("select", f'"{folder}"', True)  # noqa: FBT003 (only to read)
            _, found = self._wire.response("UIDVALIDITY")
            self.validity = int((found or [None])[0] or 0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._wire.logout()
        except (imaplib.IMAP4.error, OSError):
            self._wire.shutdown()

    def after(self, uid: int, *, since: dt.datetime | None = None) -> list[int]:
        """The numbers of mails that came after this one, oldest first."""
        words = [f"UID {uid + 1}:*"]
        if since is not None:
            # The day only, with its month in English.
            words.append(f"SINCE {imaplib.Time2Internaldate(since)[1:12]}")
        found = self._ask("uid", "SEARCH", " ".join(words))
        numbers = b" ".join(each for each in found if isinstance(each, bytes)).split()
        # A range that begins after the last mail means the last mail.
        return sorted(int(each) for each in numbers if int(each) > uid)

    def heads(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The headers of mails by their numbers; of those that are still there."""
        names = ",".join(str(each) for each in uids)
        return self._fetch(names, "BODY.PEEK[HEADER]")

    def whole(self, uid: int, most: int) -> bytes:
        """A mail, or its first so many bytes; nothing if it has gone."""
        return self._fetch(str(uid), f"BODY.PEEK[]<0.{most}>").get(uid, b"")

    def _fetch(self, uids: str, what: str) -> dict[int, bytes]:
        rows = self._ask("uid", "FETCH", uids, f"(UID {what})")
        found: dict[int, bytes] = {}
        for row, after in itertools.pairwise([*rows, b""]):
            if isinstance(row, tuple):
                # Servers name the number before the text or behind it.
                said = row[0] + (after if isinstance(after, bytes) else b"")
                if match := _UID.search(said):
                    found[int(match[1])] = row[1]
        return found

    def _connect(self) -> imaplib.IMAP4:
        server = self._server
        context = ssl.create_default_context()
        if server.scheme == "imaps":
            return imaplib.IMAP4_SSL(
                server.host, server.port, ssl_context=context, timeout=TIMEOUT_S
            )
        wire = imaplib.IMAP4(server.host, server.port, timeout=TIMEOUT_S)
        if server.scheme == "imap+tls":
            try:
                wire.starttls(context)
            except (imaplib.IMAP4.error, OSError):
                wire.shutdown()
                raise
        return wire

    def _ask(self, verb: str, *words: object) -> list[bytes | tuple[bytes, bytes]]:
        try:
            status, data = getattr(self._wire, verb)(*words)
        except (imaplib.IMAP4.abort, OSError) as exc:
            raise _unreachable(exc) from exc
        except imaplib.IMAP4.error as exc:
            raise _refused(verb, exc.args[0] if exc.args else "") from exc
        if status != "OK":
            raise _refused(verb, data[0] if data else "")
        return [each for each in data if each is not None]


def _unreachable(exc: Exception) -> TemporaryProviderError:
    return TemporaryProviderError(
        truncate(f"The mailbox could not be reached: {exc}", 300), provider=PROVIDER
    )


def _refused(verb: str, said: object) -> PermanentProviderError:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return PermanentProviderError(
        truncate(f"The mailbox refuses “{verb}”: {words}", 300), provider=PROVIDER
    )
