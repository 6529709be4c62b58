"""Accounts: who may sign in. Table t_admin, Argon2id passwords, the login path."""
