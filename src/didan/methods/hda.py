"""HDA: hierarchical distribution adaptation, of frames, segments and utterances (Lu et al., Interspeech 2024).

    L = MMD^2(frames) + MMD^2(segments) + MMD^2(utterances)

That nested transformers give three levels, each aligned, is the paper's; the distance, the same for all, and the
sample of frames and segments are ours. Utterances are those of the first fully connected layer.
"""

from torch import Tensor, randperm, stack

from didan.alignment import Alignment, multi_kernel_mmd
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output

_SAMPLE = 256  # of the frames, and of the segments, of each corpus that are compared at a step


class Hda:
    """Sum of MMD^2 over the levels; before the backbone learns, of utterances alone."""

    def __init__(self, settings: AlignmentSettings, context: MethodContext) -> None:
        pass

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        utterances = multi_kernel_mmd(source.embeddings["fc1"], target.embeddings["fc1"])
        parts = {"utterances": utterances} | {
            level: multi_kernel_mmd(_sampled(source.levels[level]), _sampled(target.levels[level]))
            for level in source.levels
        }
        diagnostics = {level: float(part.detach()) for level, part in parts.items()}
        return Alignment(stack(list(parts.values())).sum(), diagnostics)


def _sampled(h: Tensor) -> Tensor:
    return h[randperm(len(h), device=h.device)[:_SAMPLE]]


METHOD = Method(
    name="hda",
    summary="maximum mean discrepancy of frames, segments and utterances of nested transformers",
    settings=AlignmentSettings,
    build=Hda,
    hierarchical=True,
)
