"""Where commands run: one backend for each kind of compute, found through entry points."""
