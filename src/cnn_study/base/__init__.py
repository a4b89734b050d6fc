"""What everything stands on: errors, files, statistics, imports. Imports nothing of the project."""
