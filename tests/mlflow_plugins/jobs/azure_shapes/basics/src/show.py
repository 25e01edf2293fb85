import argparse

import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--table", required=True)
table = pd.read_csv(parser.parse_args().table)
print(f"{len(table)} rows")
table.to_csv("outputs/table.csv", index=False)
