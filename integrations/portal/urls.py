"""The owner's pages."""

from django.urls import path

from integrations.portal import kommo_views, views

urlpatterns = [
    path("", views.index, name="portal"),
    path("kommo/callback/", kommo_views.callback, name="kommo-callback"),
    path("kommo/uninstalled/", kommo_views.uninstalled, name="kommo-uninstalled"),
    path("kommo/<uuid:row>/authorise", kommo_views.authorise, name="kommo-authorise"),
    path("kommo/<uuid:row>/widget.zip", kommo_views.download, name="kommo-archive"),
    path("<slug:provider>/", views.provider, name="portal-provider"),
    path("<slug:provider>/new/", views.add, name="portal-add"),
    path("<slug:provider>/<uuid:row>/<slug:tab>/", views.page, name="portal-page"),
]
