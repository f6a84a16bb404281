"""The engines: each launches boxes of one kind and yields byte streams to the server inside."""
