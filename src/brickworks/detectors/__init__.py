"""Pure functions that judge series: causal, finite look-back, no database."""
