"""The HTTP door: routes, forms, limits, and the one place that makes error answers."""
