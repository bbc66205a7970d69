"""A small world model, made from nothing: programs, their traces, a tokenizer, and the training of it."""
