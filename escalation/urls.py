from django.urls import path

from escalation import api, views

urlpatterns = [
    path("tickets/<uuid:ticket>/", views.ticket, name="ticket"),
    path("desk/tickets/<uuid:ticket>/again/", views.send_again, name="ticket-again"),
    path("escalations/<uuid:escalation>/take/", views.take, name="take-escalation"),
    path("api/agent-failure/", api.record_failure, name="record-failure"),
    path(
        "api/agent-failure/<uuid:failure>/create-ticket",
        api.create_ticket,
        name="create-ticket",
    ),
    path(
        "api/agent-failure/<uuid:failure>/decline",
        api.decline,
        name="decline-ticket",
    ),
]
