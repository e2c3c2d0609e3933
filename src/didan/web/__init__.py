"""The web page: upload or record, and see emotions, timeline and explanation."""
