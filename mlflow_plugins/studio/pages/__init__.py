"""The built-in pages; each module has a ``register(studio)``."""
