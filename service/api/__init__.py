"""HTTP: the routes, their forms and limits, and the one place that makes error answers."""
