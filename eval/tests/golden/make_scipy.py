#!/usr/bin/env python3
"""Makes scipy.json: statistics by SciPy and pymannkendall that tests/statistics.rs must meet.

    pip install numpy scipy pymannkendall && python3 make_scipy.py > scipy.json
"""

import json

import numpy as np
import pymannkendall
import scipy
from scipy import stats

MASK = (1 << 64) - 1
SEED, RESAMPLES = 500, 10_000


def bits(seed):
    """SplitMix64, as eval/src/stats/random.rs has it."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def uniform(seed, n):
    stream = bits(seed)
    return np.array([(next(stream) >> 11) / (1 << 53) for _ in range(n)])


def draw(stream, values):
    """The median of one resample."""
    n = len(values)
    return np.median(values[[(next(stream) * n) >> 64 for _ in range(n)]])


def bca(estimate, resampled, left_out):
    """SciPy's BCa (`_bca_interval` in scipy/stats/_resampling.py), over given resamples."""
    below = stats.percentileofscore(resampled, estimate, kind="mean") / 100
    z0 = stats.norm.ppf(below)
    if np.all(left_out == left_out[0]):
        return None
    u = np.mean(left_out) - left_out
    a = np.sum(u**3) / (6 * np.sum(u**2) ** 1.5)
    z = z0 + stats.norm.ppf([0.025, 0.975])
    tails = stats.norm.cdf(z0 + z / (1 - a * z))
    return [float(x) for x in np.quantile(resampled, tails)]


def without_one(values):
    return np.array([np.median(np.delete(values, i)) for i in range(len(values))])


def median_interval(values):
    values, stream = np.sort(values), bits(SEED)
    resampled = np.array([draw(stream, values) for _ in range(RESAMPLES)])
    ours = bca(np.median(values), resampled, without_one(values))
    if ours and len(values) > 20:
        # The same by SciPy alone, with resamples of its own.
        theirs = stats.bootstrap(
            (values,), np.median, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(1)
        ).confidence_interval
        room = 0.25 * (ours[1] - ours[0])
        assert abs(theirs.low - ours[0]) <= room and abs(theirs.high - ours[1]) <= room, (theirs, ours)
    return ours


def ratio_interval(a, b):
    a, b, stream = np.sort(a), np.sort(b), bits(SEED)
    resampled = np.array([draw(stream, a) / draw(stream, b) for _ in range(RESAMPLES)])
    above, below = np.median(a), np.median(b)
    left_out = np.concatenate([without_one(a) / below, above / without_one(b)])
    return bca(above / below, resampled, left_out)


def order_interval(values):
    """quantile_test's interval is one-sided exact at each end: 97.5 % twice."""
    ci = stats.quantile_test(values, q=np.median(values), p=0.5).confidence_interval(0.95)
    return None if np.isnan(ci.low) or np.isnan(ci.high) else [float(ci.low), float(ci.high)]


def trend(values):
    time = np.arange(len(values), dtype=float)
    mk = pymannkendall.original_test(values)
    return {
        "s": float(mk.s),
        "p": float(mk.p),
        "slope": float(stats.theilslopes(values, time).slope),
    }


def two(a, b):
    tied = len(set([*a, *b])) < len(a) + len(b)
    method = "exact" if not tied and max(len(a), len(b)) <= 40 else "asymptotic"
    test = stats.mannwhitneyu(a, b, alternative="two-sided", method=method)
    differences = np.sort(np.subtract.outer(a, b).ravel())
    return {
        "u": float(test.statistic),
        "p": float(test.pvalue),
        "shift": float(np.median(differences)),
        "ratio_interval": ratio_interval(a, b),
    }


def one(values):
    mad = stats.median_abs_deviation(values)
    return {
        "interval": median_interval(values) if len(values) >= 6 else None,
        "order_interval": order_interval(values),
        "mad": float(mad),
        "trend": trend(values),
    }


def friedman(seed, blocks, treatments, shift):
    """Blocks that differ by themselves, where the last treatment costs more; whole numbers tie."""
    values = np.round(200 + 8 * uniform(seed, blocks * treatments).reshape(blocks, treatments))
    values += np.round(50 * uniform(seed + 1, blocks))[:, None]
    values[:, -1] += shift
    test = stats.friedmanchisquare(*values.T)
    return {
        "blocks": values.tolist(),
        "statistic": float(test.statistic),
        "p": float(test.pvalue),
    }


def samples():
    """Boot medians as they may come: (name, values)."""
    for n in (5, 6, 7, 8, 10, 15, 24, 25, 41, 60):
        yield f"uniform {n}", 200 + 10 * uniform(n, n)
        yield f"skew {n}", 200 - 5 * np.log1p(-uniform(100 + n, n))
        yield f"whole {n}", np.round(200 + 6 * uniform(200 + n, n))
    yield "rising 25", 200 + 0.2 * np.arange(25) + 3 * uniform(1, 25)
    yield "two modes 25", np.where(uniform(2, 25) < 0.4, 220.0, 200.0) + uniform(3, 25)
    yield "all but one equal", np.array([154.0] * 11 + [155.0])


def main():
    ones = [{"name": n, "values": v.tolist(), **one(v)} for n, v in samples()]
    values = dict(samples())
    pairs = [
        ("uniform 6", "skew 7"),
        ("uniform 25", "skew 25"),
        ("uniform 25", "rising 25"),
        ("whole 25", "whole 24"),
        ("whole 10", "uniform 15"),
        ("uniform 60", "uniform 41"),
        ("skew 60", "whole 60"),
        ("two modes 25", "uniform 8"),
    ]
    twos = [{"a": a, "b": b, **two(values[a], values[b])} for a, b in pairs]
    blocks = [friedman(*case) for case in [(1, 6, 4, 0), (3, 25, 4, 2), (5, 25, 3, 5), (7, 12, 3, 1)]]
    golden = {"one": ones, "two": twos, "friedman": blocks}
    print(json.dumps({"scipy": scipy.__version__, **golden}, indent=1))


main()
