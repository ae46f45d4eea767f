"""What ML Metadata holds of a root: its runs, their steps, the judged and the pushed models."""
