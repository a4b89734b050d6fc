"""The report of a study: its text, its receipts, its pages."""
