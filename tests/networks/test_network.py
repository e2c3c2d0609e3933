import torch
from torch import Tensor, nn

from didan.networks.network import LAYERS, Dropout, Ensemble, Output, averaged


def test_rows_of_an_output() -> None:
    h, scores = torch.arange(12.0).reshape(4, 3), torch.arange(8.0).reshape(4, 2)
    part = Output({"fc1": h}, scores)[1:3]
    assert torch.equal(part.embeddings["fc1"], h[1:3])
    assert torch.equal(part.scores, scores[1:3])


def member(ensemble: Ensemble, number: int) -> nn.Sequential:
    """One of them as torch's own layers."""
    layers: list[nn.Module] = []
    for name in LAYERS:
        linears = getattr(ensemble, name)
        layer = nn.Linear(*linears.weight.shape[1:])
        layer.weight.data, layer.bias.data = linears.weight[number].T, linears.bias[number, 0]
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def test_every_member_is_a_network_of_its_own() -> None:
    ensemble = Ensemble(5, 3, 0.5, 4).eval()
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    outputs = ensemble(x)
    assert len(outputs) == 4
    for number, output in enumerate(outputs):
        network = member(ensemble, number)
        torch.testing.assert_close(output.embeddings["fc1"], network[:2](x))
        torch.testing.assert_close(output.embeddings["fc2"], network[:4](x))
        torch.testing.assert_close(output.scores, network(x))
        assert output.embeddings["output"] is output.scores


def test_members_learn_as_if_alone() -> None:
    """The gradient of one member's weights is that of its own loss, which knows nothing of the others."""
    ensemble = Ensemble(5, 3, 0.0, 3)
    x, y = torch.randn(6, 5), torch.randn(6, 3)
    sum((output.scores - y).square().sum() for output in ensemble(x)).backward()
    network = member(ensemble, 1)
    (network(x) - y).square().sum().backward()
    first = network[0]
    assert isinstance(first, nn.Linear)
    gradient = ensemble.fc1.weight.grad
    assert first.weight.grad is not None
    assert gradient is not None
    torch.testing.assert_close(gradient[1].T, first.weight.grad)


def test_the_average_is_over_members() -> None:
    outputs = Ensemble(5, 3, 0.0, 4)(torch.randn(6, 5))
    mean = averaged(outputs)
    torch.testing.assert_close(mean.scores, sum(output.scores for output in outputs) / 4)
    torch.testing.assert_close(mean.embeddings["fc2"].chunk(4, dim=1)[2], outputs[2].embeddings["fc2"])


def test_head_names_its_layers_and_widths() -> None:
    head = Ensemble(5, 3, 0.0, 2)
    (output, _) = head(torch.zeros(2, 5))
    assert head.widths == {name: h.shape[1] for name, h in output.embeddings.items()}
    assert tuple(output.embeddings) == LAYERS


def test_members_begin_differently_and_as_linear_layers_do() -> None:
    torch.manual_seed(0)
    ensemble = Ensemble(400, 3, 0.0, 2)
    weights = ensemble.fc1.weight
    assert not torch.allclose(weights[0], weights[1])
    assert weights.abs().max() <= 1 / 20
    torch.testing.assert_close(weights.std(), nn.Linear(400, 400).weight.std(), rtol=0.02, atol=0)


def test_dropout_acts_while_training_alone_and_on_each_member_by_itself() -> None:
    torch.manual_seed(0)
    head, x = Ensemble(50, 3, 0.5, 2), torch.ones(1, 50)

    def scores() -> Tensor:
        return averaged(head(x)).scores

    assert not torch.equal(scores(), scores())
    head.fc1.weight.data[1], head.fc1.bias.data[1] = head.fc1.weight.data[0], head.fc1.bias.data[0]
    one, other = head(x)
    assert not torch.equal(one.embeddings["fc1"], other.embeddings["fc1"])
    head.eval()
    assert torch.equal(scores(), scores())
    one, other = head(x)
    torch.testing.assert_close(one.embeddings["fc1"], other.embeddings["fc1"])


def test_what_dropout_keeps_is_scaled_to_the_same_mean_and_so_are_gradients() -> None:
    torch.manual_seed(0)
    x = torch.full((4, 100, 300), 2.0, requires_grad=True)
    y = Dropout(0.3)(x)
    y.sum().backward()
    torch.testing.assert_close((y == 0).float().mean(), torch.tensor(0.3), rtol=0, atol=0.01)
    torch.testing.assert_close(y[y > 0], torch.full_like(y[y > 0], 2 / 0.7))
    assert x.grad is not None
    torch.testing.assert_close(2 * x.grad, y.detach())
