"""What the service counts, for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """Requests for predictions by status and duration, recordings, batches, and the process itself."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter("didan_requests", "Requests for predictions.", ["status"], registry=registry)
        self.seconds = Histogram("didan_request_seconds", "From request to answer.", registry=registry)
        self.audio = Counter("didan_audio_seconds", "Seconds of audio that were predicted.", registry=registry)
        self.batches = Histogram(
            "didan_batch_requests", "Requests answered together.", buckets=(1, 2, 4, 8, 16, 32), registry=registry
        )
        self.waiting = Gauge("didan_waiting_requests", "Requests that wait for an answer.", registry=registry)

    def text(self) -> bytes:
        """All of it in Prometheus' format."""
        return generate_latest(self._registry)


class Measured:
    """An application whose requests to one path are counted and timed."""

    def __init__(self, app: ASGIApp, path: str, metrics: Metrics) -> None:
        self._app, self._path, self._metrics = app, path, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, self._counting(send))

    def _counting(self, send: Send) -> Send:
        begun = time.perf_counter()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(str(message["status"])).inc()
                self._metrics.seconds.observe(time.perf_counter() - begun)
            await send(message)

        return counting
