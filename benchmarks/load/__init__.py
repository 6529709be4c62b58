"""Load like that of people and programs, on a running server: `make load`."""
