import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from didan.alignment import MemoryBank, class_balanced_marginal

LABELS = torch.tensor([0, 1, 1, 2, 0, 2])


def rows(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None].repeat(1, 3)


def test_first_batch_is_all_there_is() -> None:
    bank = MemoryBank(LABELS, 3)
    features, labels = bank.dictionary(rows(30, 10), torch.tensor([3, 1]))
    assert torch.equal(features, rows(30, 10))
    assert labels.tolist() == [2, 1]


def test_earlier_batches_follow_as_last_seen() -> None:
    bank = MemoryBank(LABELS, 3)
    bank.dictionary(rows(30, 10), torch.tensor([3, 1]))
    bank.dictionary(rows(31, 50), torch.tensor([3, 5]))
    features, labels = bank.dictionary(rows(11, 1), torch.tensor([1, 0]))
    # The batch first, with its new features, then the others in the order of the corpus; 2 and 4 are unseen.
    assert torch.equal(features, rows(11, 1, 31, 50))
    assert labels.tolist() == [1, 0, 2, 2]


def test_gradient_passes_through_the_batch_alone() -> None:
    bank = MemoryBank(LABELS, 3)
    before = rows(30, 10).requires_grad_()
    bank.dictionary(before, torch.tensor([3, 1]))
    now = rows(11, 1).requires_grad_()
    features, _ = bank.dictionary(now, torch.tensor([1, 0]))
    features.square().sum().backward()  # type: ignore[no-untyped-call]
    assert now.grad is not None
    assert torch.equal(now.grad, 2 * now.detach())
    assert before.grad is None
    assert not bank.features.requires_grad


def test_gradient_can_wait_until_after_the_next_batch() -> None:
    bank = MemoryBank(LABELS, 3)
    bank.dictionary(rows(30), torch.tensor([3]))
    now = rows(11).requires_grad_()
    features, _ = bank.dictionary(now, torch.tensor([1]))
    bank.dictionary(rows(99, 98), torch.tensor([3, 1]))
    features.square().sum().backward()  # type: ignore[no-untyped-call]
    assert now.grad is not None
    assert torch.equal(now.grad, rows(22))
    assert torch.equal(features.detach(), rows(11, 30))


def test_utterance_twice_in_a_batch() -> None:
    bank = MemoryBank(LABELS, 3)
    features, labels = bank.dictionary(rows(20, 40, 21), torch.tensor([2, 4, 2]))
    assert torch.equal(features, rows(20, 40, 21))
    assert labels.tolist() == [1, 0, 1]
    features, _ = bank.dictionary(rows(1), torch.tensor([0]))
    assert len(features) == 3  # kept once
    assert float(features[1, 0]) in (20, 21)
    assert torch.equal(features[2], rows(40)[0])


def test_state_survives_saving() -> None:
    bank = MemoryBank(LABELS, 3)
    bank.dictionary(rows(30, 10), torch.tensor([3, 1]))
    other = MemoryBank(torch.zeros_like(LABELS), 3)
    other.load_state_dict({name: tensor.clone() for name, tensor in bank.state_dict().items()})
    for either in (bank, other):
        features, labels = either.dictionary(rows(5), torch.tensor([0]))
        assert torch.equal(features, rows(5, 10, 30))
        assert labels.tolist() == [0, 1, 2]


def test_bank_has_nothing_to_train_and_owns_its_labels() -> None:
    labels = LABELS.clone()
    bank = MemoryBank(labels, 3)
    labels[:] = 9
    assert torch.equal(bank.labels, LABELS)
    assert list(bank.parameters()) == []


def test_batch_of_another_precision() -> None:
    bank = MemoryBank(LABELS, 3)
    bank.dictionary(rows(30).double(), torch.tensor([3]))
    features, _ = bank.dictionary(rows(10).double(), torch.tensor([1]))
    assert features.dtype == torch.float64
    assert torch.equal(features, rows(10, 30).double())


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_every_class_that_occurs_weighs_the_same(classes: list[int]) -> None:
    labels = torch.tensor(classes)
    weights = class_balanced_marginal(labels)
    occurring = set(classes)
    assert weights.shape == labels.shape
    for label in occurring:
        members = weights[labels == label]
        assert float(members.sum()) == pytest.approx(1 / len(occurring), rel=1e-5)
        assert torch.equal(members, members[:1].expand_as(members))


def test_every_class_that_occurs_weighs_by_its_share() -> None:
    # Class 1 does not occur; the others share its part as they share the rest.
    weights = class_balanced_marginal(torch.tensor([0, 0, 2, 2, 2]), torch.tensor([0.2, 0.5, 0.3]))
    torch.testing.assert_close(weights, torch.tensor([0.2, 0.2, 0.2, 0.2, 0.2]))
