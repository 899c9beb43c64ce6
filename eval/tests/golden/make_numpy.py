#!/usr/bin/env python3
"""Makes numpy.json: statistics by NumPy that tests/stats.rs must meet.

    pip install numpy && python3 make_numpy.py > numpy.json
"""

import json
import math

import numpy as np

MASK = (1 << 64) - 1


def uniform(seed, n):
    """SplitMix64 in 0..1, as tests/common/mod.rs has it."""
    values, state = [], seed
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        values.append(((z ^ (z >> 31)) >> 11) / (1 << 53))
    return values


QUANTILES = [0.0, 0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0]


def statistics(values):
    a = np.array(values, dtype=np.float64)
    return {
        "mean": float(np.mean(a)),
        "exact_mean": math.fsum(values) / len(values),
        "median": float(np.median(a)),
        "min": float(np.min(a)),
        "max": float(np.max(a)),
        "quantiles": [[q, float(np.quantile(a, q))] for q in QUANTILES],
    }


LISTED = {
    "one": [222.0],
    "two": [222.0, 154.0],
    "three": [3.0, 1.0, 2.0],
    "four": [4.0, 1.0, 3.0, 2.0],
    "five": [518.576, 518.052, 518.357, 416.909, 410.868],
    "ties": [4.0, 4.0, 4.0, 4.0, 4.1, 4.0, 3.9, 4.0],
    "all equal": [0.1] * 10,
    "tenths": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    "negative": [-1.5, 2.0, -3.25, 0.0, 7.125],
    "signed zeros": [0.0, -0.0, 0.0, -0.0],
    "large": [1e15 + 1, 1e15 + 2, 1e15 + 4, 9e15, 1e15],
    "huge": [1e300, -1e300, 2e300, 3.0],
    "tiny": [5e-324, 1e-310, 2e-308, 3e-308],
    "an outlier": [222.0] * 19 + [1e9],
    "cancelling": [1e16, 1.0, -1e16, 1.0, 1.0],
    "whole ticks": [68.0, 70.0, 72.0, 70.0, 74.0, 68.0, 70.0, 70.0],
}
def cycles(seed, boots, samples, chain_ops):
    """A row in core cycles, as tests/cycles.rs makes it up, sample by sample."""
    shape = (boots, samples, 3)
    value, before, after = np.moveaxis(np.reshape(uniform(seed, math.prod(shape)), shape), 2, 0)
    chains = np.floor(12_000 + 600 * before) + np.floor(12_000 + 600 * after)
    # Two chains of dependent multiplications, 3 core cycles each.
    values = (200 + 40 * value) * (3 * (2 * chain_ops) / chains)
    medians = np.median(values, axis=1)
    q1, median, q3 = np.quantile(medians, [0.25, 0.5, 0.75])
    return {
        "seed": seed,
        "boots": boots,
        "samples": samples,
        "chain_ops": chain_ops,
        "mean": math.fsum(values.ravel()) / values.size,
        "median": float(np.median(values)),
        "q1": float(np.quantile(values, 0.25)),
        "q3": float(np.quantile(values, 0.75)),
        "median_of_boot_medians": float(np.median(medians)),
        "boot_medians": medians.tolist(),
        "spread": float((q3 - q1) / median),
    }


CYCLES = [[11, 2, 3, 500], [12, 7, 20, 4096], [13, 25, 400, 4096]]
RANDOM = [[1, 6], [2, 7], [3, 100], [4, 101], [5, 1000], [6, 4999], [7, 1_000_000]]


def main():
    listed = [{"name": n, "values": v, **statistics(v)} for n, v in LISTED.items()]
    random = [
        {"seed": seed, "n": n, "scale": 222.0, **statistics([x * 222.0 for x in uniform(seed, n)])}
        for seed, n in RANDOM
    ]
    golden = {"listed": listed, "random": random, "cycles": [cycles(*case) for case in CYCLES]}
    print(json.dumps({"numpy": np.__version__, **golden}, indent=1))


main()
