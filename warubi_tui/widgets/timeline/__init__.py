"""The time axis: the arithmetic (`viewport`, `ticks`, `lanes`) apart from the drawing (`view`)."""
