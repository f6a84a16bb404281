"""What a notebook sees: magics, displays, jobs."""
