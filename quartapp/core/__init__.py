"""What every room may use: errors and paging. Standard library only."""
