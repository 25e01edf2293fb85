"""mlflow-studio: the Azure Machine Learning experience on an MLflow server."""
