import argparse
from pathlib import Path

import mlflow.sklearn

parser = argparse.ArgumentParser()
parser.add_argument("--from", dest="source", required=True)
parser.add_argument("--to", required=True)
given = parser.parse_args()
model = mlflow.sklearn.load_model(given.source)
mlflow.sklearn.save_model(model, Path(given.to) / "model", pip_requirements=["scikit-learn"])
print(type(model).__name__)
