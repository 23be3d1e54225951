from django.urls import path

from conversations import api, demo

urlpatterns = [
    path("api/agent/<slug:agent_type>/", api.ask_agent, name="ask-agent"),
    path("api/chat/<uuid:channel>/messages", api.chat_messages, name="chat-messages"),
    path("webhook/chatwoot", demo.chatwoot_webhook, name="chatwoot-webhook"),
    path("toggle-human", demo.toggle_human, name="toggle-human"),
    path("human-status", demo.human_status, name="human-status"),
    path("agent-console/entries", demo.console_entries, name="console-entries"),
    path("agent-console/reply", demo.console_reply, name="console-reply"),
]
