"""Houses: the table base_house, and CSV files in and out of it."""
