"""What Kommo's adapter, its pages and its stand-in share. Facts: docs/providers/kommo.md."""
