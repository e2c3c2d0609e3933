"""The service: recordings over HTTP, predictions as JSON."""
