from pathlib import Path

import pytest

from didan.errors import UserError
from didan.features import SpectrogramSettings
from didan.methods.didan import DidanSettings
from didan.model.config import Config, make_config


def didan_settings(config: Config) -> DidanSettings:
    assert isinstance(config.method_settings, DidanSettings)
    return config.method_settings


def test_assignments_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("optimisation: {steps: 7, batch_size: 9}\nmethod_settings: {tau: 0.5}\n")
    config = make_config(file=file, assignments=["optimisation.steps=8"])
    assert (config.optimisation.steps, config.optimisation.batch_size) == (8, 9)
    assert didan_settings(config).tau == 0.5


def test_flags_win_over_everything(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("seed: 3\nmethod: didan\nfrontend: {bands: 32}\n")
    config = make_config("source-only", "spectrogram", 5, file, ["seed=4"])
    assert (config.method, config.seed) == ("source-only", 5)
    assert isinstance(config.frontend, SpectrogramSettings)
    assert (config.frontend.kind, config.frontend.bands) == ("spectrogram", 32)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("optimisation.step=3", "did you mean 'optimisation.steps'"),
        ("optimization.steps=3", "did you mean 'optimisation"),
        ("sed=3", "did you mean 'seed'"),
        ("method_settings.tua=3", "did you mean 'method_settings.tau'"),
        ("frontend.part=[cepstra]", "did you mean 'frontend.parts'"),
        ("frontend.bands=40", "functionals has no setting 'frontend.bands', which belongs to spectrogram"),
        ("network.dropouts=0.1", "did you mean 'network.dropout'"),
        ("optimisation.steps=0", "optimisation.steps"),
        ("optimisation.steps=many", "optimisation.steps"),
        ("network.dropout=1", "network.dropout"),
        ("frontend.kind=mfcc", "frontend"),
        ("frontend={kind: spectrogram, low: 9000}", "below"),
        ("frontend={kind: spectrogram, band: 3}", "did you mean 'frontend.bands'"),
        ("normalisation=speakers", "normalisation"),
        ("network.name=compact", "does not fit functionals; use mlp or --frontend spectrogram"),
        ("method=dijan", "did you mean 'didan'"),
        ("seed.more=1", "seed"),
        ("seed", "key=value"),
        ("=3", "key=value"),
        ("seed=[", "cannot read"),
    ],
)
def test_a_wrong_setting_is_named(assignment: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make_config(assignments=["seed=1", assignment] if "." in assignment else [assignment])
    assert "\n" not in str(caught.value)


def test_l21_with_convex_coefficients_is_refused() -> None:
    with pytest.raises(UserError, match="l21 cannot be combined"):
        make_config(assignments=["method_settings.penalty=l21", "method_settings.constraint=convex"])


def test_settings_of_one_method_are_unknown_to_another() -> None:
    with pytest.raises(UserError, match=r"unknown setting 'method_settings\.tau'"):
        make_config("source-only", assignments=["method_settings.tau=0.1"])


def test_functionals_take_the_perceptron_and_no_utterance_normalisation() -> None:
    assert make_config(frontend="functionals").network_name == "mlp"
    with pytest.raises(UserError, match="per utterance"):
        make_config(frontend="functionals", assignments=["normalisation=utterance"])


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\x00"])
def test_a_file_without_settings_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=r"config\.yaml"):
        make_config(file=file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        make_config(file=tmp_path / "none.yaml")


def test_a_configuration_survives_yaml() -> None:
    config = make_config("didan", "spectrogram", 3, assignments=["method_settings.dictionary=memory"])
    again = Config(**config.model_dump(mode="json"))
    assert again == config
    assert didan_settings(again).dictionary == "memory"
