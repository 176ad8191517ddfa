"""How near the least of its sum an iteration ends: in words, and of conjugate gradients."""

from __future__ import annotations

import math

NEAR_ENOUGH = 0.01
"""An iteration that ends no more than this part above the least of its sum is at its end."""


def end_in_words(above_least: float) -> str:
    """How near its end an iteration came, for a notice.

    >>> end_in_words(0.004), end_in_words(0.0872)
    ('within 1 % of the least of its sum', 'at most 8.7 % above the least of its sum')
    >>> end_in_words(13.0), end_in_words(math.nan)
    ('may be far above the least of its sum', 'how near its end is not known')
    """
    if math.isnan(above_least):
        return "how near its end is not known"
    if above_least > 1:
        return "may be far above the least of its sum"
    if above_least > NEAR_ENOUGH:
        return f"at most {100 * above_least:.2g} % above the least of its sum"
    return "within 1 % of the least of its sum"


class Unfinished:
    """What conjugate gradients may leave of their sum to later steps.

    The smaller of a bound by quadrature, as no eigenvalue is below the damping, and of twice what
    the second half of the steps took, which is enough where what is left falls by a third or more
    when the steps double. The bound is three times too large near the end, and far more before.

    Parameters
    ----------
    damping
        Of the sum, 0 … .
    total
        The sum before the first step.
    gamma
        Energy of its gradient there.

    References
    ----------
    Meurant and Tichý (2013) Numer Algorithms 62:163. doi:10.1007/s11075-012-9591-9
    """

    def __init__(self, damping: float, total: float, gamma: float) -> None:
        self.damping, self.totals = damping, [total]
        self.factor = 1 / damping if damping else math.inf
        self.bound = self.factor * gamma

    def renew(self, alpha: float, before: float, gamma: float) -> None:
        """After a step of length ``alpha``, with the gradients' energies before and after it."""
        self.totals.append(self.totals[-1] - alpha * before)
        if math.isfinite(self.factor) and before > 0:
            rest = max(self.factor - alpha, 0.0)
            lower = self.damping * rest + gamma / before
            self.factor = rest / lower if lower > 0 else 0.0
            self.bound = self.factor * gamma

    def above_least(self) -> float:
        """In parts of the least; infinite where nothing is known."""
        now = self.totals[-1]
        taken = self.totals[len(self.totals) // 2] - now if len(self.totals) > 2 else math.inf
        excess = min(self.bound, 2 * taken)
        return excess / (now - excess) if excess < now else math.inf
