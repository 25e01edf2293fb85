"""Free text to a few numbers."""

import logging
from typing import Any

import numpy as np
import pandas as pd

_N_COMPONENTS = 12
_N_FIT = 10_000
_N_HASHES = 2**14


class TextNumbers:
    """Length, number of words and the leading directions of hashed word pairs (LSA)."""

    def fit(self, words: pd.Series) -> "TextNumbers":
        """Learn the directions from at most 10 000 rows."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer

        sample = words if len(words) <= _N_FIT else words.sample(_N_FIT, random_state=0)
        counts = self._count(sample)
        self.svd_: Any = None
        n_components = min(_N_COMPONENTS, len(sample) - 1)
        if counts.nnz == 0 or n_components < 1:
            return self
        self.tfidf_ = TfidfTransformer(sublinear_tf=True).fit(counts)
        svd = TruncatedSVD(n_components, random_state=0, n_iter=3)
        try:
            self.svd_ = svd.fit(self.tfidf_.transform(counts))
        except ValueError as error:
            logging.getLogger(__name__).debug("No directions in this text: %s", error)
        return self

    @staticmethod
    def _count(words: pd.Series) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        hashing = HashingVectorizer(
            n_features=_N_HASHES, ngram_range=(1, 2), alternate_sign=False, norm=None
        )
        return hashing.transform(words.fillna(""))

    def transform(self, words: pd.Series) -> Any:
        """Return numbers, shape (n, 2 + directions); all NaN where the text is missing."""
        plain = words.fillna("")
        lengths = np.column_stack([plain.str.len(), plain.str.count(r"\S+")]).astype(np.float64)
        if self.svd_ is None:
            out = lengths
        else:
            found = self.svd_.transform(self.tfidf_.transform(self._count(plain)))
            out = np.hstack([lengths, found])
        out[words.isna().to_numpy()] = np.nan
        return out
