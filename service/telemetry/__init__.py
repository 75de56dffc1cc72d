"""What operators see of the service: metrics, traces and one log line per request."""
