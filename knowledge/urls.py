from django.urls import path

from knowledge import api, example_api, source_api

urlpatterns = [
    path("entries/", api.EntryList.as_view(), name="entries"),
    path("entries/import/", api.EntryImport.as_view(), name="entries-import"),
    path("entries/<uuid:entry>/", api.EntryDetail.as_view(), name="entry"),
    path(
        "entries/<uuid:entry>/examples/",
        example_api.ExampleList.as_view(),
        name="entry-examples",
    ),
    path(
        "examples/import/", example_api.ExampleImport.as_view(), name="examples-import"
    ),
    path("sources/", source_api.SourceList.as_view(), name="sources"),
    path("sources/<uuid:source>/", source_api.SourceDetail.as_view(), name="source"),
    path(
        "sources/<uuid:source>/read/",
        source_api.SourceRead.as_view(),
        name="source-read",
    ),
]
