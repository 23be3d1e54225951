from django.urls import include, path
from django.views.generic import RedirectView

from conversations import api, demo, link_views, tryout, views, widget

desk_urlpatterns = [
    path("", views.desk, name="desk"),
    path("rows/", views.desk_rows, name="desk-rows"),
    path("changes/", views.desk_changes, name="desk-changes"),
    path("contacts/<uuid:contact>/portrait", views.portrait, name="desk-portrait"),
    path("<uuid:conversation>/", views.desk, name="desk-conversation"),
    path("<uuid:conversation>/thread/", views.desk_thread, name="desk-thread"),
    path("<uuid:conversation>/take-over/", views.take_over, name="desk-take-over"),
    path("<uuid:conversation>/hand-back/", views.hand_back, name="desk-hand-back"),
    path("<uuid:conversation>/close/", views.close, name="desk-close"),
    path("<uuid:conversation>/reply/", views.reply, name="desk-reply"),
    path("<uuid:conversation>/entries/", views.entry_titles, name="desk-entries"),
    path(
        "<uuid:conversation>/messages/<uuid:message>/link/",
        views.link_reply,
        name="desk-link",
    ),
    path(
        "<uuid:conversation>/messages/<uuid:message>/template/",
        views.send_as_template,
        name="desk-template",
    ),
    path("<uuid:conversation>/read/", views.mark_read, name="desk-read"),
    path(
        "<uuid:conversation>/deliveries/<uuid:delivery>/retry/",
        views.retry_delivery,
        name="desk-retry",
    ),
]

urlpatterns = [
    path("", views.chat, name="chat"),
    path("desk/", include(desk_urlpatterns)),
    path("desk", RedirectView.as_view(pattern_name="desk", query_string=True)),
    path("api/agent/<slug:agent_type>/", api.ask_agent, name="ask-agent"),
    path("widget.js", widget.script, name="widget"),
    path("widget.css", widget.styles, name="widget-styles"),
    path("widget/try", tryout.form, name="widget-try"),
    path("widget/host", tryout.host, name="widget-host"),
    path("api/chat/panel", widget.panel, name="chat-panel"),
    path("api/chat/<uuid:channel>/messages", api.chat_messages, name="chat-messages"),
    path("verify/<str:token>", link_views.verify_email, name="verify-email"),
    path("webhook", demo.webhook, name="webhook"),
    path("webhook/chatwoot", demo.chatwoot_webhook, name="chatwoot-webhook"),
    path("toggle-human", demo.toggle_human, name="toggle-human"),
    path("human-status", demo.human_status, name="human-status"),
    path("agent-console/entries", demo.console_entries, name="console-entries"),
    path("agent-console/reply", demo.console_reply, name="console-reply"),
]
