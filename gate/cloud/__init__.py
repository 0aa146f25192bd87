"""Acts: the one room that speaks to Google. It reports what it sees and judges nothing."""
