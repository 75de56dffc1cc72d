"""The inference service: HTTP in front, a KServe v2 engine behind."""

__version__ = "0.1.0"
