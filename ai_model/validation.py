"""Finds what keeps assistants from answering as they should, and says how to mend it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson
from django.conf import settings
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ai_model import providers, spending, sunset
from ai_model.control import assistant_of, unpriced
from ai_model.models import SpendingNotice
from ai_model.models.spending import amount_text
from conversations import verification
from core import http
from core.exceptions import InvalidPayload, ProviderError
from integrations import alerting
from integrations.services import check_credentials
from knowledge.models import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from accounts.models import Account
    from ai_model.models import Assistant
    from core.calls import Response
    from integrations.models import Channel

_TIMEOUT_S: Final = 8.0
#: Environment variable that holds the key of a provider.
_KEYS: Final = {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or soon will be."""

    #: An error keeps answers from customers; a warning does not, or not yet.
    level: Literal["error", "warning"]
    code: str
    #: Name of the account; empty: the installation.
    account: str
    problem: str
    mend: str

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def validate(accounts: Sequence[Account]) -> list[Finding]:
    """All that is wrong with these accounts, errors first."""
    return _in_order([*look_at(accounts), *_of_webhooks(accounts)])


def look_at(accounts: Iterable[Account]) -> list[Finding]:
    """What can be seen to be wrong from here, errors first; nobody outside is asked."""
    return _in_order(finding for each in accounts for finding in _of_account(each))


def _in_order(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda each: (each.level, each.account))


def _of_account(account: Account) -> Iterator[Finding]:
    assistant = assistant_of(account)
    checks = (
        _settings(assistant),
        _provider_keys(assistant),
        _models(assistant),
        _spending(assistant),
        _knowledge(account),
        _channels(account),
        _alerts(account),
    )
    for level, code, problem, mend in (one for check in checks for one in check):
        yield Finding(level, code, account.name, problem, mend)


#: A finding without its account.
Told = tuple[Literal["error", "warning"], str, str, str]


def _settings(assistant: Assistant) -> Iterator[Told]:
    page = f"/admin/ai_model/assistant/{assistant.pk}/change/"
    if not assistant.auto_response:
        problem = _("The assistant is switched off.")
        mend = _("Run ai_control enable, or switch “answers by itself” on.")
        yield "warning", "auto_response_off", problem, mend
    try:
        assistant.clean()
    except ValidationError as exc:
        for field, words in exc.message_dict.items():
            if field == "model_names":
                # Told with its successor and date below.
                continue
            mend = _("Change it under %(page)s.") % {"page": page}
            name = capfirst(str(label_for_field(field, type(assistant))))
            yield "error", field, f"{name}: {' '.join(words)}", mend


def _provider_keys(assistant: Assistant) -> Iterator[Told]:
    usable = {each.key for each in providers.usable(assistant.chain)}
    level: Literal["error", "warning"] = "warning" if usable else "error"
    for key in assistant.chain:
        if key in _KEYS and key not in usable:
            names = {
                "label": providers.get(key).label,
                "variable": _KEYS[key],
                "provider": providers.get(key).label,
            }
            problem = _("%(label)s is to be asked but has no key.") % names
            mend = _("Set %(variable)s, or take %(provider)s out of the providers.")
            yield level, "missing_key", problem, mend % names


def _models(assistant: Assistant) -> Iterator[Told]:
    usable = providers.usable(assistant.chain)
    # What was chosen for a provider without a key would only be told once it has one.
    chosen = [
        providers.get(key)
        for key in assistant.chain
        if key in assistant.model_names and key in providers.REGISTRY
    ]
    for each in sunset.ending(assistant, dict.fromkeys([*usable, *chosen])):
        is_in_use = providers.get(each.provider) in usable
        level: Literal["error", "warning"] = (
            "error" if each.is_over and is_in_use else "warning"
        )
        yield level, each.code, each.problem, each.mend


def _spending(assistant: Assistant) -> Iterator[Told]:
    page = f"/admin/ai_model/assistant/{assistant.pk}/change/"
    for provider, name in unpriced(assistant):
        problem = _("%(model)s has no price, so no limit in money stops it.")
        problem %= {"model": f"{provider}: {name}"}
        mend = _("Enter its price under %(page)s, or limit tokens as well.")
        mend %= {"page": "/admin/ai_model/price/"}
        yield "warning", "model_without_price", problem, mend
    for each in spending.standings_of(assistant):
        if each.state == "ok":
            continue
        problem = (
            _("A spending limit is reached: %(spent)s of %(limit)s %(unit)s are spent.")
            if each.is_reached
            else _(
                "A spending limit is near: %(spent)s of %(limit)s %(unit)s are spent."
            )
        ) % {
            "spent": amount_text(each.spent),
            "limit": amount_text(each.limit),
            "unit": SpendingNotice.Unit(each.unit).label,
        }
        mend = (
            _("Raise it under %(page)s, or wait for the next day in UTC.")
            if each.period == "day"
            else _("Raise it under %(page)s, or wait for the next month in UTC.")
        ) % {"page": page}
        yield "warning", "spending_limit", problem, mend


