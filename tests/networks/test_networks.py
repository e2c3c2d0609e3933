"""What every network promises, whatever its backbone."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from didan.networks import LAYERS, Network, averaged, build_network
from didan.networks.cepstral import Cepstral
from didan.networks.hierarchical import Hierarchical
from didan.networks.network import OneFrame
from didan.networks.whisper import WhisperLayers, WhisperSettings
from tiny_encoders import make_encoder

BANDS, EMOTIONS = 80, 5  # Whisper's
LENGTHS = torch.tensor([61, 33])


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> WhisperSettings:
    return WhisperSettings(model=str(make_encoder("whisper", tmp_path_factory.mktemp("encoder")))).found()


@pytest.fixture(scope="module", params=["functionals", "spectrogram", "whisper", "hierarchical", "hidden states"])
def network(request: pytest.FixtureRequest) -> Network:
    torch.manual_seed(1)
    if request.param == "whisper":
        return build_network("spectrogram", BANDS, EMOTIONS, 0.5, request.getfixturevalue("whisper")).eval()
    if request.param in ("hierarchical", "hidden states"):
        kind = "spectrogram" if request.param == "hierarchical" else "pretrained"
        return build_network(kind, BANDS, EMOTIONS, 0.5, hierarchical=True).eval()
    return build_network(request.param, BANDS, EMOTIONS, 0.5).eval()


@pytest.fixture(scope="module")
def spectrograms() -> Tensor:
    return 20 * torch.randn(2, int(LENGTHS.max()), BANDS, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def vectors_of(network: Network, features: Tensor, lengths: Tensor) -> Tensor:
    vectors: Tensor = network.backbone(features, lengths)
    return vectors


def test_shapes_are_as_announced(network: Network, spectrograms: Tensor) -> None:
    vectors = vectors_of(network, spectrograms, LENGTHS)
    assert vectors.shape == (2, network.width)
    output = network.outputs(vectors.numpy())
    assert output.scores.shape == (2, EMOTIONS)
    shapes = {name: tuple(h.shape) for name, h in output.embeddings.items()}
    assert shapes == {name: (2, width) for name, width in network.widths.items()}
    assert tuple(shapes) == LAYERS
    assert output.embeddings["fc1"].min() >= 0  # after the activation
    assert output.embeddings["fc2"].min() >= 0
    torch.testing.assert_close(output.embeddings["output"], output.scores)


def test_padding_has_no_effect(network: Network, spectrograms: Tensor) -> None:
    short = spectrograms[1:, : LENGTHS[1]]
    alone = vectors_of(network, short, LENGTHS[1:])
    for frames, value in ((20, 0.0), (7, 500.0)):
        padded = torch.cat([short, torch.full((1, frames, BANDS), value)], dim=1)
        torch.testing.assert_close(vectors_of(network, padded, LENGTHS[1:]), alone, rtol=1e-4, atol=1e-4)


def test_company_has_no_effect(network: Network, spectrograms: Tensor) -> None:
    utterances = [spectrograms[row, :length].numpy() for row, length in enumerate(LENGTHS)]
    together = network.vectors([*utterances, *utterances[::-1]])
    alone = np.concatenate([network.vectors([one]) for one in utterances])
    np.testing.assert_allclose(together, alone[[0, 1, 1, 0]], rtol=1e-4, atol=1e-4)


def test_features_matter(network: Network, spectrograms: Tensor) -> None:
    output = network.outputs(vectors_of(network, spectrograms, LENGTHS).numpy())
    for layer in LAYERS:
        assert not torch.allclose(output.embeddings[layer][0], output.embeddings[layer][1])


def test_one_frame_is_enough_and_has_a_gradient(network: Network) -> None:
    features = torch.randn(1, 1, BANDS, requires_grad=True)
    vectors = network.backbone(features, torch.tensor([1]))
    vectors.sum().backward()
    assert vectors.isfinite().all()
    assert features.grad is not None
    assert features.grad.isfinite().all()  # the standard deviation of one frame is 0


def test_gradient_reaches_every_weight(network: Network, spectrograms: Tensor) -> None:
    network.requires_grad_(True).zero_grad()
    loss: Tensor = averaged(network.head(network.backbone(spectrograms, LENGTHS))).scores.square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.isfinite().all(), name
        assert weights.grad.any() or name.endswith("k_proj.bias"), name  # a softmax does not feel the latter


def test_a_network_in_training_trains_on_after_it_was_asked(network: Network, spectrograms: Tensor) -> None:
    network.train()
    try:
        vectors = network.vectors([spectrograms[0].numpy()])
        np.testing.assert_array_equal(network.outputs(vectors).scores, network.outputs(vectors).scores)
        assert network.training
        assert network.head.dropout.training
    finally:
        network.eval()


@pytest.mark.parametrize("frontend", ["functionals", "spectrogram"])
def test_seed_decides(frontend: str) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return build_network(frontend, BANDS, EMOTIONS).head.fc1.weight.detach()

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize(("given", "expected"), [(None, 0.5), (0.25, 0.25), (0.0, 0.0)])
def test_dropout_is_the_network_s_own_unless_given(given: float | None, expected: float) -> None:
    network = build_network("functionals", BANDS, EMOTIONS, given)
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {expected}


def test_which_backbone(whisper: WhisperSettings) -> None:
    assert isinstance(build_network("functionals", BANDS, EMOTIONS).backbone, OneFrame)
    assert isinstance(build_network("spectrogram", BANDS, EMOTIONS).backbone, Cepstral)
    assert isinstance(build_network("spectrogram", BANDS, EMOTIONS, None, whisper).backbone, WhisperLayers)
    assert isinstance(build_network("pretrained", BANDS, EMOTIONS, hierarchical=True).backbone, Hierarchical)


@pytest.mark.parametrize("n_frames", [1, 11, 49, 96, 100])
def test_levels_are_what_the_vector_is_made_of(n_frames: int) -> None:
    """A segment is what its frames are on average, unless its transformer says more."""
    torch.manual_seed(0)
    network = build_network("spectrogram", BANDS, EMOTIONS, hierarchical=True).eval()
    backbone = network.backbone
    assert isinstance(backbone, Hierarchical)
    for layer in (backbone.of_segments.self_attn.out_proj, backbone.of_segments.linear2):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)  # what is left of the layer is what goes past it
    features = 20 * torch.randn(2, 144, BANDS)
    with torch.inference_mode():
        vectors, levels = network.levels(features, torch.tensor([n_frames, 144]))
    tokens = -(-n_frames // 4)
    frames, segments = levels["frames"], levels["segments"]
    assert len(frames) == tokens + 36
    assert len(segments) == -(-tokens // 12) + 3
    own = torch.stack([part.mean(dim=0) for part in torch.split(frames[:tokens], 12)])
    torch.testing.assert_close(segments[: len(own)], own)
    expected = torch.cat([own.mean(dim=0), (own.var(dim=0, correction=0) + 1e-6).sqrt()])
    torch.testing.assert_close(vectors[0], expected)


def test_frames_of_a_segment_hear_one_another_and_no_others() -> None:
    torch.manual_seed(0)
    network = build_network("spectrogram", BANDS, EMOTIONS, hierarchical=True).eval()
    features = 20 * torch.randn(1, 144, BANDS)
    changed = features.clone()
    changed[0, 50] += 10
    with torch.inference_mode():
        (_, before), (_, after) = (network.levels(x, torch.tensor([144])) for x in (features, changed))
    differs = (before["frames"] - after["frames"]).abs().amax(dim=1) > 1e-6
    np.testing.assert_array_equal(differs.numpy(), np.arange(36) // 12 == 1)
    assert ((before["segments"] - after["segments"]).abs().amax(dim=1) > 1e-6).all()
