"""What a run answers: `result.json`, typed. Every job fills it, every page and screen reads it."""
