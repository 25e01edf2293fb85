"""ARMA models of a stationary series by conditional least squares.

Residuals come from one linear filter, so that a fit costs milliseconds; stationarity and
invertibility hold by construction (partial autocorrelations between -1 and 1; Monahan,
Biometrika, 1984).
"""

from dataclasses import dataclass

import numpy as np

from automl._forecast._panel import Array

_MAX_PARTIAL = 0.985


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """Numbers of autoregressive and moving-average terms, plain and seasonal."""

    p: int = 0
    q: int = 0
    P: int = 0
    Q: int = 0

    @property
    def n_terms(self) -> int:
        """Number of coefficients."""
        return self.p + self.q + self.P + self.Q


@dataclass(frozen=True, slots=True, kw_only=True)
class ARMA:
    """A fitted model of w: ar(B) (w - mean) = ma(B) e.

    Attributes:
        ar: Coefficients of B^0, B^1, …; the first is 1.
        ma: The same.
        mean: Mean of w.
        residuals: e, shape (T,).
        aicc: Corrected Akaike criterion.
    """

    ar: Array
    ma: Array
    mean: float
    residuals: Array
    aicc: float

    def forecast(self, w: Array, horizon: int) -> Array:
        """Return the next values of w, shape (horizon,)."""
        p, q = len(self.ar) - 1, len(self.ma) - 1
        past = np.concatenate([np.zeros(p), w - self.mean, np.zeros(horizon)])
        errors = np.concatenate([np.zeros(q), self.residuals, np.zeros(horizon)])
        n = len(w)
        for k in range(horizon):
            i, j = p + n + k, q + n + k
            past[i] = self.ma[1:] @ errors[j - q : j][::-1] - self.ar[1:] @ past[i - p : i][::-1]
        return past[p + n :] + self.mean


def _coefficients(raw: Array) -> Array:
    """Map any numbers to a_1, a_2, … such that 1 - sum a_i B^i has its roots outside the circle."""
    partial = _MAX_PARTIAL * np.tanh(raw)
    a = np.empty(0)
    for value in partial:
        a = np.append(a - value * a[::-1], value)
    return a


def polynomials(raw: Array, order: Order, m: int) -> tuple[Array, Array]:
    """Return the autoregressive and the moving-average polynomial."""
    parts = np.split(raw, np.cumsum([order.p, order.q, order.P]))

    def product(plain: Array, seasonal: Array) -> Array:
        wide = np.zeros(m * len(seasonal) + 1)
        wide[0] = 1.0
        wide[m::m] = -_coefficients(seasonal) if len(seasonal) else wide[m::m]
        return np.convolve(np.append(1.0, -_coefficients(plain)), wide)

    return product(parts[0], parts[2]), product(parts[1], parts[3])


def fit_arma(w: Array, order: Order, m: int, *, has_mean: bool, n_steps: int = 12) -> ARMA:
    """Fit by Levenberg's and Marquardt's method.

    Args:
        w: A stationary series.
        order: Numbers of terms.
        m: Season.
        has_mean: Whether the mean is estimated rather than zero.
        n_steps: Upper bound of iterations.
    """
    from scipy.signal import lfilter

    mean = float(w.mean()) if has_mean else 0.0
    centred = w - mean
    raw = np.full(order.n_terms, 0.1)

    def residuals(x: Array) -> Array:
        ar, ma = polynomials(x, order, m)
        return np.asarray(lfilter(ar, ma, centred))

    e = residuals(raw)
    loss, damping = float(e @ e), 1e-2
    for _ in range(n_steps if order.n_terms else 0):
        jacobian = np.column_stack(
            [(residuals(raw + d) - e) / 1e-5 for d in 1e-5 * np.eye(order.n_terms)]
        )
        gram, slope = jacobian.T @ jacobian, jacobian.T @ e
        step = np.linalg.solve(gram + damping * np.diag(np.diag(gram) + 1e-12), -slope)
        trial = np.clip(raw + np.clip(step, -1.0, 1.0), -3.0, 3.0)
        e_trial = residuals(trial)
        loss_trial = float(e_trial @ e_trial)
        if loss_trial < loss:
            has_settled = loss - loss_trial < 1e-5 * loss
            raw, e, loss, damping = trial, e_trial, loss_trial, damping / 5
            if has_settled:
                break
        else:
            damping *= 5
            if damping > 1e6:
                break
    ar, ma = polynomials(raw, order, m)
    n, k = len(w), order.n_terms + int(has_mean) + 1
    room = n - k - 1
    aicc = np.inf
    if room > 0:
        aicc = n * np.log(max(loss / n, 1e-300)) + 2 * k + 2 * k * (k + 1) / room
    return ARMA(ar=ar, ma=ma, mean=mean, residuals=e, aicc=aicc)


_STARTS = (Order(2, 2, 1, 1), Order(0, 0, 0, 0), Order(1, 0, 1, 0), Order(0, 1, 0, 1))
_LIMIT = Order(4, 4, 2, 2)


def choose_arma(w: Array, m: int, *, has_mean: bool, max_models: int) -> ARMA:
    """Search orders stepwise by AICc (Hyndman & Khandakar, 2008).

    Args:
        w: A stationary series.
        m: Season; 1 for none.
        has_mean: Whether the mean is estimated rather than zero.
        max_models: Upper bound of fits.
    """
    is_seasonal = m > 1 and len(w) > 3 * m
    found: dict[Order, ARMA] = {}

    def attempt(order: Order) -> bool:
        """Fit an order that is new; tell whether it is the best so far."""
        if not is_seasonal:
            order = Order(order.p, order.q)
        is_within = all(0 <= getattr(order, f) <= getattr(_LIMIT, f) for f in ("p", "q", "P", "Q"))
        if order in found or not is_within or len(found) >= max_models:
            return False
        best = min((model.aicc for model in found.values()), default=np.inf)
        found[order] = fit_arma(w, order, m, has_mean=has_mean)
        return found[order].aicc < best

    for order in _STARTS:
        attempt(order)
    is_moving = True
    while is_moving and len(found) < max_models:
        centre = min(found, key=lambda o: found[o].aicc)
        is_moving = any(attempt(order) for order in _neighbours(centre))
    return min(found.values(), key=lambda model: model.aicc)


def _neighbours(o: Order) -> list[Order]:
    moves = [
        (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (0, 0, 1, 1),
    ]  # fmt: skip
    return [
        Order(o.p + s * a, o.q + s * b, o.P + s * c, o.Q + s * d)
        for s in (-1, 1)
        for a, b, c, d in moves
    ]
