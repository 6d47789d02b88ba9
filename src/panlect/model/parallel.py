"""One run over several processes: who is who, which pass is whose, and models that are copied or sharded.

Processes are started by torchrun (or anything that sets its environment variables), one to a device. Each
takes every n-th pass of a step; gradients are summed over all, so a step is the same however many share it.
`ddp` keeps a copy of the model on each device (Li et al. 2020); `fsdp` keeps a part of every parameter, its
gradient and its moments (FSDP2: `fully_shard`; Zhao et al. 2023).
"""

import atexit
import contextlib
import copy
import datetime
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from panlect import ranks
from panlect.errors import ModelError

T = TypeVar("T")
WAIT = datetime.timedelta(hours=2)  # one rank may read a large corpus while the others are done


@dataclass(frozen=True)
class Ranks:
    """This process among those of the run; alone, every method is trivial."""

    rank: int
    count: int
    device: torch.device
    method: str = "ddp"

    @property
    def sharded(self) -> bool:
        """Whether every process holds only a part of each parameter."""
        return self.count > 1 and self.method == "fsdp"

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in their order, on each of them."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def sum(self, value: float) -> float:
        """The sum over all processes."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return float(total)


ALONE = Ranks(0, 1, torch.device("cpu"))


def join(method: str) -> Ranks:
    """Meet the other processes of the run, if there are any, and take a device."""
    device = own_device()
    if ranks.count() == 1:
        return Ranks(0, 1, device)
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=WAIT)
        atexit.register(_leave)
    return Ranks(ranks.rank(), ranks.count(), device, method)


def own_device() -> torch.device:
    """The GPU of this process's number on its machine, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) if ranks.count() > 1 else 0)
    torch.cuda.set_device(device)
    return device


def _leave() -> None:
    with contextlib.suppress(Exception):
        dist.destroy_process_group()


def deal(passes: list[T], among: Ranks) -> list[tuple[T, bool]]:
    """This process's passes of a step, and whether each counts.

    All processes must make equally many, or they would wait for each other for ever: who has one too few
    repeats a pass that counts for nothing.
    """
    rounds = -(-len(passes) // among.count)
    own = [(each, True) for each in passes[among.rank :: among.count]]
    return own + [(passes[0], False)] * (rounds - len(own))


def blocks(network: Any) -> list[nn.Module]:
    """The repeated parts of a model, as its family names them: what is sharded and compiled one by one."""
    kinds = set(getattr(network, "_no_split_modules", None) or ())
    return [module for module in network.modules() if type(module).__name__.removeprefix("FSDP") in kinds]


class Pass(nn.Module):
    """One pass of a batch through the objective, as a module, so that DDP and FSDP see where it begins."""

    def __init__(self, network: Any, objective: Any) -> None:
        super().__init__()
        self.network, self.objective = network, objective

    def forward(self, batch: Any) -> Any:
        """Return the objective's `Terms`."""
        return self.objective(self.network, batch)


def spread(network: Any, objective: Any, among: Ranks, *, half: bool) -> Any:
    """The pass as something to call with a batch: plain, copied to each process, or sharded.

    Raises:
        ModelError: the parameters cannot be sharded.
    """
    whole = Pass(network, objective)
    if among.count == 1:
        return whole
    if not among.sharded:
        # Experts that no token of a pass was sent to have no gradient; finding out costs a walk of the graph.
        experts = any("experts" in name for name, _ in network.named_modules())
        return DistributedDataParallel(whole, forward_sync_buffers=False, find_unused_parameters=experts)
    if any(getattr(parameter, "masked", False) for parameter in network.parameters()):
        raise ModelError(
            "new rows or masks cannot be trained on sharded parameters", where="parallel", fix="use ddp"
        )
    mesh = init_device_mesh(among.device.type, (among.count,))
    # Gathered and computed in bf16, reduced in fp32; what is updated stays fp32.
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if half else MixedPrecisionPolicy()
    for block in blocks(network):
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(whole, mesh=mesh, mp_policy=policy)
    if any(not isinstance(parameter, DTensor) for parameter in network.parameters()):
        raise ModelError("some parameters were not sharded", where="parallel: fsdp", fix="use ddp")
    return whole


@contextlib.contextmanager
def reducing(spread_pass: Any, among: Ranks, *, last: bool) -> Iterator[None]:
    """Sum gradients over the processes with the last pass of a step only."""
    if among.count == 1:
        yield
    elif isinstance(spread_pass, FSDPModule):
        spread_pass.set_requires_gradient_sync(last)
        yield
    else:
        with contextlib.nullcontext() if last else spread_pass.no_sync():
            yield


def number(value: Tensor) -> float:
    """A scalar, also one whose parts lie on several devices."""
    return float(value.full_tensor() if isinstance(value, DTensor) else value)


def skeleton(network: Any) -> Any:
    """A copy of the network without its numbers, to be filled again after parameters were sharded."""
    memo: dict[int, Any] = {
        id(parameter): nn.Parameter(parameter.detach().to("meta"), requires_grad=parameter.requires_grad)
        for parameter in network.parameters()
    }
    return copy.deepcopy(network, memo)


def unshard(network: Any, plain: Any, among: Ranks) -> None:
    """Turn the network into its plain copy, with all numbers on the CPU of rank 0 (the others get none)."""
    sharded = dict(network.named_parameters())
    found: dict[int, nn.Parameter] = {}
    for name, empty in plain.named_parameters():
        whole = sharded[name].full_tensor().detach()
        if among.rank == 0:
            found[id(empty)] = nn.Parameter(whole.cpu(), requires_grad=empty.requires_grad)
    for module in plain.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) in found:
                module._parameters[name] = found[id(parameter)]
    object.__setattr__(network, "__dict__", plain.__dict__)
