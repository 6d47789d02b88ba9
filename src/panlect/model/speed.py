"""How fast, how well used and how dear: operations per token, a device's peak, memory, energy, money."""

import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from panlect.model.parallel import Ranks
from panlect.model.settings import Machine

RAPL = Path("/sys/class/powercap")


def flops_per_token(network: Any, row_tokens: int) -> float:
    """Operations of a forward and backward pass per token (Chowdhery et al. 2022, appendix B).

    Six for each weight of a matrix that a token goes through, four where the weight is not trained; an
    embedding that is only looked up costs nothing, one that is also the output layer counts once. On top,
    attention over half a row of earlier tokens: ``6 * layers * width * row``.
    """
    head = network.get_output_embeddings()
    lookup = network.get_input_embeddings().weight
    tied = head is not None and head.weight is lookup
    weights = 0.0
    for parameter in network.parameters():
        if parameter.dim() >= 2 and (tied or parameter is not lookup):
            weights += (6 if parameter.requires_grad else 4) * parameter.numel()
    config = network.config.get_text_config()
    layers, width = getattr(config, "num_hidden_layers", 0), getattr(config, "hidden_size", 0)
    return weights + 6.0 * layers * width * row_tokens


def peak_flops(device: torch.device, *, half: bool) -> float:
    """Operations per second of a large matrix product on this device, the best of five."""
    size = 8192 if device.type == "cuda" else 768
    dtype = torch.bfloat16 if half else torch.float32
    a, b = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        _finish(device)
        started = time.perf_counter()
        a @ b
        _finish(device)
        best = min(best, time.perf_counter() - started)
    return 2.0 * size**3 / best


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def memory_bytes(device: torch.device) -> int:
    """The most memory that this process has held: on the GPU, or in all."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Meter:
    """Facts of the machine for the whole run, and of each window."""

    def __init__(self, network: Any, machine: Machine, among: Ranks, *, row_tokens: int, half: bool) -> None:
        self.among, self.machine = among, machine
        flops = flops_per_token(network, row_tokens)
        peak = machine.peak_flops or peak_flops(among.device, half=half)
        self.facts = {
            "devices": among.count, "flops_per_token": flops, "peak_flops": peak,
            "price_per_hour": machine.price_per_hour,
        }  # fmt: skip
        self._seconds, self._joules = time.monotonic(), _rapl_joules()

    def window(self) -> dict[str, float]:
        """Seconds since the last call, memory of the fullest process, and energy of all where it is known."""
        now, joules = time.monotonic(), _rapl_joules()
        seconds = now - self._seconds
        used = self._used_joules(seconds, joules)
        self._seconds, self._joules = now, joules
        parts = self.among.gather((memory_bytes(self.among.device), used))
        energy = [part for _, part in parts if part is not None]
        found = {"seconds": seconds, "memory_bytes": float(max(memory for memory, _ in parts))}
        return found | ({"joules": sum(energy)} if energy else {})

    def _used_joules(self, seconds: float, joules: float | None) -> float | None:
        if self.machine.watts:
            return self.machine.watts * seconds
        if self.among.device.type == "cuda":
            try:
                return torch.cuda.power_draw(self.among.device) / 1000 * seconds
            except (ImportError, RuntimeError, AssertionError):
                return None  # the driver's meter is read through a package of its own
        if joules is None or self._joules is None or joules < self._joules:
            return None
        return (joules - self._joules) / self.among.count


def _rapl_joules() -> float | None:
    """The processor's own energy counter (everything that runs on it), where Linux lets us read it."""
    try:
        files = sorted(RAPL.glob("intel-rapl:?/energy_uj"))
        return sum(int(file.read_text()) for file in files) / 1e6 if files else None
    except OSError:
        return None


def figures(row: Mapping[str, Any], facts: Mapping[str, float]) -> dict[str, float]:
    """What one window (or the sum of several) says about speed, utilisation, memory, energy and money."""
    tokens, characters, _ = (sum(column) for column in zip(*row["seen"], strict=True))
    seconds = row["seconds"]
    speed = tokens / seconds if seconds else 0.0
    found = {
        "tokens_per_second": speed,
        "characters_per_second": characters / seconds if seconds else 0.0,
        "mfu": speed * facts["flops_per_token"] / (facts["peak_flops"] * facts["devices"]),
        "memory_bytes": row["memory_bytes"],
        "seconds": seconds,
    }
    if "joules" in row:
        found["energy_watt_hours"] = row["joules"] / 3600
    if facts["price_per_hour"]:
        found["cost"] = facts["price_per_hour"] * facts["devices"] * seconds / 3600
    return found
