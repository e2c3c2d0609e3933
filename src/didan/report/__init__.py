"""Report: run records become tables, figures and one page."""
