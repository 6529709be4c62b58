"""`quartapp serve`: hypercorn in this process, or several of them under a small supervisor."""
