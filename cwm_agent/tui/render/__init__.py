"""From values to rows of text: what a block looks like. Nothing here knows a widget."""
