"""Automated machine learning that keeps its time budget."""
