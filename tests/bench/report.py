"""The numbers of a run, and the lines that show them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.calls import CROWD_CLIENTS, MANY_CLIENTS, Times

REQUESTS_BEFORE_MEMORY = 200


@dataclass(frozen=True)
class Memory:
    requests: int  # sent beyond the first REQUESTS_BEFORE_MEMORY
    before_bytes: int
    after_bytes: int


def results(times: dict[str, Times], memory: Memory, faces: int, seconds_to_ready: float) -> dict[str, float]:
    """Every number of the report, by name."""
    forward = times["forward"]
    table = {}
    for name, one in times.items():
        table[f"{name}_p50_seconds"] = one.p50
        table[f"{name}_p95_seconds"] = one.p95
        table[f"{name}_p50_ratio"] = one.p50 / forward.p50
        table[f"{name}_p95_ratio"] = one.p95 / forward.p50
        table[f"{name}_per_second"] = one.per_second
        table[f"{name}_refused"] = one.refused.total()
    return table | {
        "engine_overhead_percent": 100 * (times["engine"].p50 / forward.p50 - 1),
        "inpaint_overhead_milliseconds": 1000 * (times["inpaint"].p50 - forward.p50 * faces),
        "inpaint_overhead_percent": 100 * (times["inpaint"].p50 / (forward.p50 * faces) - 1),
        "inpaint_many_throughput_percent": 100 * times["inpaint_many"].per_second * faces / forward.per_second,
        "inpaint_crowd_throughput_percent": 100 * times["inpaint_crowd"].per_second * faces / forward.per_second,
        "forwards_per_request": faces,
        "seconds_to_ready": seconds_to_ready,
        "resident_bytes": memory.before_bytes,
        "growth_bytes": memory.after_bytes - memory.before_bytes,
        "growth_requests": memory.requests,
    }


def report(numbers: dict[str, float]) -> str:
    """The numbers as lines for people; times as multiples of the bare forward's p50."""
    rows = {
        "forward": "bare TorchScript forward",
        "engine": "through the engine",
        "inpaint": "POST /inpaint, 1 client",
        "inpaint_many": f"POST /inpaint, {MANY_CLIENTS} clients",
        "inpaint_crowd": f"POST /inpaint, {CROWD_CLIENTS} clients",
    }
    lines = [f"{'':26}{'p50':>17}{'p95':>10}{'per second':>13}"]
    for name, title in rows.items():
        p50, rate = numbers[f"{name}_p50_seconds"], numbers[f"{name}_per_second"]
        ratios = f"{numbers[f'{name}_p50_ratio']:6.2f}{numbers[f'{name}_p95_ratio']:10.2f}"
        lines.append(f"{title:26}{p50 * 1000:8.1f} ms{ratios}{rate:13.2f}")
    megabytes, growth = numbers["resident_bytes"] / 2**20, numbers["growth_bytes"] / 2**20
    return "\n".join(
        [
            *lines,
            f"engine overhead            {numbers['engine_overhead_percent']:+.1f} % of the forward's p50",
            f"whole-service overhead     {numbers['inpaint_overhead_percent']:+.1f} % of the forward's p50,"
            f" {numbers['inpaint_overhead_milliseconds']:+.0f} ms"
            f" (forwards a request: {numbers['forwards_per_request']:.0f})",
            f"throughput, {MANY_CLIENTS} clients      {numbers['inpaint_many_throughput_percent']:.1f} %"
            " of the bare loop",
            f"throughput, {CROWD_CLIENTS} clients     {numbers['inpaint_crowd_throughput_percent']:.1f} %"
            f" of the bare loop; refused: {sum(numbers[f'{name}_refused'] for name in rows):.0f}",
            f"a map with denormals       {numbers['denormals_torch_ratio']:.2f} times a clean one's time"
            f" by torch's softmax, {numbers['denormals_ratio']:.2f} by ours",
            f"from start to ready        {numbers['seconds_to_ready']:.1f} s",
            f"resident memory            {megabytes:.0f} MiB in all processes after {REQUESTS_BEFORE_MEMORY} requests,"
            f" {growth:+.0f} MiB over {numbers['growth_requests']:.0f} more",
        ]
    )
