"""Parsers of what others have made: pages, PDF, Word documents, sitemaps.

Each module has one `parse(data)`. They run in a process of their own (`sandbox.Parsers`),
without Django, because a parser may be made to eat all time and memory there are.
"""
