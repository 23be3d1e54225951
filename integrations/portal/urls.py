"""The owner's pages."""

from django.urls import path

from integrations.portal import views

urlpatterns = [
    path("", views.index, name="portal"),
    path("<slug:provider>/", views.provider, name="portal-provider"),
    path("<slug:provider>/new/", views.add, name="portal-add"),
    path("<slug:provider>/<uuid:row>/<slug:tab>/", views.page, name="portal-page"),
]
