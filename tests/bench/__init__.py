"""What the service costs beside the network it serves: `make bench`, or `python -m tests.bench --help`."""
