"""Questions that nobody answered: what to write, and whether it helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed
from accounts.scoped_admin import ScopedAdmin
from ai_model import gaps
from ai_model.gap_drafts import newest_questions, replies_to
from ai_model.models import Gap
from core.exceptions import AppError
from knowledge.models import Entry

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    GapModelForm = forms.ModelForm[Gap]
    SimpleListFilter = admin.SimpleListFilter
else:
    GapModelForm = forms.ModelForm
    SimpleListFilter = admin.SimpleListFilter

#: Other gaps that one can be merged into.
MOST_CHOICES = 100


class GapForm(GapModelForm):
    """The draft, and where the questions may go instead."""

    title = forms.CharField(
        label=_("Title"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    body = forms.CharField(
        label=_("Text"),
        required=False,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 10}),
        help_text=_("What every customer may read. Plain text or Markdown."),
    )
    merge_into = forms.ModelChoiceField(
        Gap.objects.none(),
        label=_("Merge into"),
        required=False,
        help_text=_("Where this is the same question in other words."),
    )

    known_entry = forms.ModelChoiceField(
        Entry.objects.none(),
        label=_("Entry that answers it"),
        required=False,
        help_text=_("The questions become learned questions of that entry."),
    )

    class Meta:
        model = Gap
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entry = self.instance.entry
        if entry is not None:
            self.initial.update(title=entry.title, body=entry.body)
        known: Any = self.fields["known_entry"]
        known.queryset = gaps.nearest_entries(self.instance).order_by("title")
        others = Gap.objects.for_account(self.instance.account).undecided()
        choice: Any = self.fields["merge_into"]
        # A slice cannot be looked into for the one that was chosen.
        keys = [
            row.pk
            for row in others.exclude(pk=self.instance.pk).by_volume()[:MOST_CHOICES]
        ]
        choice.queryset = Gap.objects.filter(pk__in=keys).order_by("question")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "_merge" in self.data and not cleaned.get("merge_into"):
            self.add_error("merge_into", _("Choose the question to merge into."))
        if "_link" in self.data and not cleaned.get("known_entry"):
            self.add_error("known_entry", _("Choose the entry that answers it."))
        if "_publish" in self.data or {"title", "body"} & set(self.changed_data):
            for name in ("title", "body"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, _("An entry needs a title and a text."))
        return cleaned


class DecisionFilter(SimpleListFilter):
    """What is still to be decided, unless something else is asked for."""

    title = _("state")
    parameter_name = "state"
    _STATES: ClassVar = {
        "open": [Gap.Status.OPEN],
        "drafted": [Gap.Status.DRAFTED],
        "closed": [Gap.Status.CLOSED],
        "dismissed": [Gap.Status.DISMISSED],
    }

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Gap.Status.choices)

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("To do")}
        yield from others

    def queryset(self, request: Any, queryset: Any) -> Any:
        wanted = self._STATES.get(str(self.value()))
        if wanted is None:
            return queryset.undecided().filter(volume__gt=0)
        return queryset.filter(status__in=wanted)


@admin.register(Gap)
class GapAdmin(ScopedAdmin):
    """What do customers ask that nobody answered, and what would answer it?"""

    form = GapForm
    can_add = can_delete = False
    # They come and grow by themselves; what people do with them are actions.
    is_on_trail = False
    list_display = ("question", "times", "status", "proof", "last_seen_at")
    list_filter = (DecisionFilter, "lang")
    list_select_related = ("account",)
    search_fields = ("question", "questions__text")
    ordering = ()
    actions = ("dismiss", "merge", "bring_back")
    fieldsets = (
        (None, {"fields": ("question", "times", "status", "proof", "reasked_at")}),
        (_("How it was asked"), {"fields": ("questions",)}),
        (_("What people replied"), {"fields": ("replies",)}),
        (_("Entry"), {"fields": ("title", "body", "entry_page")}),
        (_("Is there an entry already?"), {"fields": ("known_entry",)}),
        (_("The same as another one?"), {"fields": ("merge_into",)}),
    )
    readonly_fields = (
        "question",
        "times",
        "status",
        "proof",
        "reasked_at",
        "questions",
        "replies",
        "entry_page",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        tried = Count("questions", filter=Q(questions__is_answered__isnull=False))
        answered = Count("questions", filter=Q(questions__is_answered=True))
        found: QuerySet[Any] = rows.by_volume().annotate(tried=tried, answered=answered)
        return found

    # What is shown ------------------------------------------------------------

    @admin.display(description=_("times asked"), ordering="weight")
    def times(self, obj: Any) -> int:
        return int(obj.volume)

    @admin.display(description=_("answered now"))
    def proof(self, obj: Any) -> str:
        if not obj.tried:
            return "–"
        return _("%(answered)d of %(tried)d") % {
            "answered": obj.answered,
            "tried": obj.tried,
        }

    @admin.display(description=_("questions"))
    def questions(self, obj: Any) -> str:
        rows = list(
            obj.questions.select_related("turn__conversation").order_by(
                "is_answered", "-pk"
            )[: gaps.MOST_ASKED]
        )
        context = {"questions": rows, "more": max(0, obj.volume - len(rows))}
        return render_to_string("admin/ai_model/gap/questions.html", context)

    @admin.display(description=_("replies"))
    def replies(self, obj: Any) -> str:
        context = {"replies": replies_to(newest_questions(obj))}
        return render_to_string("admin/ai_model/gap/replies.html", context)

    @admin.display(description=_("entry"))
    def entry_page(self, obj: Any) -> str:
        if obj.entry_id is None:
            return "–"
        return render_to_string("admin/ai_model/gap/entry.html", {"entry": obj.entry})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        entry = getattr(context.get("original"), "entry", None)
        context["is_published"] = (
            entry is not None and entry.status == Entry.Status.PUBLISHED
        )
        return super().render_change_form(request, context, *args, **kwargs)

    # What is done -------------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        """Nothing is saved here: each button is a service of its own."""

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        form = self.get_form(request, obj)(request.POST, instance=obj)
        form.is_valid()
        try:
            page = self._act(request, obj, form.cleaned_data)
        except AppError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            page = request.path
        return HttpResponseRedirect(page)

    def _act(self, request: HttpRequest, gap: Gap, said: dict[str, Any]) -> str:
        """Do what the button says; returns the page to show next."""
        pressed = request.POST
        if "_dismiss" in pressed:
            gaps.dismiss(gaps=[gap])
            self.message_user(request, _("The question was dismissed."))
            return reverse("admin:ai_model_gap_changelist")
        if "_back" in pressed:
            gaps.bring_back(gaps=[gap])
            return request.path
        if "_merge" in pressed:
            merged = gaps.merge(gaps=[gap], into=said["merge_into"])
            self.message_user(request, _("The questions are together now."))
            return reverse("admin:ai_model_gap_change", args=[merged.pk])
        user: Any = request.user
        if "_link" in pressed:
            proof = gaps.link(gap=gap, entry=said["known_entry"], user=user)
            self._tell(request, proof)
            return request.path
        if said["title"] and said["body"]:
            gaps.save_draft(gap=gap, title=said["title"], body=said["body"], user=user)
        if "_publish" in pressed:
            self._tell(request, gaps.publish(gap=gap))
        return request.path

    def _tell(self, request: HttpRequest, proof: gaps.Proof) -> None:
        facts = {"answered": proof.answered, "asked": proof.asked}
        if proof.is_closed:
            text = _("Closed: %(answered)d of %(asked)d questions are answered now.")
            self.message_user(request, text % facts, messages.SUCCESS)
            return
        text = _(
            "Published, but only %(answered)d of %(asked)d questions are answered now."
            " Those that are not stand first below: say it in their words, or approve"
            " them under Learned questions, and ask again."
        )
        self.message_user(request, text % facts, messages.WARNING)

    @confirmed(
        description=_("Dismiss selected questions"),
        effect=_("They leave the list of what is to do; they can be put back."),
        done=ngettext_lazy(
            "%d question was dismissed.", "%d questions were dismissed."
        ),
    )
    def dismiss(self, request: HttpRequest, rows: list[Any]) -> int:
        return gaps.dismiss(gaps=rows)

    @confirmed(
        description=_("Put back on the list"),
        effect=_("They are on the list of what is to do again."),
        done=ngettext_lazy("%d question was put back.", "%d questions were put back."),
    )
    def bring_back(self, request: HttpRequest, rows: list[Any]) -> int:
        return gaps.bring_back(gaps=rows)

    @confirmed(
        description=_("Merge into the most frequent one"),
        effect=_(
            "All that was asked becomes one question on the list; this cannot be undone."
        ),
    )
    def merge(self, request: HttpRequest, rows: list[Any]) -> int:
        if len({row.account_id for row in rows}) != 1 or len(rows) < 2:
            text = _("Select two or more questions of one account.")
            self.message_user(request, text, messages.WARNING)
            return 0
        into = max(rows, key=lambda row: row.volume)
        gaps.merge(gaps=rows, into=into)
        self.message_user(request, _("The questions are together now."))
        return len(rows)
