# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors

"""Medians, the interval of a ratio, verdicts, and the table of a report."""

import random
from statistics import median

RESAMPLES = 10_000


def ratio_interval(numerators, denominators):
    """The median of the ratios of pairs, with the bounds of its 95 % bootstrap interval.

    Pairs are drawn whole, so what disturbed both halves of a pair at once cancels out.
    """
    ratios = [a / b for a, b in zip(numerators, denominators, strict=True)]
    source = random.Random(1)
    medians = sorted(median(source.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return median(ratios), medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


class Comparison:
    """One row of a report: two series of figures, measured in pairs, and the bar for their ratio."""

    def __init__(self, name, unit, ours, theirs, versus, bar=None, at_most=False):
        self.name = name
        self.unit = unit
        self.ours = ours
        self.theirs = theirs
        self.versus = versus
        self.bar = bar
        self.at_most = at_most
        self.ratio, self.low, self.high = ratio_interval(ours, theirs)

    @property
    def missed(self):
        """Whether the whole interval lies on the wrong side of the bar."""
        if self.bar is None:
            return False
        return self.low > self.bar if self.at_most else self.high < self.bar

    @property
    def verdict(self):
        """`met`, `met within noise` where the median alone is on the wrong side, or `missed`."""
        if self.bar is None:
            return "no bar"
        if self.missed:
            return "**missed**"
        right = self.ratio <= self.bar if self.at_most else self.ratio >= self.bar
        return "met" if right else "met within noise"

    def record(self):
        """The row for JSON, with every figure."""
        return {
            "name": self.name, "unit": self.unit, "versus": self.versus, "bar": self.bar, "at_most": self.at_most,
            "ratio": self.ratio, "low": self.low, "high": self.high, "verdict": self.verdict.strip("*"),
            "ours": self.ours, "theirs": self.theirs,
        }

    def cells(self):
        sign = "<=" if self.at_most else ">="
        return [
            self.name, self.unit, figure(median(self.ours)), f"{figure(median(self.theirs))} ({self.versus})",
            f"{figure(self.ratio)} [{figure(self.low)}, {figure(self.high)}]",
            "" if self.bar is None else f"{sign} {self.bar:g}", str(len(self.ours)), self.verdict,
        ]


HEADINGS = ["what", "unit", "Cairn", "other", "ratio [95 %]", "bar", "pairs", "verdict"]


def table(headings, rows):
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(value):
    """A number with three digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"
