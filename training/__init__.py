"""Training of the published systems, and the export of what the service deploys."""
