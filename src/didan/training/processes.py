"""Processes that train one network together: each hears its share of the utterances, and all learn from the whole.

    x = [f(u_1), ..., f(u_p)],    dL/dw = sum_k dL/dx_k dx_k/dw

f is the backbone with weights w, u_k the share of process k. Each runs f on its share and is given x, from which
head, alignment, pseudo-labels and loss L are computed alike in every process. So each knows dL/dx and follows it
back through its own share, and the sum over processes is the gradient of one process that does everything.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Parameter

from didan.errors import UserError

_PATIENCE = timedelta(days=30)  # others wait while the first makes features; where one fails, torchrun ends all

Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """The processes of a training, as one of them sees them.

    Attributes:
        number: of this process.
        count: how many there are.
    """

    number: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.number == 0

    def share(self, n: int) -> slice:
        """Which of ``n`` rows are this process' share.

        >>> [Processes(number, 3).share(8) for number in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(n * self.number // self.count, n * (self.number + 1) // self.count)

    def whole(self, share: Tensor) -> Tensor:
        """The rows of all processes in order, given this one's; gradients flow into this one's alone."""
        if self.count == 1:
            return share
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.count)]
        with _in_touch():
            dist.all_gather(lengths, torch.tensor([len(share)]))
        padded = share.new_zeros(int(max(lengths)), *share.shape[1:])
        padded[: len(share)] = share.detach()
        shares = [torch.empty_like(padded) for _ in range(self.count)]
        with _in_touch():
            dist.all_gather(shares, padded)
        shares = [rows[: int(length)] for rows, length in zip(shares, lengths, strict=True)]
        shares[self.number] = share
        return torch.cat(shares)

    def add_gradients(self, of_share: Sequence[Parameter], of_whole: Sequence[Parameter]) -> None:
        """Give all processes the gradients of the whole, the same to the last bit.

        Args:
            of_share: weights whose gradients are of each process' share, to be added up.
            of_whole: those whose gradients are of the whole in every process, and differ by rounding at most.
        """
        if self.count == 1:
            return
        own = [weights.grad for weights in of_share if weights.grad is not None]
        own += [weights.grad.div_(self.count) for weights in of_whole if weights.grad is not None]
        added = torch.cat([gradient.flatten() for gradient in own])
        with _in_touch():
            dist.all_reduce(added)
        sums = torch.split(added, [gradient.numel() for gradient in own])
        for gradient, total in zip(own, sums, strict=True):
            gradient.copy_(total.view_as(gradient))

    def of_first(self, value: Value) -> Value:
        """What the first process has here."""
        if self.count == 1:
            return value
        values = [value]
        with _in_touch():
            dist.broadcast_object_list(values)
        return values[0]

    def refuse_other(self, identity: dict[str, Any]) -> None:
        """Make sure that what is to be trained, and on what, is what the first process says.

        Raises:
            UserError: it is not.
        """
        firsts = self.of_first(identity)
        different = sorted(key for key in identity if firsts[key] != identity[key])
        if different:
            raise UserError(
                f"process {self.number} has other {' and '.join(different)} than the first; "
                "all need the same files under the same paths"
            )

    @contextmanager
    def file_of_first(self, file: Path | None) -> Iterator[Path | None]:
        """A file that the first process has, or a copy of it while the block lasts; None if it has none."""
        content = self.of_first(file.read_bytes() if self.count > 1 and file is not None else None)
        if self.first or content is None:
            yield file
            return
        with TemporaryDirectory() as folder:
            copy = Path(folder, "copy")
            copy.write_bytes(content)
            yield copy

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The others begin the block when the first has ended it, and find in a cache what it has made."""
        if not self.first:
            self.of_first(None)
        yield
        if self.first:
            self.of_first(None)


ALONE = Processes()
"""One process."""


@contextmanager
def _in_touch() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise UserError(
            "another process of this training has ended, see what it said; the same with --resume continues"
        ) from error


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that ``torchrun`` has started, this one among them, or this one alone.

    Raises:
        UserError: a machine with GPUs has fewer than processes.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched() or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    if torch.cuda.is_available():
        started, gpus = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if started > gpus:
            raise UserError(f"{started} processes on a machine with {gpus} GPUs; add --nproc-per-node {gpus}")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group(timeout=_PATIENCE)
    yield Processes(dist.get_rank(), dist.get_world_size())
    dist.destroy_process_group()  # not after an error, when others may not answer any more
