"""Which arithmetic a device has units for. Elsewhere bfloat16 is emulated, a hundred times slower than float32."""

from __future__ import annotations

from collections.abc import Mapping

import torch


def has_bfloat16(processor: Mapping[str, object]) -> bool:
    """Whether a CPU of these capabilities (`torch.cpu.get_capabilities`) has units for bfloat16."""
    return bool(processor.get("amx_bf16") or processor.get("avx512_bf16"))


def matrix_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 for products of matrices, where the device computes them fast."""
    fast = has_bfloat16(torch.cpu.get_capabilities()) if device.type == "cpu" else device.type == "cuda"
    return torch.bfloat16 if fast else torch.float32
