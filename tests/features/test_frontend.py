import numpy as np
import pytest
import torch

from didan.features import FRONTENDS, build_frontend


@pytest.mark.parametrize("kind", FRONTENDS)
def test_number_of_bands_is_that_of_the_features(kind: str) -> None:
    frontend = build_frontend(FRONTENDS[kind].model_validate({"kind": kind}))
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(8000).astype(np.float32) / 10)
    features = frontend(noise)
    assert features.shape[1] == frontend.n_bands
    assert features.isfinite().all()
