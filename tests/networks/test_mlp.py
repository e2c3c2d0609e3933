import torch

from didan.networks.mlp import MLP


def test_the_only_frame_is_what_counts() -> None:
    torch.manual_seed(0)
    network = MLP(88, 4).eval()
    functionals = torch.randn(3, 1, 88)
    alone = network(functionals, torch.ones(3, dtype=torch.int64))
    padded = network(torch.cat([functionals, torch.randn(3, 2, 88)], dim=1), torch.ones(3, dtype=torch.int64))
    assert torch.equal(alone.scores, padded.scores)
    torch.testing.assert_close(alone.scores, network.head(functionals[:, 0]).scores)


def test_parameters() -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in MLP(88, 4).named_parameters()}
    assert shapes == {
        "head.fc1.weight": (256, 88),
        "head.fc1.bias": (256,),
        "head.fc2.weight": (128, 256),
        "head.fc2.bias": (128,),
        "head.output.weight": (4, 128),
        "head.output.bias": (4,),
    }
