"""A setting of scikit-learn that skada needs, and leaves changed unless it is put back."""

from collections.abc import Iterator

import pytest
import sklearn


@pytest.fixture
def skada_settings() -> Iterator[None]:
    """Make skada's scorers usable in a test, which is skipped without skada."""
    with sklearn.config_context(enable_metadata_routing=True):
        pytest.importorskip("skada")
        yield
