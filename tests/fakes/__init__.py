"""Stand-ins for what lies beyond the service's boundary, and drawn pictures to feed it."""
