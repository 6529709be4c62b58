"""Who changed what: one table, written in the same transaction as the change."""
