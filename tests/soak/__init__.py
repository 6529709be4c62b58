"""Faults, one after the other, against servers as they are run: `python -m tests.soak`."""
