from django.urls import path

from ai_model import analytics_api, config_api, session_api, status_api, usage_api

urlpatterns = [
    path("ask/", session_api.Ask.as_view(), name="ai-ask"),
    path("sessions/", session_api.SessionList.as_view(), name="ai-sessions"),
    path(
        "sessions/<str:session>/",
        session_api.SessionDetail.as_view(),
        name="ai-session",
    ),
    path(
        "sessions/<str:session>/send/",
        session_api.SessionSend.as_view(),
        name="ai-session-send",
    ),
    path("analytics/", analytics_api.Analytics.as_view(), name="ai-analytics"),
    path(
        "analytics/csv/",
        analytics_api.AnalyticsTable.as_view(),
        name="ai-analytics-csv",
    ),
    path("usage/stats/", usage_api.UsageStats.as_view(), name="ai-usage"),
    path("usage/global/", usage_api.GlobalUsage.as_view(), name="ai-global-usage"),
    path("config/", config_api.Config.as_view(), name="ai-config"),
    path(
        "conversations/bulk-status/",
        status_api.BulkStatus.as_view(),
        name="ai-bulk-status",
    ),
    path(
        "conversations/<str:conversation>/status/",
        status_api.ConversationStatus.as_view(),
        name="ai-status",
    ),
    path(
        "default-handler/",
        status_api.DefaultHandler.as_view(),
        name="ai-default-handler",
    ),
]