def _knowledge(account: Account) -> Iterator[Told]:
    entries = Entry.objects.for_account(account)
    if not entries.filter(status=Entry.Status.PUBLISHED).exists():
        problem = _("There is no published entry, so there is nothing to answer from.")
        mend = _("Run import_entries, or write entries in the admin.")
        yield "error", "empty_knowledge", problem, mend


def _channels(account: Account) -> Iterator[Told]:
    channels = list(account.channels.filter(is_active=True))
    if not channels:
        mend = _("Run create_channel, or switch one on in the admin.")
        yield "error", "no_channel", _("No active channel brings messages."), mend
    for channel in channels:
        try:
            check_credentials(channel.provider, channel.credentials)
        except InvalidPayload as exc:
            mend = _("Enter the credentials in the admin, under Channels.")
            yield "error", "channel_credentials", f"{channel}: {exc}", mend
        if unsigned := _missing_secrets(channel):
            problem = _(
                "%(channel)s: without %(secret)s anybody who knows the address may write"
                " in its name."
            ) % {"channel": channel, "secret": unsigned}
            mend = _(
                "Take it from the provider's settings and enter it under Channels."
            )
            yield "warning", "channel_without_secret", problem, mend
        if channel.error:
            problem = _("%(channel)s: the provider refuses us: %(error)s") % {
                "channel": channel,
                "error": channel.error,
            }
            mend = _(
                "Replace its credentials in the admin; the next sending proves them."
            )
            yield "error", "channel_refused", problem, mend
        if channel.verifies_email and not verification.is_possible():
            problem = _(
                "%(channel)s: its customers verify e-mail addresses, and we cannot send"
                " links, so people answer all of them."
            ) % {"channel": channel}
            mend = _("Set PUBLIC_URL and EMAIL_URL, or switch the verification off.")
            yield "error", "verification_impossible", problem, mend
        if channel.human_mode:
            problem = _("%(channel)s is in human mode.") % {"channel": channel}
            mend = _("Switch human mode off once people need not reply to everything.")
            yield "warning", "human_mode", problem, mend


def _alerts(account: Account) -> Iterator[Told]:
    for target in account.alert_targets.filter(is_active=True):
        adapter = alerting.adapter_of(account, target, target.service)
        mend = _("Change it in the admin, under Alert services, and send a test alert.")
        if problem := adapter.refusal() or target.error:
            yield "error", "alerts_refused", f"{adapter.label}: {problem}", mend
        elif problem := adapter.warning():
            yield "warning", "alerts_ending", f"{adapter.label}: {problem}", mend


def _missing_secrets(channel: Channel) -> str:
    """Labels of the secrets by which the provider would sign, and that are not set."""
    if channel.adapter.is_pulled:
        # Nothing is sent to it; who a page's visitors are is another matter.
        return ""
    fields = channel.adapter.credential_fields
    missing = (
        field.label
        for field in fields
        if field.name.endswith("_secret") and not channel.credentials.get(field.name)
    )
    return ", ".join(missing)


def _of_webhooks(accounts: Iterable[Account]) -> list[Finding]:
    """Whether providers could reach us, looked at through our own public address."""
    channels = [
        channel
        for account in accounts
        for channel in account.channels.filter(is_active=True).select_related("account")
        if not channel.adapter.is_pulled
    ]
    if channels and not settings.PUBLIC_URL:
        problem = "Channels wait for webhooks, and the service has no public address."
        mend = "Set PUBLIC_URL to the address under which providers reach it."
        return [Finding("error", "no_public_url", "", problem, mend)]

    async def look() -> list[str]:
        return await asyncio.gather(*(_reach(each) for each in channels))

    problems = http.run(look()) if channels else []
    return [
        Finding(
            "error",
            "webhook_unreachable",
            channel.account.name,
            f"{channel}: {settings.PUBLIC_URL}{channel.webhook_path} {problem}.",
            "Lead that address to this service, or mend PUBLIC_URL.",
        )
        for channel, problem in zip(channels, problems, strict=True)
        if problem
    ]


async def _reach(channel: Channel) -> str:
    """Why the webhook's address is not ours, or nothing. A GET changes nothing there."""
    try:
        answer = await http.request(
            "GET",
            settings.PUBLIC_URL + channel.webhook_path,
            provider="ourselves",
            trusted=True,
            timeout_s=_TIMEOUT_S,
            check=False,
        )
    except ProviderError as exc:
        return f"cannot be reached ({exc.code})"
    return "" if _is_ours(answer) else f"answers {answer.status_code}, which is not us"


def _is_ours(answer: Response) -> bool:
    """Whether this is how our inbox refuses a GET that no provider has sent."""
    try:
        body = orjson.loads(answer.content)
    except ValueError:
        return False
    return (
        answer.status_code in (401, 405) and isinstance(body, dict) and "code" in body
    )
