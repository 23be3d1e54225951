"""A mail server on loopback: what it takes is kept, what it refuses is queued."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller

from core.tests.network import eventually

if TYPE_CHECKING:
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP

#: It takes the message and hangs up before it says so.
HANG_UP = "hang up"


class _Controller(Controller):
    """Hangs up on everybody when it stops; aiosmtpd leaves connections to the collector."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._sessions: list[SMTP] = []

    def factory(self) -> SMTP:
        self._sessions.append(super().factory())
        return self._sessions[-1]

    def stop(self, no_assert: bool = False) -> None:  # noqa: FBT001, FBT002 (its name)
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(5)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        for session in self._sessions:
            if session.transport:
                session.transport.close()
        await asyncio.sleep(0.01)  # the loop closes them


class Mailbox:
    """Takes e-mail on 127.0.0.1 until it is closed."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        #: What the server says to the next messages instead of yes.
        self.answers: list[str] = []
        self._port = _free_port()
        self._controller = _Controller(self, hostname="127.0.0.1", port=self._port)

    def configure(self, settings: Any) -> None:
        """Have Django send its e-mail here."""
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = self._port
        settings.DEFAULT_FROM_EMAIL = "desk@shop.example"

    def wait_for(self, count: int = 1) -> list[EmailMessage]:
        """The messages, once there are so many."""
        eventually(lambda: len(self.messages) >= count)
        return self.messages

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else ""
        if answer and answer != HANG_UP:
            return answer
        self.messages.append(
            email.message_from_bytes(envelope.content, policy=email.policy.default)
        )
        self.recipients.append(envelope.rcpt_tos)
        if answer == HANG_UP:
            server.transport.abort()
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
