"""Which consumer serves which socket."""

from django.urls import path

from conversations.consumers import ChatConsumer, DeskConsumer

websocket_urlpatterns = [
    path("ws/desk/", DeskConsumer.as_asgi()),
    path("ws/chat/<uuid:channel>/", ChatConsumer.as_asgi()),
]
