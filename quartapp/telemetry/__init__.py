"""What operators see of a running server: log lines, metrics, traces."""
