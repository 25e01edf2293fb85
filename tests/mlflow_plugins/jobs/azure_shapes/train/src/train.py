import argparse

import mlflow
import pandas as pd
from sklearn.svm import SVC

parser = argparse.ArgumentParser()
parser.add_argument("--table", required=True)
parser.add_argument("--C", type=float, default=1.0)
parser.add_argument("--kernel", default="rbf")
given = parser.parse_args()
mlflow.sklearn.autolog(log_models=False)
table = pd.read_csv(given.table)
model = SVC(C=given.C, kernel=given.kernel).fit(table.drop(columns="species"), table["species"])
print(f"accuracy {model.score(table.drop(columns='species'), table['species']):.2f}")
