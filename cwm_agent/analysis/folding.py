"""Which expressions the compiler computes, so that no step of a run does."""

from __future__ import annotations

import ast


def folds(node: ast.AST) -> bool:
    """Whether the compiler makes one constant of it."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float() | complex())):
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            return _is_number(left) and _is_number(right)
        case ast.Tuple(elts=elements):
            return all(map(folds, elements))
    return False


def _is_number(node: ast.AST) -> bool:
    return folds(node) and not isinstance(node, ast.Tuple) and not _is_text(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, int | float | complex)
