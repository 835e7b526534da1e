"""How much a recipe's results depend on the order in which the tasks are learned."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

from continual_vqa.analysis.statistics import NO_INTERVAL, SEEDS, Estimate, over_seeds
from continual_vqa.analysis.study_results import Results
from continual_vqa.errors import UserError

ORDERS = "95 % t interval over orders"


@dataclass(frozen=True, slots=True)
class OverOrders:
    """One metric of one recipe in every order.

    Attributes
    ----------
    by_order : order -> mean over seeds with its interval
    by_seed : order -> seed -> value
    mean : mean over orders of the means over seeds; its t interval is over orders
    spread : standard deviation of these means (n - 1 in the denominator); NaN for one order
    """

    by_order: Mapping[str, Estimate]
    by_seed: Mapping[str, Mapping[int, float]]
    mean: Estimate
    spread: float

    @property
    def spread_estimate(self) -> Estimate:
        """The spread as a cell of a table: counted in orders, without an interval."""
        return Estimate(self.spread, math.nan, math.nan, self.mean.count, NO_INTERVAL)


def orders_of(results: Results) -> dict[str, str]:
    """Stream -> its order, for the standard setting.

    Raises
    ------
    UserError : the tasks were learned in one order only
    """
    standard = set(results.streams(novel=False))
    found = {stream: order for stream, order in results.orders.items() if stream in standard}
    if len(found) < 2:
        raise UserError(
            "an order study needs two orders of the tasks at least",
            expected="two streams without a held-out group",
            do="add an order to stream.orders",
        )
    return found


def over_orders(results: Results, recipe: str, metric: str) -> OverOrders:
    """One metric ("AP", "BWT", ...) of `recipe` over the orders in which it was run.

    Orders in which it is not defined are left out. Choice of this project: an order counts once,
    whatever the number of its seeds.
    """
    estimates, values = {}, {}
    for stream, order in orders_of(results).items():
        estimate = results.estimate(stream, recipe, metric)
        if estimate.count:
            estimates[order] = estimate
            values[order] = results.by_seed(stream, recipe, metric)
    means = [estimate.mean for estimate in estimates.values()]
    mean = over_seeds(means)
    if mean.interval == SEEDS:
        mean = replace(mean, interval=ORDERS)
    spread = statistics.stdev(means) if len(means) > 1 else math.nan
    return OverOrders(estimates, values, mean, spread)
