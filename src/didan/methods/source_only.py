"""No adaptation: train on the source, and hope."""

from didan.methods.method import Method, MethodContext, MethodSettings


class SourceOnlySettings(MethodSettings):
    """Nothing to set."""


def _build(settings: SourceOnlySettings, context: MethodContext) -> None:
    return None


METHOD = Method(
    name="source-only",
    summary="no adaptation: trained on the source alone",
    settings=SourceOnlySettings,
    build=_build,
)
