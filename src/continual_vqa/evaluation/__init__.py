"""From a model's answers to accuracies: predictions, official accuracy rules, score tables."""
