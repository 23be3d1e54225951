"""`manage.py load_demo`: the demo business, and how to sign in to it."""

from __future__ import annotations

from typing import Any

from ai_model.services import create_demo, reset_demo_passwords
from core.commands import OperatorCommand


class Command(OperatorCommand):
    """Adds the demo business where there is none; returns how to sign in, line by line.

    Passwords are new each time, because none is kept.
    """

    help = "Add the demo business and print new passwords for its people."

    def handle(self, *args: Any, **options: Any) -> str:
        business = create_demo() or reset_demo_passwords()
        lines = [
            f"{each.role:<8} {each.user.username:<12} {each.password}"
            for each in business.people
        ]
        if business.token:
            lines.append(f"{'token':<8} {business.token}")
        return "\n".join(lines)
