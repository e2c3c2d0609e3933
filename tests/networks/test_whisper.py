"""The backbone that begins as Whisper, against transformers' own encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from didan.errors import UserError
from didan.features import Spectrogram
from didan.model.config import make_config
from didan.networks import build_network
from didan.networks.whisper import WhisperLayers, WhisperSettings
from features.encoders.test_families import shortened
from tiny_encoders import make_encoder, whole_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder("whisper", tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def found(folder: Path) -> WhisperSettings:
    return WhisperSettings(model=str(folder)).found()


def test_vector_is_that_of_transformers(found: WhisperSettings) -> None:
    backbone = build_network("spectrogram", 80, 4, None, found).backbone
    assert isinstance(backbone, WhisperLayers)
    waveform = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (1, 15_999)).astype(np.float32))
    waveform[:, 8000:] *= 1e-4  # 80 dB weaker: no speech
    log_mel, lengths = Spectrogram(found.frontend())(waveform)
    with torch.no_grad():
        made = backbone(log_mel, lengths)[0]
        heard = (torch.maximum(log_mel / 10, log_mel.max() / 10 - 8) + 4) / 4
        n_frames = heard.shape[1] // 2
        states = shortened(whole_model("whisper").encoder, n_frames)(
            heard.mT, output_hidden_states=True
        ).hidden_states
    hidden = torch.stack(states[1:3]).mean(dim=0)[0]  # of four layers
    power = (10 ** (log_mel[0] / 10)).sum(dim=1)
    loud = 10 * power.log10() > 10 * power.max().log10() - 40
    speech = torch.tensor([bool(loud[2 * t : 2 * t + 2].any()) for t in range(n_frames)])
    assert 0 < speech.sum() < n_frames
    expected = torch.cat([hidden[speech].mean(dim=0), hidden[speech].std(dim=0, correction=0)])
    torch.testing.assert_close(made, expected, rtol=1e-3, atol=1e-3)


def test_layers_beyond_those_wanted_are_left_out(folder: Path) -> None:
    settings = WhisperSettings(model=str(folder), layers=(0, 1)).found()
    assert len(settings.build().model.layers) == 1


def test_it_can_be_built_without_the_encoder(found: WhisperSettings) -> None:
    begun = build_network("spectrogram", 80, 4, None, found)
    known = found.model_copy(update={"model": "nowhere/to-be-found"})
    assert known.found() == known
    rebuilt = build_network("spectrogram", 80, 4, None, known, empty=True)
    rebuilt.load_state_dict(begun.state_dict())
    features = [10 * np.random.default_rng(0).normal(size=(60, 80)).astype(np.float32)]
    np.testing.assert_array_equal(rebuilt.vectors(features), begun.vectors(features))


def test_the_first_30_seconds_count(found: WhisperSettings) -> None:
    network = build_network("spectrogram", 80, 4, None, found)
    features = np.random.default_rng(0).normal(0, 10, (3200, 80)).astype(np.float32)
    np.testing.assert_allclose(network.vectors([features]), network.vectors([features[:3000]]), rtol=1e-5)


def test_configuration_hears_what_whisper_hears(folder: Path, found: WhisperSettings) -> None:
    config = make_config(data={"network": {"whisper": {"model": str(folder)}}})
    assert config.frontend == found.frontend()
    assert config.network.whisper == found
    assert make_config(data=config.model_dump(mode="json")) == config


@pytest.mark.parametrize(("frontend", "assignment"), [("functionals", None), ("spectrogram", "frontend.bands=64")])
def test_another_frontend_is_refused(folder: Path, frontend: str, assignment: str | None) -> None:
    assignments = [f"network.whisper.model={folder}", *([assignment] if assignment else [])]
    with pytest.raises(UserError, match=r"network\.whisper hears one kind of spectrogram"):
        make_config("didan", frontend, assignments=assignments)


def test_another_family_is_refused(tmp_path: Path) -> None:
    folder = make_encoder("hubert", tmp_path)
    with pytest.raises(UserError, match=r"network\.whisper: .* is a hubert, which hears waveforms"):
        make_config("didan", "spectrogram", assignments=[f"network.whisper.model={folder}"])


def test_a_layer_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^network\.whisper\.layers: .* has hidden states 0 to 4, not 5"):
        WhisperSettings(model=str(folder), layers=(5,)).found()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "network.whisper.layer=[1]",
            "unknown setting 'network.whisper.layer': did you mean 'network.whisper.layers'",
        ),
        ("network.dropuot=0.3", "unknown setting 'network.dropuot': did you mean 'network.dropout'"),
        ("network.dropout=7", "setting network.dropout: Input should be less than 1"),
        ("network.whisper.revision=main", "network.whisper.revision: .* is a directory and has no revisions"),
    ],
)
def test_a_wrong_setting_is_named(folder: Path, assignment: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_config("didan", "spectrogram", assignments=[f"network.whisper.model={folder}", assignment])
