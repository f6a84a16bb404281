"""One small class of magics per topic."""
