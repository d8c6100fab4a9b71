"""The codec for floating-point samples: finds the integers behind them, predicts the rest."""
