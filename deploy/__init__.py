"""Set-up and start on one machine: what `make` runs before and around the service."""
