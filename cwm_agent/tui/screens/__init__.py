"""Screens: which widgets stand together, and what keys mean there."""
