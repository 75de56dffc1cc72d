"""What operators see of the service: metrics and one log line a request."""
