"""Which options write a report into a file."""

FILE_OPTIONS = ("verdict_json", "verdict_html", "verdict_junit", "verdict_message")
"""The options that name a report's file; chaterload.report.files, which takes time to import, writes them."""
