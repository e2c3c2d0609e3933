"""What varies on a GPU; stood in for by an operation that torch has no deterministic form of anywhere."""

import warnings

import pytest
import torch
from torch.nn.functional import max_unpool1d

from didan.hardware import deterministic, hardware


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("didan.hardware.accelerator", lambda: "cuda")
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def unpool() -> None:
    max_unpool1d(torch.ones(1, 1, 2), torch.tensor([[[0, 2]]]), [2])


@pytest.mark.usefixtures("gpu")
def test_names_what_varies_each_time() -> None:
    for _ in range(2):
        with deterministic() as varying:
            unpool()
            unpool()
        assert len(varying) == 1
        assert "unpool" in str(varying)
        assert hardware(varying)["not_deterministic"] == varying.pop()
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.usefixtures("gpu")
def test_names_what_has_another_form_that_torch_would_not_take() -> None:
    """In the words of torch's attention, which warns on a GPU alone."""
    with deterministic() as varying:
        warnings.warn("Memory Efficient attention defaults to a non-deterministic algorithm. To ...", stacklevel=1)
    assert varying == {"Memory Efficient attention"}


@pytest.mark.usefixtures("gpu")
def test_other_warnings_pass() -> None:
    with pytest.warns(UserWarning, match="something else"), deterministic() as varying:
        warnings.warn("something else", stacklevel=1)
    assert not varying
    assert hardware(varying)["not_deterministic"] == "nothing"


@pytest.mark.usefixtures("gpu")
def test_nothing_is_said_where_nobody_has_looked() -> None:
    assert hardware()["gpu"] == "a GPU"
    assert "not_deterministic" not in hardware()


@pytest.mark.usefixtures("gpu")
def test_an_error_leaves_torch_as_it_was() -> None:
    with pytest.raises(KeyError), deterministic():
        raise KeyError
    assert not torch.are_deterministic_algorithms_enabled()


def test_without_a_gpu_torch_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("didan.hardware.accelerator", lambda: "cpu")
    with deterministic() as varying:
        assert not torch.are_deterministic_algorithms_enabled()
    assert not varying
    assert "not_deterministic" not in hardware()
