"""Generator only for now."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK_ROWS = 250_000


def chunk(generator: np.random.Generator, start: int, n: int) -> pa.Table:
    """Make rows ``start`` to ``start + n``: 20 columns as business tables have them."""
    words = np.array([f"word{i}" for i in range(2_000)])
    x = generator.normal(size=n)
    group = generator.integers(0, 8, n)
    amount = np.round(generator.lognormal(3.0, 1.2, n), 2)
    seconds = generator.integers(0, 3 * 365 * 86_400, n)
    people = generator.integers(0, 2_000_000, n)
    notes = words[generator.integers(0, 2_000, (n, 4))]
    columns = {
        "id": pa.array(np.arange(start, start + n)),
        "age": pa.array(generator.integers(18, 95, n).astype(np.int16)),
        "income": with_missing(generator, amount * 120.0, 0.05),
        "amount": pa.array(amount),
        "balance": pa.array(generator.normal(1_000.0, 5_000.0, n)),
        "score": pa.array(generator.random(n)),
        "x": pa.array(x),
        "y": pa.array(0.6 * x + 0.8 * generator.normal(size=n)),
        "ratio": with_missing(generator, generator.beta(2.0, 5.0, n), 0.2),
        "n_orders": pa.array(generator.poisson(2.5, n)),
        "n_visits": with_missing(generator, generator.geometric(0.05, n), 0.1),
        "is_member": pa.array(generator.random(n) < 0.3),
        "segment": labels(group, "segment", 8),
        "country": labels(np.minimum(generator.geometric(0.04, n), 200) - 1, "country", 200),
        "city": labels(generator.integers(0, 20_000, n), "city", 20_000),
        "product": with_missing_labels(generator, generator.integers(0, 500, n), "product", 500),
        "email": pa.array([f"user{one}@example.org" for one in people]),
        "note": pa.array([" ".join(one) for one in notes]),
        "day": pa.array((seconds // 86_400 + 18_262).astype("datetime64[D]")),
        "seen": pa.array(
            (seconds + 1_577_836_800).astype("datetime64[s]").astype("datetime64[us]")
        ),
    }
    return pa.table(columns)


def with_missing(generator: np.random.Generator, values: np.ndarray, share: float) -> pa.Array:
    return pa.array(values, mask=generator.random(len(values)) < share)


def labels(codes: np.ndarray, prefix: str, n: int) -> pa.Array:
    return pa.array(np.array([f"{prefix} {i}" for i in range(n)], dtype=object)[codes])


def with_missing_labels(generator, codes, prefix, n):
    values = np.array([f"{prefix} {i}" for i in range(n)], dtype=object)[codes]
    return pa.array(values, mask=generator.random(len(codes)) < 0.1)


def write_table(path: Path, n_rows: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    writer = None
    for start in range(0, n_rows, CHUNK_ROWS):
        table = chunk(generator, start, min(CHUNK_ROWS, n_rows - start))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
