"""Answers kept, so that a request sent twice is carried out once (Idempotency-Key)."""
