"""Every figure of the course: one call that returns its Axes, so that a student can change it."""

from nma_seq2seq.plots.rasters import (
    activity_map,
    neuron_order,
    population_raster,
    psth,
    raster,
    similarity,
)
from nma_seq2seq.plots.recording import (
    brain_views,
    count_variance,
    events_on_wheel,
    firing_rates,
    psychometric,
    reaction_times,
    region_counts,
    sessions,
    task,
)

__all__ = [
    "activity_map",
    "brain_views",
    "count_variance",
    "events_on_wheel",
    "firing_rates",
    "neuron_order",
    "population_raster",
    "psth",
    "psychometric",
    "raster",
    "reaction_times",
    "region_counts",
    "sessions",
    "similarity",
    "task",
]
