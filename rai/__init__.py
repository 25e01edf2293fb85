"""Responsible-AI evaluation of any MLflow model."""
