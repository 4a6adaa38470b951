"""Vision-language models: the verbs, and the backends behind them."""
