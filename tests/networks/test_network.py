import torch

from didan.networks.network import LAYERS, FullyConnected, Output


def test_rows_of_an_output() -> None:
    h, scores = torch.arange(12.0).reshape(4, 3), torch.arange(8.0).reshape(4, 2)
    part = Output({"fc1": h}, scores)[1:3]
    assert torch.equal(part.embeddings["fc1"], h[1:3])
    assert torch.equal(part.scores, scores[1:3])


def test_head_by_hand() -> None:
    head = FullyConnected(5, 3, 0.5).eval()
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    weights = {name: tensor.detach().numpy() for name, tensor in head.named_parameters()}

    def layer(name: str, value: torch.Tensor) -> torch.Tensor:
        weight, bias = (torch.from_numpy(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return value @ weight.T + bias

    fc1 = layer("fc1", x).clamp_min(0)
    fc2 = layer("fc2", fc1).clamp_min(0)
    output = head(x)
    torch.testing.assert_close(output.embeddings["fc1"], fc1)
    torch.testing.assert_close(output.embeddings["fc2"], fc2)
    torch.testing.assert_close(output.scores, layer("output", fc2))
    assert output.embeddings["output"] is output.scores


def test_head_names_its_layers_and_widths() -> None:
    head = FullyConnected(5, 3, 0.0)
    assert head.widths == {name: h.shape[1] for name, h in head(torch.zeros(2, 5)).embeddings.items()}
    assert tuple(head(torch.zeros(2, 5)).embeddings) == LAYERS


def test_dropout_acts_while_training_alone() -> None:
    torch.manual_seed(0)
    head, x = FullyConnected(50, 3, 0.5), torch.ones(1, 50)
    assert not torch.equal(head(x).scores, head(x).scores)
    head.eval()
    assert torch.equal(head(x).scores, head(x).scores)
