"""The same endpoints on other frameworks, each written as its documentation advises."""
