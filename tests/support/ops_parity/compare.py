"""Run each case with both implementations behind mmcv's layers, and compare the results."""

from __future__ import annotations

import importlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any

import torch
from ops_parity.cases import Case, all_cases
from rich.console import Console
from torch import Tensor

from custom_modules.ops import ext
from sortline.reports.tables import Table

SEEDS = range(5)
# Of the largest number compared; some ops sum thousands of products.
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11}

EQUAL, ON_PURPOSE = "equal", "differs on purpose"
NO_KERNEL = "no {device} kernel in mmcv"

Results = tuple[list[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Outcome:
    """Largest absolute differences of one case; None where there are no gradients."""

    case: Case
    values: float
    gradients: float | None
    passed: bool
    against_loop: bool


def compare_all(device: str) -> tuple[dict[str, Any], list[str]]:
    """Compare every case; return the record and a line for each unexplained difference."""
    outcomes = defaultdict(list)
    for case in all_cases(device):
        outcomes[case.op].append(_compare(case, device))
    record = {
        "mmcv": version("onedl-mmcv"),
        "torch": torch.__version__,
        "device": device,
        "ops": {op: _summary(rows, device) for op, rows in sorted(outcomes.items())},
    }
    failures = [
        f"{op}, {row.case.name}: values differ by {row.values:.3g}, gradients by {row.gradients}"
        for op, rows in sorted(outcomes.items())
        for row in rows
        if not row.passed and not row.case.differs
    ]
    return record, failures


def _compare(case: Case, device: str) -> Outcome:
    """Run one case with every precision and seed."""
    compiled = importlib.import_module("mmcv._ext")
    values, gradients, passed, against_loop = 0.0, 0.0, True, False
    for dtype in case.dtypes:
        for seed in SEEDS:
            inputs = [_rounded(item, dtype) for item in case.inputs(torch.Generator().manual_seed(seed))]
            ours = _run(case, case.call, ext, inputs, device)
            try:
                theirs = _run(case, case.call, compiled, inputs, device)
            except RuntimeError as error:
                if case.reference is None or not _lacks_kernel(error):
                    raise
                against_loop = True
                exact = [_rounded(item, torch.float64) for item in inputs]
                theirs = _run(case, case.reference, compiled, exact, "cpu")
            differences = [_difference(a, b) for a, b in zip(ours, theirs, strict=True)]
            scales = [max((float(part.abs().max()) for part in side if part.numel()), default=0.0) for side in theirs]
            passed &= all(d <= TOLERANCE[dtype] * max(s, 1) for d, s in zip(differences, scales, strict=True))
            values, gradients = max(values, differences[0]), max(gradients, differences[1])
    return Outcome(case, values, gradients if case.leaves else None, passed, against_loop)


def _lacks_kernel(error: RuntimeError) -> bool:
    """Return whether mmcv's extension has no kernel of this op for the device."""
    return "implementation for device" in str(error) or "must be a CUDA tensor" in str(error)


def _rounded(item: Any, dtype: torch.dtype) -> Any:
    return item.to(dtype) if isinstance(item, Tensor) and item.is_floating_point() else item


def _run(case: Case, call: Any, module: ModuleType, inputs: Sequence[Any], device: str) -> Results:
    """Values, and the gradients of a random weighting of the first of them."""
    moved = [item.detach().to(device) if isinstance(item, Tensor) else item for item in inputs]
    leaves = [moved[position].requires_grad_() for position in case.leaves]
    with _served_by(module):
        values = _flat(call(*moved))
        if not leaves:
            return [_exact(value) for value in values], []
        gradients = _gradients(values[0], leaves)
    return [_exact(value) for value in values], [_exact(gradient) for gradient in gradients]


def _gradients(value: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of a random weighting of ``value``; zero for a leaf that it does not depend on."""
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(value)
    gradients = torch.autograd.grad(value, leaves, weights, allow_unused=True)
    return [torch.zeros_like(leaf) if part is None else part for leaf, part in zip(leaves, gradients, strict=True)]


@contextmanager
def _served_by(module: ModuleType) -> Iterator[None]:
    """Make mmcv's layers call ``module`` while the body runs."""
    users = [user for name, user in sys.modules.items() if name.startswith("mmcv.ops.") and hasattr(user, "ext_module")]
    before = [user.ext_module for user in users]
    for user in users:
        user.ext_module = module
    try:
        yield
    finally:
        for user, original in zip(users, before, strict=True):
            user.ext_module = original


def _flat(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    return [torch.as_tensor(part) for part in result]


def _exact(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().double()


def _difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Largest absolute difference; infinite where the shapes are not the same."""
    if [part.shape for part in ours] != [part.shape for part in theirs]:
        return float("inf")
    gaps = [(a - b).abs().nan_to_num(nan=float("inf")) for a, b in zip(ours, theirs, strict=True)]
    return max((float(gap.max()) for gap in gaps if gap.numel()), default=0.0)


def _summary(rows: list[Outcome], device: str) -> dict[str, Any]:
    """One op's entry of the record; cases that differ on purpose give their reason, the others the numbers."""
    regular = [row for row in rows if not row.case.differs]
    reasons = [row.case.differs for row in rows if row.case.differs and not row.passed and not row.against_loop]
    gradients = [row.gradients for row in regular if row.gradients is not None]
    status = ON_PURPOSE if reasons else EQUAL
    if any(row.against_loop for row in rows):
        status = NO_KERNEL.format(device=device.upper())
        reasons = ["compared with a plain reference in float64"]
    if not all(row.passed for row in regular):
        status = "differs"
    return {
        "status": status,
        "values": max(row.values for row in regular),
        "gradients": max(gradients, default=None),
        "cases": len(rows),
        "note": "; ".join(reasons),
    }


def print_table(record: dict[str, Any]) -> None:
    """Print the record as a table, with the notes below it."""
    title = f"Sortline's ops and mmcv {record['mmcv']}'s, torch {record['torch']}, {record['device']}"
    rows = []
    for op, entry in record["ops"].items():
        numbers = ("-" if entry[key] is None else f"{entry[key]:.1e}" for key in ("values", "gradients"))
        rows.append((op, entry["status"], *numbers, str(entry["cases"])))
    console = Console()
    Table(("op", "status", "values", "gradients", "cases"), rows, title, left=(0, 1)).print(console)
    for op, entry in record["ops"].items():
        if entry["note"]:
            console.print(f"{op}: {entry['note']}", highlight=False)
