"""A phone in Python. It imports nothing of ours: all it knows of the server is the public contract."""
